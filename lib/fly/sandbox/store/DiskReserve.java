package fly.sandbox.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * A file that reserves space for the change during which the disk gets full. That change is already
 * made in memory, and must be recorded, too.
 */
final class DiskReserve {
  private static final int USUAL = 1 << 20;
  private static final int SMALL = 1 << 16; // for a small disk

  private final Path file;

  DiskReserve(Path file) {
    this.file = file;
  }

  /** Reserves the space; false if the disk has too little. */
  boolean fill() {
    return Files.exists(file) || fill(USUAL) || fill(SMALL);
  }

  private boolean fill(int bytes) {
    var content = new byte[bytes];
    new Random().nextBytes(content); // zeros take no space on some disks
    try {
      Files.write(file, content);
      return true;
    } catch (IOException e) {
      release();
      return false;
    }
  }

  /** Releases the space; false if none was reserved. */
  boolean release() {
    try {
      return Files.deleteIfExists(file);
    } catch (IOException e) {
      return false;
    }
  }
}
