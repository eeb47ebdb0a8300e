//SOURCES ../../DaemonThread.java ../http/Exchange.java BridgeConfig.java HttpRefusal.java LinesEndpoint.java
//SOURCES McpProgram.java Programs.java Responses.java Sessions.java StreamableEndpoint.java
package fly.mcp.wrap;

import fly.DaemonThread;
import fly.mcp.http.Exchange;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Puts a stdio MCP program behind HTTP. One address serves two protocols:
 *
 * <ul>
 *   <li>Streamable HTTP (MCP 2025-03-26 to 2025-11-25): see {@link StreamableEndpoint};
 *   <li>the protocol of {@code fly mcp wrap}: see {@link LinesEndpoint}.
 * </ul>
 */
public final class HttpBridge implements AutoCloseable {
  private final BridgeConfig config;
  private final Programs programs;
  private final Sessions sessions;
  private final Responses responses;
  private final StreamableEndpoint streamable;
  private final LinesEndpoint lines;
  private final AtomicInteger requests = new AtomicInteger();

  /** Starts a first program at once, so that the first client does not wait for it. */
  public HttpBridge(BridgeConfig config, McpProgram.Source source) throws IOException {
    this(config, source, source.start());
  }

  /**
   * @param first a program that runs already
   */
  public HttpBridge(BridgeConfig config, McpProgram.Source source, McpProgram first) {
    this.config = config;
    programs = new Programs(config, source, first);
    sessions = new Sessions(config, programs);
    responses = new Responses(config.trace());
    streamable = new StreamableEndpoint(config, sessions, responses);
    lines = new LinesEndpoint(config, sessions, responses);
  }

  /**
   * Waits until the program has ended by itself and is not started again.
   *
   * @return the program's exit code
   */
  public int await() throws InterruptedException {
    return programs.await();
  }

  /** Answers one request. A stream lasts until the client disconnects or the program ends. */
  public void handle(Exchange exchange) throws IOException {
    requests.incrementAndGet();
    try {
      route(exchange);
    } catch (HttpRefusal refusal) {
      responses.refuse(exchange, refusal);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      requests.decrementAndGet();
    }
  }

  private void route(Exchange exchange) throws IOException, InterruptedException {
    var guard = config.guard();
    var objection = guard.objection(exchange);
    if (objection != null) throw new HttpRefusal(403, objection);
    if (exchange.path().equals("/healthz")) {
      health(exchange);
    } else if (exchange.method().equals("OPTIONS")) {
      responses.options(exchange); // a browser sends it without credentials
    } else if (!guard.authorized(exchange)) {
      throw new HttpRefusal(401, "this MCP server asks for credentials")
          .with("WWW-Authenticate", guard.challenge());
    } else {
      serve(exchange);
    }
  }

  private void serve(Exchange exchange) throws IOException, InterruptedException {
    var isStreamable =
        switch (config.protocol()) {
          case AUTO -> StreamableEndpoint.recognizes(exchange);
          case STREAMABLE -> true;
          case WRAP -> false;
        };
    switch (exchange.method()) {
      case "POST" -> {
        HttpRefusal.requireJson(exchange);
        HttpRefusal.requireLength(exchange, config.bodyLimit());
        if (isStreamable) streamable.post(exchange);
        else lines.post(exchange);
      }
      case "GET" -> {
        if (isStreamable) streamable.get(exchange);
        else if (exchange.fromBrowser()) greet(exchange);
        else lines.get(exchange);
      }
      case "DELETE" -> streamable.delete(exchange);
      default ->
          throw new HttpRefusal(405, "MCP uses GET, POST and DELETE")
              .with("Allow", "GET, POST, DELETE");
    }
  }

  private void greet(Exchange exchange) throws IOException {
    responses.text(
        exchange, "text/plain", "An MCP server: MCP clients understand it, browsers do not.\n");
  }

  private void health(Exchange exchange) throws IOException {
    if (!List.of("GET", "HEAD").contains(exchange.method())) {
      throw new HttpRefusal(405, "the health is read by GET").with("Allow", "GET, HEAD");
    }
    var trouble = programs.trouble();
    if (trouble == null) trouble = sessions.trouble();
    if (trouble == null) {
      responses.text(exchange, "application/json", "{\"status\":\"ok\"}\n");
      return;
    }
    // The program's last words may hold a secret.
    var authorized = config.guard().authorized(exchange);
    throw new HttpRefusal(503, authorized ? trouble : "the MCP server has ended");
  }

  /** Ends all programs with their child processes, and the streams with them. */
  @Override
  public void close() {
    programs.refuse();
    var ending = DaemonThread.start("mcp-close", sessions::close); // beside the other programs
    programs.close();
    try {
      ending.join();
      // Open requests still get their errors.
      for (var i = 0; i < 200 && requests.get() > 0; i++) Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    programs.over();
  }
}
