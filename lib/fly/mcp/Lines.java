package fly.mcp;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The lines that a request brought, all of them, before any of them goes on: a client that is slow,
 * or leaves in the middle of a line, holds up and harms nobody. Long ones wait in a file.
 */
final class Lines implements AutoCloseable {
  private static final int IN_MEMORY = 1 << 20;

  private final byte[] head;
  private Path rest;
  private byte last = '\n';

  /**
   * @throws IOException where the body breaks off
   */
  Lines(InputStream body) throws IOException {
    head = body.readNBytes(IN_MEMORY);
    if (head.length > 0) last = head[head.length - 1];
    if (head.length < IN_MEMORY) return;
    rest = Files.createTempFile("mcp-lines-", ".jsonl");
    try (var out = Files.newOutputStream(rest)) {
      var buffer = new byte[1 << 16];
      for (var n = body.read(buffer); n >= 0; n = body.read(buffer)) {
        out.write(buffer, 0, n);
        if (n > 0) last = buffer[n - 1];
      }
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  /** Writes them, the last one with its newline. */
  void writeTo(OutputStream out) throws IOException {
    out.write(head);
    if (rest != null) Files.copy(rest, out);
    if (last != '\n') out.write('\n');
    out.flush();
  }

  @Override
  public void close() throws IOException {
    if (rest != null) Files.deleteIfExists(rest);
  }
}
