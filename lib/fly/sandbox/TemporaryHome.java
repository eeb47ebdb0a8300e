package fly.sandbox;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The folder of a sandbox that forgets all at its end. Beside it is a lock, which its sandbox holds
 * as long as it lives: a folder whose lock nobody holds was left by one that was killed, and the
 * next sandbox removes it.
 */
final class TemporaryHome implements AutoCloseable {
  private static final String PREFIX = "fly-sandbox-";
  private static final String LOCK = ".lock";

  final Path folder;
  private final FileChannel lock;

  TemporaryHome() {
    removeOrphans();
    try {
      while (true) {
        var fresh = Files.createTempDirectory(PREFIX).toRealPath(); // readable to its owner alone
        var file = fresh.resolveSibling(fresh.getFileName() + LOCK);
        var channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        // Another sandbox may have taken it for an orphan before it was locked.
        if (take(channel) != null && Files.exists(fresh) && Files.exists(file)) {
          folder = fresh;
          lock = channel;
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
      return null; // another sandbox of this JVM
    }
  }

  /** Also what belongs to somebody else, and so cannot be removed, stays. */
  private static void removeOrphans() {
    var all = Path.of(System.getProperty("java.io.tmpdir"));
    try (var locks = Files.newDirectoryStream(all, PREFIX + "*" + LOCK)) {
      for (var lock : locks) removeOrphan(lock);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void removeOrphan(Path file) {
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      if (take(channel) == null) return;
      var name = file.getFileName().toString();
      World.delete(file.resolveSibling(name.substring(0, name.length() - LOCK.length())));
      Files.deleteIfExists(file);
    } catch (IOException | UncheckedIOException e) {
      // not ours, or gone already
    }
  }

  @Override
  public void close() {
    World.delete(folder);
    try {
      lock.close();
      Files.deleteIfExists(folder.resolveSibling(folder.getFileName() + LOCK));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
