//SOURCES SpooledBytes.java
package fly.mcp.message;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * The lines of a request, read whole before any of them is passed on. A client that is slow, or
 * disconnects within a line, delays and harms no other client.
 */
public final class SpooledBody implements AutoCloseable {
  private final SpooledBytes text = new SpooledBytes();
  private byte last = '\n';

  /**
   * @throws IOException if the body is cut
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

  /** The lines' bytes from the first one on. */
  public InputStream open() {
    return text.open();
  }

  /** Writes the lines, the last one with a newline. */
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
