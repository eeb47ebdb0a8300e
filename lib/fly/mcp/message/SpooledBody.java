//SOURCES SpooledBytes.java
package fly.mcp.message;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * The lines that a request brought, all of them, before any of them goes on: a client that is slow,
 * or leaves in the middle of a line, holds up and harms nobody.
 */
public final class SpooledBody implements AutoCloseable {
  private final SpooledBytes text = new SpooledBytes();
  private byte last = '\n';

  /**
   * @throws IOException where the body breaks off
   */
  public SpooledBody(InputStream body) throws IOException {
    var buffer = new byte[1 << 16];
    try {
      for (var n = body.read(buffer); n >= 0; n = body.read(buffer)) {
        text.write(buffer, 0, n);
        if (n > 0) last = buffer[n - 1];
      }
      text.finish();
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Their bytes from the first one on. */
  public InputStream open() {
    return text.open();
  }

  /** Writes them, the last one with its newline. */
  public void writeTo(OutputStream out) throws IOException {
    text.writeTo(out);
    if (last != '\n') out.write('\n');
    out.flush();
  }

  @Override
  public void close() {
    text.close();
  }
}
