//SOURCES ../../FlyException.java
package fly.sandbox.store;

import fly.FlyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * A folder with a predictable name that belongs to this user alone. It is refused if another user
 * has made it first.
 */
public final class PrivateFolder {
  private static final Set<PosixFilePermission> OWNER =
      PosixFilePermissions.fromString("rwx------");

  private final Path path;

  private PrivateFolder(Path path) {
    this.path = path;
  }

  /**
   * Creates the folder if it is not there.
   *
   * @throws FlyException if it is not this user's
   */
  public static PrivateFolder at(Path path) {
    try {
      create(path);
      var me = me(path);
      if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)
          && Files.getOwner(path, LinkOption.NOFOLLOW_LINKS).equals(me)) {
        if (posix(path)) Files.setPosixFilePermissions(path, OWNER);
        return new PrivateFolder(path);
      }
    } catch (IOException e) {
      // the same refusal
    }
    throw new FlyException(
        path + " is not yours",
        "another user may read and change what is in it",
        "remove it, or set XDG_RUNTIME_DIR to a folder that only you can read");
  }

  private static void create(Path path) throws IOException {
    try {
      if (posix(path)) {
        Files.createDirectory(path, PosixFilePermissions.asFileAttribute(OWNER));
      } else {
        Files.createDirectory(path);
      }
    } catch (FileAlreadyExistsException e) {
      // checked by the caller
    }
  }

  /** The owner of what this process creates. */
  private static Object me(Path folder) throws IOException {
    var file = Files.createTempFile(folder, "owner", null);
    try {
      return Files.getOwner(file);
    } finally {
      Files.delete(file);
    }
  }

  private static boolean posix(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix");
  }

  public Path path() {
    return path;
  }

  /** Writes a file that its owner alone can read, in one step. */
  public Path write(String name, String text) {
    try {
      var file = Files.createTempFile(path, name, null); // readable to its owner alone
      Files.writeString(file, text);
      return Files.move(
          file,
          path.resolve(name),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
