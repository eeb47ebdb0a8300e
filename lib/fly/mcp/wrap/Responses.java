//SOURCES ../http/Exchange.java ../message/JsonRpcMessage.java HttpRefusal.java
package fly.mcp.wrap;

import fly.mcp.http.Exchange;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Sends the bridge's responses, with the CORS headers that browsers ask for. */
final class Responses {
  private static final long MOST_DRAINED = 256 << 20;

  private final Consumer<String> trace;

  /**
   * @param trace takes a line per response
   */
  Responses(Consumer<String> trace) {
    this.trace = trace;
  }

  /** Sends status and headers; the stream carries the body. */
  OutputStream start(Exchange exchange, int status, Map<String, String> headers)
      throws IOException {
    trace.accept(exchange.method() + " " + exchange.path() + ": " + status);
    var origin = exchange.header("Origin");
    if (origin == null || status == 403) return exchange.respond(status, headers);
    var more = new LinkedHashMap<>(headers);
    more.put("Access-Control-Allow-Origin", origin);
    more.put("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate");
    more.put("Vary", "Origin");
    return exchange.respond(status, more);
  }

  void empty(Exchange exchange, int status) throws IOException {
    start(exchange, status, Map.of()).close();
  }

  void text(Exchange exchange, String type, String body) throws IOException {
    try (var out = start(exchange, 200, Map.of("Content-Type", type))) {
      if (!exchange.method().equals("HEAD")) out.write(body.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Answers a browser's preflight request. */
  void options(Exchange exchange) throws IOException {
    var headers = new LinkedHashMap<>(Map.of("Allow", "GET, POST, DELETE"));
    var wanted = exchange.header("Access-Control-Request-Headers");
    if (exchange.header("Origin") != null) {
      headers.put("Access-Control-Allow-Methods", "GET, POST, DELETE");
      if (wanted != null) headers.put("Access-Control-Allow-Headers", wanted);
    }
    start(exchange, 204, headers).close();
  }

  void refuse(Exchange exchange, HttpRefusal refusal) throws IOException {
    try (var out = start(exchange, refusal.status, refusal.headers)) {
      if (exchange.method().equals("HEAD")) return;
      var json = JsonRpcMessage.errorJson("null", refusal.code, refusal.getMessage()) + "\n";
      out.write(json.getBytes(StandardCharsets.UTF_8));
      out.flush();
      drain(exchange);
    }
  }

  /** Reads the rest of the request: a client that still sends would see a reset, no response. */
  private static void drain(Exchange exchange) throws IOException {
    var buffer = new byte[1 << 16];
    var length = 0L;
    for (var n = 0; n >= 0 && length < MOST_DRAINED; n = exchange.body().read(buffer)) length += n;
  }
}
