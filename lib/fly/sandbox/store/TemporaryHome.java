//SOURCES Folders.java OrphanProcesses.java
package fly.sandbox.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The folder of a sandbox that keeps nothing. The sandbox holds a lock beside the folder as long as
 * it runs. A folder whose lock is free was left by a killed sandbox, and the next sandbox removes
 * it.
 */
public final class TemporaryHome implements AutoCloseable {
  private static final String PREFIX = "fly-sandbox-";
  private static final String LOCK = ".lock";

  /**
   * The names of this JVM's own lock files. Opening and closing such a file again would release the
   * lock (POSIX).
   */
  private static final Set<String> OWN = ConcurrentHashMap.newKeySet();

  public final Path folder;
  private final FileChannel lock;

  public TemporaryHome() {
    try {
      while (true) {
        var fresh = Files.createTempDirectory(PREFIX).toRealPath(); // readable to its owner alone
        var file = fresh.resolveSibling(fresh.getFileName() + LOCK);
        OWN.add(file.getFileName().toString());
        var channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        // Another sandbox may have taken it for an orphan before it was locked.
        if (take(channel) != null && Files.exists(fresh) && Files.exists(file)) {
          folder = fresh;
          lock = channel;
          removeOrphans(Files.getOwner(fresh));
          return;
        }
        channel.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static FileLock take(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // another sandbox in this JVM
    }
  }

  /** Removes this user's orphans; those of other users stay, even if root could remove them. */
  private static void removeOrphans(UserPrincipal me) throws IOException {
    var all = Path.of(System.getProperty("java.io.tmpdir"));
    try (var locks = Files.newDirectoryStream(all, PREFIX + "*" + LOCK)) {
      for (var lock : locks) removeOrphan(lock, me);
    }
  }

  private static void removeOrphan(Path file, UserPrincipal me) {
    var name = file.getFileName().toString();
    if (OWN.contains(name)) return;
    var orphan = file.resolveSibling(name.substring(0, name.length() - LOCK.length()));
    try {
      if (!mine(file, me) || Files.exists(orphan) && !mine(orphan, me)) return;
      try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        if (take(channel) == null) return;
        OrphanProcesses.end(orphan.resolve("machines"));
        Folders.delete(orphan);
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      // another sandbox has removed it
    }
  }

  private static boolean mine(Path path, UserPrincipal me) throws IOException {
    return Files.getOwner(path, LinkOption.NOFOLLOW_LINKS).equals(me);
  }

  @Override
  public void close() {
    Folders.delete(folder);
    try {
      lock.close();
      Files.deleteIfExists(folder.resolveSibling(folder.getFileName() + LOCK));
      OWN.remove(folder.getFileName() + LOCK);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
