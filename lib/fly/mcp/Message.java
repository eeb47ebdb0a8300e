//SOURCES Spool.java ../Fly.java
package fly.mcp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;

/**
 * One JSON-RPC message: its bytes as they came, on one line, and what a relay has to know of them.
 * Nobody rewrites it: ids, big numbers, unknown members and the order of keys stay as they are.
 */
final class Message implements Closeable {
  enum Kind {
    REQUEST,
    NOTIFICATION,
    RESPONSE,
    /** JSON, and no JSON-RPC. */
    INVALID,
    BROKEN
  }

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(5000).build())
          .build();

  /** Where a value stands in the bytes. */
  private record Span(long start, long end) {}

  private final Spool text;
  private Span idSpan;
  private Span aboutSpan;
  private Kind kind = Kind.BROKEN;
  private boolean result;

  /** As JSON; null where there is none. */
  private String id;

  private String method;
  private String progressToken;
  private String requestId;
  private String protocolVersion;

  Message(Spool text) throws IOException {
    this.text = text;
    try (var in = text.read();
        var json = JSON.createParser(in)) {
      peek(json);
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      kind = Kind.BROKEN;
    }
  }

  static Message of(String json) throws IOException {
    var text = new Spool();
    text.write(json.getBytes(StandardCharsets.UTF_8));
    return new Message(text);
  }

  /** A reply in the place of a server that cannot give one. */
  static Message error(String id, int code, String reason) throws IOException {
    return of(errorJson(id, code, reason));
  }

  static String errorJson(String id, int code, String reason) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"%s\"}}"
        .formatted(id, code, new String(JsonStringEncoder.getInstance().quoteAsString(reason)));
  }

  /** The whole of a body as one message, whatever lines it has; null where it is too long. */
  static Message whole(InputStream body, long limit) throws IOException {
    var text = new Spool();
    var buffer = new byte[1 << 16];
    for (var count = body.read(buffer); count >= 0; count = body.read(buffer)) {
      if (text.length() + count > limit) {
        text.close();
        return null;
      }
      for (var i = 0; i < count; i++) if (buffer[i] == '\n' || buffer[i] == '\r') buffer[i] = ' ';
      text.write(buffer, 0, count);
    }
    return new Message(text);
  }

  private void peek(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      if (json.currentToken() != null) json.skipChildren();
      kind = json.currentToken() == null ? Kind.BROKEN : Kind.INVALID;
      return;
    }
    var version = "";
    while (json.nextToken() != JsonToken.END_OBJECT) {
      var name = json.currentName();
      var value = json.nextToken();
      switch (name) {
        case "jsonrpc" -> version = value.isScalarValue() ? json.getText() : "";
        case "id" -> {
          id = scalar(json);
          idSpan = span(json);
        }
        case "method" -> method = value == JsonToken.VALUE_STRING ? json.getText() : null;
        case "result", "error" -> result = true;
        case "params" -> {
          if (value == JsonToken.START_OBJECT) peekParams(json);
        }
        default -> {}
      }
      json.skipChildren();
    }
    var alone = json.nextToken() == null;
    if (!alone || !version.equals("2.0")) kind = Kind.INVALID;
    else if (method != null) kind = id == null ? Kind.NOTIFICATION : Kind.REQUEST;
    else kind = result ? Kind.RESPONSE : Kind.INVALID;
  }

  private void peekParams(JsonParser json) throws IOException {
    while (json.nextToken() != JsonToken.END_OBJECT) {
      var name = json.currentName();
      var value = json.nextToken();
      if (name.equals("_meta") && value == JsonToken.START_OBJECT) {
        while (json.nextToken() != JsonToken.END_OBJECT) {
          var meta = json.currentName();
          json.nextToken();
          if (meta.equals("progressToken")) {
            progressToken = scalar(json);
            aboutSpan = span(json);
          }
          json.skipChildren();
        }
      } else if (name.equals("progressToken")) {
        progressToken = scalar(json);
        aboutSpan = span(json);
      } else if (name.equals("requestId")) {
        requestId = scalar(json);
        aboutSpan = span(json);
      } else if (name.equals("protocolVersion") && value == JsonToken.VALUE_STRING) {
        protocolVersion = json.getText();
      }
      json.skipChildren();
    }
  }

  private static String scalar(JsonParser json) throws IOException {
    return switch (json.currentToken()) {
      case VALUE_STRING ->
          "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(json.getText())) + "\"";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> json.getText();
      default -> null;
    };
  }

  private static Span span(JsonParser json) throws IOException {
    var start = json.currentTokenLocation().getByteOffset();
    var number = json.currentToken().isNumeric();
    return new Span(
        start, number ? start + json.getTextLength() : json.currentLocation().getByteOffset());
  }

  /**
   * The same message with another id, and another progress token or request id: for a program that
   * several clients share.
   *
   * @param newId as JSON; null leaves it as it is, and so does null for the other one
   */
  Message with(String newId, String newAbout) throws IOException {
    var copy = new Spool();
    try (var in = text.read()) {
      var at = 0L;
      var first = aboutSpan != null && idSpan != null && aboutSpan.start() < idSpan.start();
      for (var about : first ? new boolean[] {true, false} : new boolean[] {false, true}) {
        var span = about ? aboutSpan : idSpan;
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

  private static void copy(InputStream in, OutputStream out, long count) throws IOException {
    var buffer = new byte[1 << 14];
    for (var left = count; left > 0; ) {
      var read = in.read(buffer, 0, (int) Math.min(left, buffer.length));
      if (read < 0) throw new IOException("the message is shorter than it was");
      out.write(buffer, 0, read);
      left -= read;
    }
  }

  /** Two ids that mean the same are the same key: a server may send 1 where it got 1.0. */
  static String key(String id) {
    if (id == null || id.startsWith("\"")) return id;
    var number = new BigDecimal(id).stripTrailingZeros();
    return number.unscaledValue() + "e" + -number.scale();
  }

  Kind kind() {
    return kind;
  }

  String id() {
    return id;
  }

  String method() {
    return method;
  }

  boolean is(String name) {
    return name.equals(method);
  }

  /** Of a request, where it asks for progress; of a notification, which progress it tells. */
  String progressToken() {
    return progressToken;
  }

  /** Which request a notification is about; null elsewhere. */
  String requestId() {
    return requestId;
  }

  /** What an initialize asks for; null elsewhere. */
  String protocolVersion() {
    return protocolVersion;
  }

  long length() {
    return text.length();
  }

  /** The bytes, without a newline. */
  void writeTo(OutputStream out) throws IOException {
    text.writeTo(out);
  }

  @Override
  public void close() {
    try {
      text.close();
    } catch (IOException e) {
      // a temporary file stays behind, in the system's folder for them
    }
  }

  /** The beginning, for people. */
  @Override
  public String toString() {
    try (var in = text.read()) {
      return new String(in.readNBytes(200), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return kind.toString();
    }
  }
}
