package fly.mcp.message;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of a JSON-RPC message that a bridge needs. The message itself is never parsed into
 * objects, so that its bytes pass unchanged.
 */
public final class JsonRpcHead {
  public enum Kind {
    REQUEST,
    NOTIFICATION,
    RESPONSE,
    /** An array of messages: MCP 2025-03-26 alone has it. */
    BATCH,
    /** JSON, but no JSON-RPC message. */
    OTHER,
    BROKEN;

    /** One message of JSON-RPC. */
    public boolean isOne() {
      return this == REQUEST || this == NOTIFICATION || this == RESPONSE;
    }
  }

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CHARSET_DETECTION) // MCP is UTF-8
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .maxNestingDepth(10_000)
                  .build())
          .build();

  /** Reading a number's value costs the square of its digits; a longer one is a text. */
  private static final int LONGEST_NUMBER = 1_000;

  /** Position of a value in the bytes. */
  public record Span(long start, long end) {}

  public Kind kind = Kind.OTHER;

  /** True if the message has {@code "jsonrpc": "2.0"}. */
  public boolean versioned;

  /** The id as JSON, for a message that answers this one; null if there is none. */
  public String id;

  public Span idAt;

  /** Equal for equal ids, however they are written: 1 and 1.0, a and \u0061. */
  public String key;

  public String method;

  /** The subject of the method: params.name or params.uri. */
  public String name;

  public String uri;

  /** The revision that a request of 2026-07-28 or later carries itself: params._meta. */
  public String revision;

  /** The {@link #key} of the request that this notification cancels: params.requestId. */
  public String cancels;

  /** The progress token as JSON, of a request or of a notification. */
  public String progressToken;

  /** Position of progressToken or requestId. */
  public Span aboutAt;

  /** The revision that the client requests: params.protocolVersion. */
  public String wanted;

  /** The revision that the server chose: result.protocolVersion. */
  public String chosen;

  /** error.message; or error itself, if the answer is no JSON-RPC. */
  public String error;

  /** Position of a message in its batch. */
  public Span at;

  /** The messages of a batch. */
  public final List<JsonRpcHead> parts = new ArrayList<>();

  /** Reads the head of one message; bytes that are no JSON are {@link Kind#BROKEN}. */
  public static JsonRpcHead of(InputStream message) throws IOException {
    try (message;
        var parser = JSON.createParser(message)) {
      var head = read(parser, parser.nextToken());
      return parser.nextToken() == null ? head : broken();
    } catch (JacksonException | CharConversionException e) {
      return broken();
    }
  }

  /** The messages of a batch, or the message itself. */
  public List<JsonRpcHead> all() {
    return kind == Kind.BATCH ? parts : List.of(this);
  }

  /** True for a request that changes nothing at the server. */
  public boolean repeatable() {
    return method != null
        && (method.endsWith("/list")
            || List.of("initialize", "ping", "server/discover").contains(method));
  }

  public boolean is(String method) {
    return method.equals(this.method);
  }

  /** A description for people: the method and its subject, or the kind of the message. */
  @Override
  public String toString() {
    if (kind == Kind.RESPONSE) return (error == null ? "reply " : "error ") + id;
    if (method == null) return kind.name().toLowerCase();
    return method + (name == null ? "" : " " + name) + (id == null ? "" : " " + id);
  }

  /** Text as a JSON string, quotes and all. */
  public static String quote(String text) {
    return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }

  private static JsonRpcHead broken() {
    var head = new JsonRpcHead();
    head.kind = Kind.BROKEN;
    return head;
  }

  private static JsonRpcHead read(JsonParser parser, JsonToken token) throws IOException {
    var head = new JsonRpcHead();
    if (token == null) {
      head.kind = Kind.BROKEN;
    } else if (token == JsonToken.START_OBJECT) {
      head.readObject(parser);
    } else if (token == JsonToken.START_ARRAY) {
      while ((token = parser.nextToken()) != JsonToken.END_ARRAY) {
        var part = new JsonRpcHead();
        var start = parser.currentTokenLocation().getByteOffset();
        if (token == JsonToken.START_OBJECT) part.readObject(parser);
        else parser.skipChildren();
        part.at = new Span(start, parser.currentLocation().getByteOffset());
        head.parts.add(part);
      }
      if (!head.parts.isEmpty()) head.kind = Kind.BATCH;
    }
    return head;
  }

  private void readObject(JsonParser parser) throws IOException {
    boolean answers = false;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      var member = parser.currentName();
      var token = parser.nextToken();
      switch (member) {
        case "jsonrpc" -> versioned = "2.0".equals(text(parser, token));
        case "id" -> {
          id = json(parser, token);
          key = key(parser, token);
          idAt = span(parser, token);
        }
        case "method" -> method = text(parser, token);
        case "params" -> members(parser, token, (name, value) -> param(parser, name, value));
        case "result" -> {
          answers = true;
          members(
              parser,
              token,
              (name, value) -> {
                if (name.equals("protocolVersion")) chosen = text(parser, value);
                else parser.skipChildren();
              });
        }
        case "error" -> {
          answers = token == JsonToken.START_OBJECT;
          error = answers ? "" : text(parser, token); // no JSON-RPC, but it explains the failure
          members(
              parser,
              token,
              (name, value) -> {
                if (name.equals("message")) error = text(parser, value);
                else parser.skipChildren();
              });
        }
        default -> parser.skipChildren();
      }
    }
    if (method != null && id == null) kind = Kind.NOTIFICATION;
    else if (method != null && key != null) kind = Kind.REQUEST;
    else if (method == null && answers) kind = Kind.RESPONSE;
  }

  private void param(JsonParser parser, String member, JsonToken token) throws IOException {
    switch (member) {
      case "name" -> name = text(parser, token);
      case "uri" -> uri = text(parser, token);
      case "requestId" -> {
        cancels = key(parser, token);
        aboutAt = span(parser, token);
      }
      case "progressToken" -> progress(parser, token);
      case "protocolVersion" -> wanted = text(parser, token);
      case "_meta" ->
          members(
              parser,
              token,
              (name, value) -> {
                if (name.equals("io.modelcontextprotocol/protocolVersion")) {
                  revision = text(parser, value);
                } else if (name.equals("progressToken")) {
                  progress(parser, value);
                } else {
                  parser.skipChildren();
                }
              });
      default -> parser.skipChildren();
    }
  }

  private void progress(JsonParser parser, JsonToken token) throws IOException {
    aboutAt = span(parser, token);
    progressToken = aboutAt == null ? null : json(parser, token);
    if (aboutAt == null) parser.skipChildren();
  }

  /** The id; null if the value is none. */
  private static Span span(JsonParser parser, JsonToken token) throws IOException {
    if (token != JsonToken.VALUE_STRING && !token.isNumeric()) return null;
    var start = parser.currentTokenLocation().getByteOffset();
    var length = parser.getTextLength(); // reads to the end of a string
    return new Span(
        start, token.isNumeric() ? start + length : parser.currentLocation().getByteOffset());
  }

  private interface Member {
    void read(String name, JsonToken value) throws IOException;
  }

  private static void members(JsonParser parser, JsonToken token, Member member)
      throws IOException {
    if (token != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return;
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      var name = parser.currentName();
      member.read(name, parser.nextToken());
    }
  }

  private static String text(JsonParser parser, JsonToken token) throws IOException {
    if (token == JsonToken.VALUE_STRING) return parser.getText();
    parser.skipChildren();
    return null;
  }

  private static String json(JsonParser parser, JsonToken token) throws IOException {
    if (token == JsonToken.VALUE_STRING) return quote(parser.getText());
    if (token.isNumeric()) return parser.getText();
    parser.skipChildren();
    return "null";
  }

  private static String key(JsonParser parser, JsonToken token) throws IOException {
    if (token == JsonToken.VALUE_STRING) return "\"" + parser.getText();
    if (token.isNumeric()) return number(parser.getText());
    parser.skipChildren();
    return null;
  }

  private static String number(String text) {
    if (text.length() < 10 && text.matches("\\d*[1-9]") && text.charAt(0) != '0') return text;
    if (text.length() > LONGEST_NUMBER) return text;
    try {
      return new BigDecimal(text).stripTrailingZeros().toString();
    } catch (ArithmeticException | NumberFormatException e) {
      return text;
    }
  }
}
