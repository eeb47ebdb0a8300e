//SOURCES JsonRpcMessage.java
package fly.mcp.message;

import java.io.IOException;
import java.io.InputStream;

/** The messages of a stdio stream: one a line, of any length; blank lines are passed over. */
public final class LineReader {
  private final InputStream in;
  private final byte[] buffer = new byte[64 * 1024];
  private int start;
  private int end;

  public LineReader(InputStream in) {
    this.in = in;
  }

  /** The next line without its end, or null after the last one. */
  public JsonRpcMessage next() throws IOException {
    try (var line = new JsonRpcMessage.Builder()) {
      while (true) {
        if (start == end && !fill()) return line.isBlank() ? null : line.build();
        var newline = start;
        while (newline < end && buffer[newline] != '\n') newline++;
        var crlf = newline < end && newline > start && buffer[newline - 1] == '\r';
        line.append(buffer, start, crlf ? newline - 1 : newline);
        start = newline;
        if (newline == end) continue;
        start++;
        if (!line.isBlank()) return line.build();
        line.clear();
      }
    }
  }

  private boolean fill() throws IOException {
    var n = in.read(buffer);
    if (n < 0) return false;
    start = 0;
    end = n;
    return true;
  }
}
