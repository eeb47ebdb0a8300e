//SOURCES Message.java
package fly.mcp;

import java.io.IOException;
import java.io.InputStream;

/** Cuts a stream into its lines, each of them a message, whatever its length. */
final class MessageReader {
  private final InputStream in;
  private final byte[] buffer = new byte[1 << 16];
  private int start;
  private int end;

  MessageReader(InputStream in) {
    this.in = in;
  }

  /** The next line that is not blank; null at the end. */
  Message next() throws IOException {
    var text = new Spool();
    while (true) {
      if (start == end) {
        start = 0;
        end = Math.max(0, in.read(buffer));
        if (end == 0) return blank(text) ? null : new Message(text);
      }
      var newline = start;
      while (newline < end && buffer[newline] != '\n') {
        if (buffer[newline] == '\r')
          buffer[newline] = ' '; // a carriage return would end a line of SSE
        newline++;
      }
      text.write(buffer, start, newline - start);
      start = newline;
      if (start == end) continue;
      start++;
      if (!blank(text)) return new Message(text);
      text = new Spool();
    }
  }

  private static boolean blank(Spool text) throws IOException {
    if (text.length() > 64) return false;
    try (var in = text.read()) {
      return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII).isBlank();
    }
  }
}
