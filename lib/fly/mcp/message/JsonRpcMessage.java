//SOURCES JsonRpcHead.java SpooledBytes.java
package fly.mcp.message;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One JSON-RPC message: its bytes as they came, without a newline, and its {@link JsonRpcHead}. A
 * message is never rewritten: ids, big numbers, unknown members and the order of keys stay as they
 * are.
 */
public final class JsonRpcMessage implements AutoCloseable {
  private final SpooledBytes text;
  private JsonRpcHead head;
  private List<JsonRpcMessage> parts = List.of();

  private JsonRpcMessage(SpooledBytes text) throws IOException {
    this.text = text;
    text.finish();
  }

  public static JsonRpcMessage of(String json) {
    var text = new SpooledBytes();
    var bytes = json.getBytes(StandardCharsets.UTF_8);
    try {
      text.write(bytes, 0, bytes.length);
      return new JsonRpcMessage(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A reply in place of a server's that cannot come. */
  public static JsonRpcMessage error(String id, int code, String reason) {
    return of(errorJson(id, code, reason));
  }

  public static String errorJson(String id, int code, String reason) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":%s}}"
        .formatted(id, code, JsonRpcHead.quote(reason));
  }

  /** Several small messages, one a line. */
  public static JsonRpcMessage lines(List<JsonRpcMessage> messages) throws IOException {
    var lines = new SpooledBytes();
    for (var message : messages) {
      if (lines.length() > 0) lines.write('\n');
      message.writeTo(lines);
    }
    var all = new JsonRpcMessage(lines);
    all.head = new JsonRpcHead();
    all.head.kind = JsonRpcHead.Kind.BATCH;
    return all;
  }

  /** The whole body as one message, even if it has several lines. */
  public static JsonRpcMessage whole(InputStream body) throws IOException {
    try (var text = new Builder()) {
      text.append(body);
      return text.build();
    }
  }

  public long length() {
    return text.length();
  }

  /** Kind and ids of the message, read once. */
  public synchronized JsonRpcHead head() throws IOException {
    if (head == null) head = JsonRpcHead.of(text.open());
    return head;
  }

  /**
   * The same message with another id, and another progress token or request id: for a program that
   * several clients share.
   *
   * @param newId as JSON; null for no change; so is null for the other parameter
   */
  public JsonRpcMessage with(String newId, String newAbout) throws IOException {
    var copy = new SpooledBytes();
    var head = head();
    try (var in = text.open()) {
      var first =
          head.aboutAt != null && head.idAt != null && head.aboutAt.start() < head.idAt.start();
      var at = 0L;
      for (var about : first ? new boolean[] {true, false} : new boolean[] {false, true}) {
        var span = about ? head.aboutAt : head.idAt;
        var value = about ? newAbout : newId;
        if (span == null || value == null) continue;
        copy(in, copy, span.start() - at);
        copy.write(value.getBytes(StandardCharsets.UTF_8));
        in.skipNBytes(span.end() - span.start());
        at = span.end();
      }
      in.transferTo(copy);
    }
    return new JsonRpcMessage(copy);
  }

  /** The messages of a batch, closed with it; or the message itself. Call it once. */
  public List<JsonRpcMessage> parts() throws IOException {
    if (head().kind != JsonRpcHead.Kind.BATCH) return List.of(this);
    parts = new ArrayList<>();
    try (var in = text.open()) {
      var at = 0L;
      for (var part : head.parts) {
        var copy = new SpooledBytes();
        in.skipNBytes(part.at.start() - at);
        copy(in, copy, part.at.end() - part.at.start());
        at = part.at.end();
        parts.add(new JsonRpcMessage(copy));
      }
    }
    return parts;
  }

  private static void copy(InputStream in, OutputStream out, long count) throws IOException {
    var buffer = new byte[1 << 14];
    for (var left = count; left > 0; ) {
      var read = in.read(buffer, 0, (int) Math.min(left, buffer.length));
      if (read < 0) throw new IOException("the message is shorter than it was");
      out.write(buffer, 0, read);
      left -= read;
    }
  }

  /** The message's bytes from the first one on. */
  public InputStream open() {
    return text.open();
  }

  public void writeTo(OutputStream out) throws IOException {
    text.writeTo(out);
  }

  /** The first bytes, for people: a point replaces each byte that is no text. */
  public String start(int count) throws IOException {
    try (var in = open()) {
      var text = new String(in.readNBytes(count), StandardCharsets.UTF_8);
      return text.replaceAll("[\\p{Cc}\ufffd]+", ".");
    }
  }

  @Override
  public void close() {
    text.close();
    parts.forEach(JsonRpcMessage::close);
  }

  /** Collects a message. A newline inside becomes a blank: JSON has none inside its strings. */
  public static final class Builder implements AutoCloseable {
    private SpooledBytes text = new SpooledBytes();

    /** True if the builder holds nothing but blanks. */
    public boolean isBlank() {
      return text.isBlank();
    }

    public long length() {
      return text.length();
    }

    /** Takes bytes, and blanks newlines in the array itself. */
    public void append(byte[] source, int start, int end) throws IOException {
      for (int i = start; i < end; i++) {
        if (source[i] == '\n' || source[i] == '\r') source[i] = ' ';
      }
      if (text.length() == 0 && marked(source, start, end)) start += 3;
      text.write(source, start, end - start);
    }

    /** True for a byte order mark: PowerShell's pipes begin with one, and few parsers take it. */
    private static boolean marked(byte[] source, int start, int end) {
      return end - start >= 3
          && source[start] == (byte) 0xef
          && source[start + 1] == (byte) 0xbb
          && source[start + 2] == (byte) 0xbf;
    }

    public void append(InputStream source) throws IOException {
      var buffer = new byte[16 * 1024];
      for (int n = source.read(buffer); n >= 0; n = source.read(buffer)) append(buffer, 0, n);
    }

    /** The message; the builder is empty again. */
    public JsonRpcMessage build() throws IOException {
      var message = new JsonRpcMessage(text);
      text = new SpooledBytes();
      return message;
    }

    public void clear() {
      text.close();
      text = new SpooledBytes();
    }

    @Override
    public void close() {
      text.close();
    }
  }
}
