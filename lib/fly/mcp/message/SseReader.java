//SOURCES JsonRpcMessage.java
package fly.mcp.message;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/**
 * Reads server-sent events (WHATWG HTML, section 9.2), and beside them the bare JSON lines that
 * {@code fly mcp wrap} calls an event stream. An event that is cut is dropped.
 */
public final class SseReader {
  /**
   * @param type {@code message} if the stream names none
   */
  public record Event(String type, JsonRpcMessage data) {}

  private static final int LONGEST_FIELD = 64 * 1024;

  private final InputStream in;
  private final byte[] buffer = new byte[64 * 1024];
  private int start;
  private int end;
  private boolean afterReturn;

  private final JsonRpcMessage.Builder data = new JsonRpcMessage.Builder();
  private boolean hasData;
  private String type = "";
  private String id;
  private String lastId;
  private long retryMs = -1;

  public SseReader(InputStream in) throws IOException {
    this.in = in;
  }

  /** The Last-Event-ID of a GET that resumes this stream; null if no event had an id. */
  public String lastId() {
    return lastId;
  }

  /** Milliseconds to wait before resuming; -1 if the server has sent none. */
  public long retryMs() {
    return retryMs;
  }

  /** The next event with data, or null at the end of the stream. */
  public Event next() throws IOException {
    var first = true;
    while (true) {
      var field = new ByteArrayOutputStream(16);
      int b = read();
      if (first && b == 0xef) b = afterByteOrderMark();
      first = false;
      if (b == ' ') field.write(b); // of no event's name, but a heartbeat before bare JSON
      while (b == ' ') b = read();
      if (b == '{' || b == '[') {
        var bare = bareLine((byte) b);
        if (bare == null) return null;
        return new Event("message", bare);
      }
      for (; b >= 0 && b != ':' && !isEnd(b); b = read()) {
        if (field.size() < LONGEST_FIELD) field.write(b);
      }
      if (b < 0) return null;
      if (isEnd(b)) {
        lineEnds(b);
        if (field.size() > 0) continue;
        var event = dispatch();
        if (event != null) return event;
        continue;
      }
      if (!value(field.toString(StandardCharsets.UTF_8))) return null;
    }
  }

  private Event dispatch() throws IOException {
    if (id != null) lastId = id.isEmpty() ? null : id;
    id = null;
    var name = type.isEmpty() ? "message" : type;
    type = "";
    if (!hasData) return null;
    hasData = false;
    if (data.isBlank()) {
      data.clear();
      return null;
    }
    return new Event(name, data.build());
  }

  /** Reads the rest of the line after the colon; false if the stream ends before the line. */
  private boolean value(String field) throws IOException {
    var isData = field.equals("data");
    var text = new ByteArrayOutputStream(isData ? 0 : 32);
    if (isData && hasData) data.append(new byte[] {'\n'}, 0, 1);
    if (isData) hasData = true;
    int b = peek();
    if (b == ' ') start++;
    while (true) {
      if (start == end && !fill()) return false;
      var stop = start;
      while (stop < end && !isEnd(buffer[stop])) stop++;
      if (isData) data.append(buffer, start, stop);
      else if (text.size() < LONGEST_FIELD) text.write(buffer, start, stop - start);
      start = stop;
      if (stop < end) break;
    }
    lineEnds(read());
    var value = text.toString(StandardCharsets.UTF_8);
    switch (field) {
      case "event" -> type = value;
      case "id" -> {
        if (value.indexOf('\0') < 0) id = value;
      }
      case "retry" -> {
        if (value.matches("\\d{1,9}")) retryMs = Long.parseLong(value);
      }
      default -> {}
    }
    return true;
  }

  /** Reads a bare line of JSON, whose first byte has been read. */
  private JsonRpcMessage bareLine(byte first) throws IOException {
    var line = new JsonRpcMessage.Builder();
    line.append(new byte[] {first}, 0, 1);
    while (true) {
      if (start == end && !fill()) {
        line.clear();
        return null;
      }
      var stop = start;
      while (stop < end && buffer[stop] != '\n') stop++;
      line.append(buffer, start, stop);
      start = stop;
      if (stop == end) continue;
      start++;
      return line.build();
    }
  }

  private static boolean isEnd(int b) {
    return b == '\n' || b == '\r';
  }

  /**
   * CR, LF and CRLF all end a line; the LF after a CR may come later, and the reader does not wait
   * for it.
   */
  private void lineEnds(int b) {
    afterReturn = b == '\r';
  }

  private int afterByteOrderMark() throws IOException {
    read();
    read();
    return read();
  }

  private int peek() throws IOException {
    return start < end || fill() ? buffer[start] & 0xff : -1;
  }

  private int read() throws IOException {
    if (start == end && !fill()) return -1;
    if (afterReturn) {
      afterReturn = false;
      if (buffer[start] == '\n') {
        start++;
        return read();
      }
    }
    return buffer[start++] & 0xff;
  }

  private boolean fill() throws IOException {
    int n;
    do n = in.read(buffer);
    while (n == 0);
    start = 0;
    end = Math.max(n, 0);
    return n > 0;
  }
}
