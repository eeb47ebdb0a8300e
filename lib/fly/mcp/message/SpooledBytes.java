package fly.mcp.message;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Bytes of any length: in memory while they are few, then in an unnamed file, so that the heap
 * stays small.
 */
public final class SpooledBytes extends OutputStream {
  /** More bytes go to a file. */
  public static final int LARGE = 64 * 1024;

  private byte[] memory = new byte[512];
  private int buffered;
  private FileChannel file;
  private long filed;

  public long length() {
    return filed + buffered;
  }

  /** True if all bytes are blanks. */
  public boolean isBlank() {
    if (file != null) return false;
    for (int i = 0; i < buffered; i++) if (memory[i] > ' ' || memory[i] < 0) return false;
    return true;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    for (var left = count; left > 0; ) {
      if (buffered == memory.length) grow(left);
      var part = Math.min(left, memory.length - buffered);
      System.arraycopy(bytes, from + count - left, memory, buffered, part);
      buffered += part;
      left -= part;
    }
  }

  private void grow(int wanted) throws IOException {
    if (buffered < LARGE) {
      memory = Arrays.copyOf(memory, Math.min(LARGE, Math.max(2 * buffered, buffered + wanted)));
      return;
    }
    if (file == null) file = temporaryFile();
    moveToFile();
  }

  private void moveToFile() throws IOException {
    for (var rest = ByteBuffer.wrap(memory, 0, buffered); rest.hasRemaining(); ) {
      filed += file.write(rest, filed);
    }
    buffered = 0;
  }

  /** Ends the writing: bytes in the file need no memory from here on. */
  public void finish() throws IOException {
    if (file == null) {
      if (buffered < memory.length / 2) memory = Arrays.copyOf(memory, buffered);
      return;
    }
    moveToFile();
    memory = null;
  }

  /** The bytes from the first one on, after {@link #finish}. */
  public InputStream open() {
    if (file == null) return new ByteArrayInputStream(memory, 0, buffered);
    return new InputStream() {
      private long position;

      @Override
      public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] target, int start, int count) throws IOException {
        var n = file.read(ByteBuffer.wrap(target, start, count), position);
        if (n > 0) position += n;
        return n;
      }
    };
  }

  public void writeTo(OutputStream out) throws IOException {
    if (file == null) {
      out.write(memory, 0, buffered);
      return;
    }
    try (var in = open()) {
      in.transferTo(out);
    }
  }

  /** Drops the bytes. */
  @Override
  public void close() {
    try {
      if (file != null) file.close();
    } catch (IOException e) {
      // the file has no name any longer
    }
  }

  /**
   * Creates a file that only its owner can read. Its name is removed at once if the system allows
   * it.
   */
  private static FileChannel temporaryFile() throws IOException {
    var path = Files.createTempFile("fly-mcp-", null);
    var file =
        FileChannel.open(
            path,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // Windows: when it is closed, then
    }
    return file;
  }
}
