package fly.mcp;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Bytes of any length: in memory while they are few, then in a file of their own. */
final class Spool extends OutputStream {
  private static final int IN_MEMORY = 1 << 18;

  private byte[] memory = new byte[256];
  private Path file;
  private OutputStream out;
  private long length;

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    if (file == null && length + count > IN_MEMORY) {
      file = Files.createTempFile("mcp-", ".json");
      out = Files.newOutputStream(file);
      out.write(memory, 0, (int) length);
      memory = null;
    }
    if (file == null) {
      if (length + count > memory.length) {
        memory = Arrays.copyOf(memory, Math.max(memory.length * 2, (int) length + count));
      }
      System.arraycopy(bytes, from, memory, (int) length, count);
    } else {
      out.write(bytes, from, count);
    }
    length += count;
  }

  long length() {
    return length;
  }

  /** All that was written; nothing is written after this. */
  InputStream read() throws IOException {
    if (file == null) return new ByteArrayInputStream(memory, 0, (int) length);
    out.close();
    return Files.newInputStream(file);
  }

  void writeTo(OutputStream target) throws IOException {
    if (file == null) target.write(memory, 0, (int) length);
    else Files.copy(file, target);
  }

  /** Forgets the bytes. */
  @Override
  public void close() throws IOException {
    if (file == null) return;
    out.close();
    Files.deleteIfExists(file);
  }
}
