import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.zip.GZIPOutputStream;

/** Faults that a server can have, by a short name; and right answers in unusual forms. */
final class Faults {
  /** The part of real time that sockets wait; pauses take none. */
  static final int SPEED = 8;

  private static final String OK = "HTTP/1.1 200 OK\r\n";

  private static final String CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n";

  private Faults() {}

  /** Answers that are broken, false, late, or a refusal. */
  static Map<String, FaultyFly.Fault> all() {
    var faults = new LinkedHashMap<String, FaultyFly.Fault>();
    connection(faults);
    time(faults);
    body(faults);
    json(faults);
    status(faults);
    return faults;
  }

  private static void connection(Map<String, FaultyFly.Fault> faults) {
    faults.put("FIN", (line, out) -> {});
    faults.put("FIN unread", FaultyFly.Fault.idle((line, out) -> {}));
    faults.put("RST", (line, out) -> line.setSoLinger(true, 0));
    faults.put("garbage", raw("SSH-2.0-OpenSSH_9.6\r\n"));
    faults.put("head cut", raw("HTTP/1.1 200 OK\r\nContent-Le"));
    faults.put("HTTP/2", raw("HTTP/2 200\r\ncontent-length: 2\r\n\r\n[]"));
    faults.put("HTTP/0.9", raw("[]\n"));
    faults.put("interim only", endless("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
    faults.put("long head", endless("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", OK));
    faults.put("long line", endless("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", OK));
  }

  private static void time(Map<String, FaultyFly.Fault> faults) {
    faults.put("silence", (line, out) -> line.getInputStream().read());
    faults.put(
        "late silence",
        (line, out) -> {
          write(out, OK + "Content-Length: 100\r\n\r\n");
          line.getInputStream().read(); // until the client is gone
        });
    faults.put(
        "switches",
        (line, out) -> {
          write(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n");
          line.getInputStream().read();
        });
    faults.put("byte a second", (line, out) -> drip(out, OK + "Content-Length: 100\r\n\r\n", " "));
    faults.put("slow head", (line, out) -> drip(out, OK, "X"));
  }

  private static void drip(OutputStream out, String first, String rest)
      throws IOException, InterruptedException {
    write(out, first);
    for (int i = 0; i < 100; i++) {
      Thread.sleep(1000 / SPEED);
      write(out, rest);
    }
  }

  private static void body(Map<String, FaultyFly.Fault> faults) {
    faults.put("cut", raw(OK + "Content-Length: 100\r\n\r\n{\"id\":1"));
    faults.put("no last chunk", raw(CHUNKED + "2\r\n[]\r\n"));
    faults.put("cut chunk", raw(CHUNKED + "ff\r\n[]"));
    faults.put("bad chunk", raw(CHUNKED + "-2\r\n[]\r\n0\r\n\r\n"));
    faults.put("large chunk", raw(CHUNKED + "ffffffffffffffff\r\n[]\r\n"));
    faults.put("trailers", endless("X-Trailer: aaaaaaaaaaaaa\r\n", CHUNKED + "2\r\n[]\r\n0\r\n"));
    faults.put("two lengths", raw(OK + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]"));
    faults.put("length -1", raw(OK + "Content-Length: -1\r\n\r\n[]"));
    faults.put("no length", raw(OK + "\r\n[]"));
    faults.put("too long", raw(OK + "Content-Length: 99999999999\r\n\r\n["));
    faults.put("broken gzip", zipped("x".getBytes(StandardCharsets.UTF_8)));
    var whole = gzip("[]".getBytes(StandardCharsets.UTF_8));
    faults.put("cut gzip", zipped(Arrays.copyOf(whole, whole.length - 8)));
    faults.put("gzip bomb", zipped(gzip(new byte[64 << 20])));
    faults.put("brotli", raw(OK + "Content-Encoding: br\r\nContent-Length: 2\r\n\r\n[]"));
    faults.put("coded", raw(OK + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"));
    faults.put("empty 200", good(""));
    faults.put("204", raw("HTTP/1.1 204 No Content\r\n\r\n"));
    faults.put("part", raw("HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n[]"));
    faults.put(
        "HTML", (line, out) -> FaultyFly.answer(out, 200, "text/html", "<html><p>Log in</html>"));
  }

  private static void json(Map<String, FaultyFly.Fault> faults) {
    for (var text : List.of("null", "\"ok\"", "[]", "{}", "[null]", "[{}]", "[7]")) {
      faults.put(text, good(text));
    }
    faults.put("half JSON", good("{\"id\":\"148e\",\"sta"));
    faults.put("two values", good("{\"id\":\"148e\"} {}"));
    faults.put("NaN", good("{\"id\":NaN}"));
    faults.put("deep", good("[".repeat(100_000)));
    faults.put("id 7", good("{\"id\":7,\"ip\":7}"));
    faults.put("not ok", good("{\"ok\":false}"));
    faults.put("GraphQL error", idle(200, "{\"errors\":[{\"message\":\"it broke\"}]}"));
    faults.put("no data", good("{\"data\":null,\"errors\":[]}"));
  }

  private static void status(Map<String, FaultyFly.Fault> faults) {
    for (var status : List.of(301, 302, 304, 307)) {
      var where = "Location: http://127.0.0.1:9/?" + FakeFly.TOKEN;
      faults.put("" + status, idle(status, "", where));
    }
    for (var status :
        List.of(400, 401, 402, 403, 404, 405, 407, 409, 412, 413, 422, 423, 425, 426, 451)) {
      faults.put("" + status, idle(status, "{\"error\":\"it broke: " + FakeFly.TOKEN + "\"}"));
    }
    for (var status : List.of(501, 511)) faults.put("" + status, idle(status, "<p>Log in"));
    faults.put("429", limited("Retry-After: 1"));
    faults.put("429 for long", limited("Retry-After: 9999"));
    faults.put("429 for ever", limited("Retry-After: 99999999999999999999"));
    faults.put("429 past", limited("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"));
    faults.put("429 NaN", limited("Retry-After: NaN"));
    faults.put("429 -1", limited("Retry-After: -1"));
    for (var status : List.of(303, 408, 499, 500, 502, 503, 504, 524, 600, 999)) {
      faults.put("" + status, (line, out) -> refuse(out, status));
    }
    faults.put("099", raw("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"));
    faults.put("202 []", (line, out) -> FaultyFly.answer(out, 202, "application/json", "[]"));
    faults.put(
        "503 for long",
        (line, out) -> FaultyFly.answer(out, 503, "text/html", "<p>", "Retry-After: 9999"));
  }

  /** Right answers, in forms that HTTP and JSON allow: none is a fault. */
  static Map<String, FaultyFly.Fault> unusual() {
    var forms = new LinkedHashMap<String, FaultyFly.Fault>();
    forms.put("HTTP/1.0", form("HTTP/1.0 %d OK\r\nContent-Length: %d\r\n\r\n%s"));
    forms.put("no reason", form("HTTP/1.1 %d\r\nContent-Length: %d\r\n\r\n%s"));
    forms.put("LF", form("HTTP/1.1 %d OK\nContent-Length: %d\n\n%s"));
    forms.put(
        "interim",
        form(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                + "HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s"));
    forms.put(
        "length twice",
        form("HTTP/1.1 %d OK\r\nContent-Length: %2$d\r\nContent-Length: %2$d\r\n\r\n%3$s"));
    forms.put(
        "folded",
        form("HTTP/1.1 %d OK\r\nX-Long: a,\r\n  b\r\nno colon\r\nContent-Length: %d\r\n\r\n%s"));
    forms.put(
        "folded field",
        form("HTTP/1.1 %d OK\r\nContent-Length: %d\r\nX-Long: a,\r\n Content-Length: 7\r\n\r\n%s"));
    forms.put("kept, closed", (Faults.keeping("HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s")));
    forms.put(
        "surplus", form("HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%sHTTP/1.1 500 No\r\n\r\n"));
    forms.put("chunks", FaultyFly.Fault.form(Faults::chunks));
    forms.put("gzip", FaultyFly.Fault.form((out, status, body) -> zipped(out, status, gzip(body))));
    forms.put(
        "gzip, garbage",
        FaultyFly.Fault.form(
            (out, status, body) -> zipped(out, status, join(gzip(body), new byte[9]))));
    forms.put(
        "gzip twice",
        FaultyFly.Fault.form(
            (out, status, body) -> {
              var half = body.length / 2;
              var first = gzip(Arrays.copyOf(body, half));
              zipped(out, status, join(first, gzip(Arrays.copyOfRange(body, half, body.length))));
            }));
    forms.put("mark", charset(StandardCharsets.UTF_8));
    forms.put("UTF-16", charset(StandardCharsets.UTF_16LE));
    return forms;
  }

  private static FaultyFly.Fault form(String format) {
    var form = format.contains("%sHTTP") ? format : closing(format);
    return FaultyFly.Fault.form(
        (out, status, body) ->
            write(
                out,
                form.formatted(status, body.length, new String(body, StandardCharsets.UTF_8))));
  }

  /** Announces nothing, and closes the connection that a client may keep. */
  private static FaultyFly.Fault keeping(String format) {
    return FaultyFly.Fault.form(
        (out, status, body) ->
            write(
                out,
                format.formatted(status, body.length, new String(body, StandardCharsets.UTF_8))));
  }

  /** Announces that the connection will be closed, so that no client sends another request. */
  private static String closing(String head) {
    return head.replaceFirst("Content-Length", "Connection: close\r\nContent-Length");
  }

  private static FaultyFly.Fault charset(Charset charset) {
    return FaultyFly.Fault.form(
        (out, status, body) -> {
          var text = body.length == 0 ? "" : "\ufeff" + new String(body, StandardCharsets.UTF_8);
          var bytes = text.getBytes(charset);
          var head = closing("HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n");
          write(out, head.formatted(status, bytes.length));
          out.write(bytes);
        });
  }

  private static void chunks(OutputStream out, int status, byte[] body) throws IOException {
    var head = "HTTP/1.1 %d OK\r\nContent-Length: 5\r\nTransfer-Encoding: Chunked\r\n\r\n";
    write(out, closing(head).formatted(status));
    for (var one : body) {
      write(out, "0000000000001 ;name=\"a\"\r\n");
      out.write(one);
      write(out, "\r\n");
    }
    write(out, "0\r\nX-Trailer: a\r\n\r\n");
  }

  private static byte[] join(byte[] first, byte[] second) {
    var all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }

  /** Right answers, all values of which but ids are of another type than documented. */
  static Map<String, FaultyFly.Fault> types() {
    var types = new LinkedHashMap<String, FaultyFly.Fault>();
    types.put("all null", typed(Fly.JSON::nullNode));
    types.put("all text", typed(() -> JsonNodeFactory.instance.textNode("x")));
    types.put("all numbers", typed(() -> JsonNodeFactory.instance.numberNode(-1e300)));
    types.put("all huge", typed(() -> JsonNodeFactory.instance.numberNode(HUGE)));
    types.put("all true", typed(() -> JsonNodeFactory.instance.booleanNode(true)));
    types.put("all long", typed(() -> JsonNodeFactory.instance.textNode("x".repeat(10_000))));
    types.put("all odd", typed(() -> JsonNodeFactory.instance.textNode("\u001b[2J\ud800\0\r\n..")));
    types.put("all lists", typed(Fly.JSON::createArrayNode));
    types.put("all objects", typed(Fly.JSON::createObjectNode));
    return types;
  }

  private static final BigDecimal HUGE = new BigDecimal("1e99999");

  private static FaultyFly.Fault typed(Supplier<JsonNode> value) {
    return FaultyFly.Fault.form(
        (out, status, body) -> {
          var text = new String(body, StandardCharsets.UTF_8);
          if (text.startsWith("{") || text.startsWith("[")) {
            text = retype(Fly.JSON.readTree(text), value).toString();
          }
          FaultyFly.answer(out, status, "application/json", text);
        });
  }

  /** A list keeps its length, and what the top of an answer is called stays as it is. */
  private static JsonNode retype(JsonNode json, Supplier<JsonNode> value) {
    if (json instanceof ArrayNode list) {
      var other = Fly.JSON.createArrayNode();
      list.forEach(one -> other.add(one.isObject() ? fields(one, value) : value.get()));
      return other;
    }
    var lists = Fly.JSON.createObjectNode();
    var only = true;
    for (var field : json.properties()) {
      only &= field.getValue().isContainerNode() || field.getValue().isNumber();
      if (field.getValue().isArray()) lists.set(field.getKey(), retype(field.getValue(), value));
    }
    return only && !lists.isEmpty() ? lists : fields(json, value);
  }

  private static ObjectNode fields(JsonNode json, Supplier<JsonNode> value) {
    ObjectNode other = json.deepCopy();
    for (var field : json.properties()) {
      if (!field.getKey().matches("id|ip|jsonrpc")) other.set(field.getKey(), value.get());
    }
    return other;
  }

  /** Whole and well-formed answers that belong to something else, or lie. */
  static Map<String, FaultyFly.Fault> untrue() {
    var all = new LinkedHashMap<String, FaultyFly.Fault>();
    all.put("other name", text(text -> text.replaceAll("(\"name\":\")(?=[^\"])", "$1other-")));
    all.put("other id", text(text -> text.replaceAll("(\"id\":\")(?=[^\"])", "$1f00")));
    all.put("id a path", text(text -> text.replaceAll("\"id\":\"[^\"]+", "\"id\":\"../../x")));
    all.put("id dots", text(text -> text.replaceAll("\"id\":\"[^\"]+", "\"id\":\"..")));
    all.put("id of lines", text(text -> text.replaceAll("\"id\":\"[^\"]+", "\"id\":\"a\\\\nb")));
    all.put("keys twice", text(text -> text.replaceAll("\"(\\w+)\":\\[", "\"$1\":[],$0")));
    all.put("keys again", text(text -> text.replaceFirst("\\}$", TWICE)));
    all.put("null in lists", text(text -> text.replaceAll("(?<=[}\\]])\\]", ",null]")));
    all.put("lists twice", text(text -> text.replaceAll("\\[(\\{.*\\})\\]", "[$1,$1]")));
    all.put("partial", text(text -> text.replaceFirst("^\\{\"data\":", ERRORS + "\"data\":")));
    all.put("not UTF-8", bytes((byte) 0xff));
    for (var cursor : List.of("next_cursor", "next_token", "nextCursor")) {
      all.put(cursor, text(text -> text.replaceFirst("\\}$", ",\"" + cursor + "\":\"again\"}")));
    }
    return all;
  }

  private static final String TWICE =
      ",\"id\":\"\",\"name\":\"\",\"machines\":[],\"volumes\":[],\"ips\":[],\"apps\":[],\"data\":{}}";

  private static final String ERRORS = "{\"errors\":[{\"message\":\"it broke later\"}],";

  private static FaultyFly.Fault text(UnaryOperator<String> change) {
    return FaultyFly.Fault.form(
        (out, status, body) -> {
          var text = new String(body, StandardCharsets.UTF_8);
          FaultyFly.answer(out, status, "application/json", change.apply(text));
        });
  }

  /** The last character but one of a value is this byte. */
  private static FaultyFly.Fault bytes(byte wrong) {
    return FaultyFly.Fault.form(
        (out, status, body) -> {
          var quote = new String(body, StandardCharsets.ISO_8859_1).lastIndexOf('"');
          if (quote > 0) body[quote - 1] = wrong;
          write(
              out,
              closing("HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n")
                  .formatted(status, body.length));
          out.write(body);
        });
  }

  private static FaultyFly.Fault good(String body) {
    return (line, out) -> FaultyFly.answer(out, 200, "application/json", body);
  }

  private static FaultyFly.Fault limited(String header) {
    return idle(429, "{\"error\":\"slow down\"}", header);
  }

  private static FaultyFly.Fault idle(int status, String body, String... headers) {
    return FaultyFly.Fault.idle(
        (line, out) -> FaultyFly.answer(out, status, "application/json", body, headers));
  }

  static void refuse(OutputStream out, int status) throws IOException {
    FaultyFly.answer(out, status, "application/json", "{\"error\":\"it broke\"}");
  }

  private static FaultyFly.Fault raw(String text) {
    return (line, out) -> write(out, text);
  }

  /** Sends this again and again, until the client is gone. */
  private static FaultyFly.Fault endless(String text, String... first) {
    return (line, out) -> {
      write(out, String.join("", first));
      for (var piece = text.repeat(100); !line.isClosed(); ) write(out, piece);
    };
  }

  private static FaultyFly.Fault zipped(byte[] body) {
    return (line, out) -> zipped(out, 200, body);
  }

  private static void zipped(OutputStream out, int status, byte[] body) throws IOException {
    var head = "HTTP/1.1 %d OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n";
    write(out, closing(head).formatted(status, body.length));
    out.write(body);
    out.flush();
  }

  private static byte[] gzip(byte[] body) {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new GZIPOutputStream(bytes)) {
      zip.write(body);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }
}
