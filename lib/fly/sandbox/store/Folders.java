package fly.sandbox.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/** The folders of volumes, snapshots and Machines below the sandbox's home. */
public final class Folders {
  private final Path home;

  public Folders(Path home) {
    this.home = home;
  }

  public Path home() {
    return home;
  }

  /** Creates the folder of this name if it is not there. */
  public Path create(String name) {
    try {
      return Files.createDirectories(home.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path ofMachine(String id) {
    return create("machines/" + id);
  }

  /** Removes a folder with all that is in it. */
  public static void delete(Path folder) {
    if (!Files.exists(folder)) return;
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted((a, b) -> b.compareTo(a)).toList()) Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The result of a copy.
   *
   * @param bytes of the files
   * @param skipped the paths of sockets, pipes and devices, which cannot be copied
   */
  public record Copied(long bytes, List<String> skipped) {}

  /** Copies files, folders and links with their attributes. A file that vanishes is left out. */
  public static Copied copy(Path from, Path to) throws IOException {
    var bytes = new long[1];
    var skipped = new ArrayList<String>();
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
              throws IOException {
            take(folder);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (attributes.isOther()) skipped.add(from.relativize(file).toString());
            else if (take(file) && attributes.isRegularFile()) bytes[0] += attributes.size();
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException failure) {
            return FileVisitResult.CONTINUE;
          }

          private boolean take(Path path) throws IOException {
            try {
              Files.copy(
                  path,
                  to.resolve(from.relativize(path).toString()),
                  LinkOption.NOFOLLOW_LINKS,
                  StandardCopyOption.COPY_ATTRIBUTES);
              return true;
            } catch (NoSuchFileException e) {
              return false;
            }
          }
        });
    return new Copied(bytes[0], List.copyOf(skipped));
  }
}
