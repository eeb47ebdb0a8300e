//SOURCES ../http/Exchange.java ../message/JsonRpcHead.java ../message/JsonRpcMessage.java BridgeConfig.java
//SOURCES ClientSession.java HttpRefusal.java ReplayStream.java Responses.java Sessions.java
package fly.mcp.wrap;

import fly.mcp.http.Exchange;
import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Streamable HTTP (MCP 2025-03-26 to 2025-11-25). Each session has its own program. */
final class StreamableEndpoint {
  private static final List<String> VERSIONS =
      List.of("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25");

  /** The only revision with batches: several messages in one array. */
  private static final String BATCHES = "2025-03-26";

  /** First revision whose clients accept an event without data. */
  private static final String PRIMES = "2025-11-25";

  private final Sessions sessions;
  private final Responses responses;
  private final long bodyLimit;
  private final Consumer<String> trace;

  StreamableEndpoint(BridgeConfig config, Sessions sessions, Responses responses) {
    this.sessions = sessions;
    this.responses = responses;
    this.bodyLimit = config.bodyLimit();
    this.trace = config.trace();
  }

  /**
   * True for a request of Streamable HTTP. Such a request carries Mcp-Session-Id or
   * MCP-Protocol-Version. Or it is a POST that accepts both JSON and event streams, as this
   * protocol demands. Or it is a GET that accepts event streams and nothing else. Flyctl's client
   * is known by its User-Agent.
   */
  static boolean recognizes(Exchange exchange) {
    if (exchange.header("Mcp-Session-Id") != null) return true;
    if (exchange.header("MCP-Protocol-Version") != null) return true;
    var agent = exchange.header("User-Agent");
    if (agent != null && agent.startsWith("mcp-bridge-client")) return false;
    var json = accepts(exchange, "application/json");
    var events = accepts(exchange, "text/event-stream");
    if (exchange.method().equals("POST")) return json && events;
    return events && !json && !accepts(exchange, "*/*");
  }

  private static boolean accepts(Exchange exchange, String type) {
    for (var header : exchange.headers("Accept")) {
      for (var range : header.split(",")) {
        if (range.split(";")[0].strip().equalsIgnoreCase(type)) return true;
      }
    }
    return false;
  }

  void post(Exchange exchange) throws IOException, InterruptedException {
    if (!accepts(exchange, "*/*")
        && !(accepts(exchange, "application/json") && accepts(exchange, "text/event-stream"))) {
      throw new HttpRefusal(406, "accept application/json and text/event-stream");
    }
    var body = HttpRefusal.limited(exchange.body(), bodyLimit);
    try (var message = JsonRpcMessage.whole(body)) {
      var head = message.head();
      head.all().forEach(HttpRefusal::requireMessage);
      for (var part : head.all()) trace.accept("-> " + part);
      if (head.kind == JsonRpcHead.Kind.REQUEST && head.is("initialize")) {
        initialize(exchange, message);
        return;
      }
      var session = session(exchange);
      var version = exchange.header("MCP-Protocol-Version");
      if (head.kind == JsonRpcHead.Kind.BATCH && version != null && !version.equals(BATCHES)) {
        throw new HttpRefusal(
            400, HttpRefusal.INVALID_REQUEST, "only MCP " + BATCHES + " has batches");
      }
      if (head.all().stream().anyMatch(one -> one.kind == JsonRpcHead.Kind.REQUEST)) {
        request(exchange, session, message.parts(), version, Map.of());
      } else {
        for (var part : message.parts()) session.pass(part);
        responses.empty(exchange, 202);
      }
    }
  }

  private void initialize(Exchange exchange, JsonRpcMessage message)
      throws IOException, InterruptedException {
    if (exchange.header("Mcp-Session-Id") != null) {
      throw new HttpRefusal(
          400, HttpRefusal.INVALID_REQUEST, "a session is initialized once, without its id");
    }
    var session = sessions.open();
    var id = Map.of("Mcp-Session-Id", session.id);
    request(exchange, session, List.of(message), message.head().wanted, id);
  }

  private void request(
      Exchange exchange,
      ClientSession session,
      List<JsonRpcMessage> messages,
      String version,
      Map<String, String> more)
      throws IOException, InterruptedException {
    var stream = session.request(messages);
    if (stream == null) {
      throw new HttpRefusal(
          400, HttpRefusal.INVALID_REQUEST, "a request with this id waits for its reply");
    }
    var reader = stream.take(false);
    try (var out = responses.start(exchange, 200, events(more))) {
      if (version != null && version.compareTo(PRIMES) >= 0) stream.prime(out);
      stream.serve(reader, out, ReplayStream.Format.EVENTS, -1);
    }
    session.used();
  }

  void get(Exchange exchange) throws IOException, InterruptedException {
    if (!accepts(exchange, "text/event-stream") && !accepts(exchange, "*/*")) {
      throw new HttpRefusal(406, "accept text/event-stream");
    }
    var session = session(exchange);
    var after = exchange.header("Last-Event-ID");
    var stream = session.standing;
    var number = -1L;
    if (after != null) {
      var parts = after.split("-", 2);
      stream = session.stream(parts[0]);
      if (stream == null || parts.length != 2 || !parts[1].matches("\\d{1,18}")) {
        throw new HttpRefusal(
            400, HttpRefusal.INVALID_REQUEST, "the event " + after + " is not known any more");
      }
      number = Long.parseLong(parts[1]);
    }
    var reader = stream.take(after != null);
    if (reader == null) {
      throw new HttpRefusal(409, "the session has an open stream: there is one at a time");
    }
    try (var out = responses.start(exchange, 200, events(Map.of()))) {
      stream.serve(reader, out, ReplayStream.Format.EVENTS, number);
    }
    session.used();
  }

  void delete(Exchange exchange) throws IOException {
    sessions.end(session(exchange));
    responses.empty(exchange, 204);
  }

  private ClientSession session(Exchange exchange) {
    var version = exchange.header("MCP-Protocol-Version");
    if (version != null && !VERSIONS.contains(version)) {
      throw new HttpRefusal(
          400,
          "the protocol version %s is not supported; these are: %s"
              .formatted(version, String.join(", ", VERSIONS)));
    }
    var id = exchange.header("Mcp-Session-Id");
    if (id == null) throw new HttpRefusal(400, "there is no Mcp-Session-Id header");
    var session = sessions.find(id);
    if (session == null || session.over()) {
      throw new HttpRefusal(404, "the session has ended: initialize");
    }
    session.used();
    return session;
  }

  private static Map<String, String> events(Map<String, String> more) {
    var headers = new LinkedHashMap<>(more);
    headers.put("Content-Type", "text/event-stream");
    headers.put("Cache-Control", "no-cache, no-transform");
    headers.put("X-Accel-Buffering", "no");
    return headers;
  }
}
