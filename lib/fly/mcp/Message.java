//SOURCES Head.java Spool.java
package fly.mcp;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One JSON-RPC message: its bytes as they came, without a newline, and its {@link Head}. Nobody
 * rewrites it: ids, big numbers, unknown members and the order of keys stay as they are.
 */
final class Message implements AutoCloseable {
  private final Spool text;
  private Head head;
  private List<Message> parts = List.of();

  private Message(Spool text) throws IOException {
    this.text = text;
    text.finish();
  }

  static Message of(String json) {
    var text = new Spool();
    var bytes = json.getBytes(StandardCharsets.UTF_8);
    try {
      text.write(bytes, 0, bytes.length);
      return new Message(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A reply in the place of a server that cannot give one. */
  static Message error(String id, int code, String reason) {
    return of(errorJson(id, code, reason));
  }

  static String errorJson(String id, int code, String reason) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":%s}}"
        .formatted(id, code, Head.quote(reason));
  }

  /** Several messages, one a line; they are small. */
  static Message lines(List<Message> messages) throws IOException {
    var lines = new Spool();
    for (var message : messages) {
      if (lines.length() > 0) lines.write('\n');
      message.writeTo(lines);
    }
    var all = new Message(lines);
    all.head = new Head();
    all.head.kind = Head.Kind.BATCH;
    return all;
  }

  /** The whole of a body as one message, whatever lines it has. */
  static Message whole(InputStream body) throws IOException {
    try (var text = new Builder()) {
      text.append(body);
      return text.build();
    }
  }

  long length() {
    return text.length();
  }

  /** What it is; looked up once. */
  synchronized Head head() throws IOException {
    if (head == null) head = Head.of(text.open());
    return head;
  }

  /**
   * The same message with another id, and another progress token or request id: for a program that
   * several clients share.
   *
   * @param newId as JSON; null leaves it as it is, and so does null for the other one
   */
  Message with(String newId, String newAbout) throws IOException {
    var copy = new Spool();
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
    return new Message(copy);
  }

  /** The messages of a batch, closed with it; or the message itself. Asked for once. */
  List<Message> parts() throws IOException {
    if (head().kind != Head.Kind.BATCH) return List.of(this);
    parts = new ArrayList<>();
    try (var in = text.open()) {
      var at = 0L;
      for (var part : head.parts) {
        var copy = new Spool();
        in.skipNBytes(part.at.start() - at);
        copy(in, copy, part.at.end() - part.at.start());
        at = part.at.end();
        parts.add(new Message(copy));
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

  /** Its bytes from the first one on. */
  InputStream open() {
    return text.open();
  }

  void writeTo(OutputStream out) throws IOException {
    text.writeTo(out);
  }

  /** The first bytes, for people. */
  String start(int count) throws IOException {
    try (var in = open()) {
      return new String(in.readNBytes(count), StandardCharsets.UTF_8);
    }
  }

  @Override
  public void close() {
    text.close();
    parts.forEach(Message::close);
  }

  /** Collects a message. A newline inside becomes a blank: JSON has none inside its strings. */
  static final class Builder implements AutoCloseable {
    private Spool text = new Spool();

    /** Nothing in it, or nothing but blanks. */
    boolean isBlank() {
      return text.isBlank();
    }

    long length() {
      return text.length();
    }

    /** Takes bytes, and blanks newlines in the array itself. */
    void append(byte[] source, int start, int end) throws IOException {
      for (int i = start; i < end; i++) {
        if (source[i] == '\n' || source[i] == '\r') source[i] = ' ';
      }
      text.write(source, start, end - start);
    }

    void append(InputStream source) throws IOException {
      var buffer = new byte[16 * 1024];
      for (int n = source.read(buffer); n >= 0; n = source.read(buffer)) append(buffer, 0, n);
    }

    /** The message; the builder is empty again. */
    Message build() throws IOException {
      var message = new Message(text);
      text = new Spool();
      return message;
    }

    void clear() {
      text.close();
      text = new Spool();
    }

    @Override
    public void close() {
      text.close();
    }
  }
}
