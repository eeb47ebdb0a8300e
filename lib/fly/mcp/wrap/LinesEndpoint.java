//SOURCES ../http/Exchange.java ../message/LineReader.java ../message/SpooledBody.java BridgeConfig.java
//SOURCES ClientSession.java HttpRefusal.java ReplayStream.java Responses.java Sessions.java
package fly.mcp.wrap;

import fly.mcp.http.Exchange;
import fly.mcp.message.LineReader;
import fly.mcp.message.SpooledBody;
import java.io.IOException;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The protocol of {@code fly mcp wrap} (superfly/flyctl, internal/command/mcp/wrap.go): lines in by
 * POST, lines out on one open GET, all for one program. Unlike flyctl's wrap, it keeps the
 * program's output until a GET reads it.
 */
final class LinesEndpoint {
  /** Names a client, which may take over its stream after its connection died unnoticed. */
  private static final String CLIENT = "Fly-Mcp-Client";

  private final Sessions sessions;
  private final Responses responses;
  private final long bodyLimit;
  private final Consumer<String> trace;

  /** Reader of the stream; null if it has no name. */
  private volatile String client;

  LinesEndpoint(BridgeConfig config, Sessions sessions, Responses responses) {
    this.sessions = sessions;
    this.responses = responses;
    this.bodyLimit = config.bodyLimit();
    this.trace = config.trace();
  }

  /** Checks all lines before it passes the first. */
  void post(Exchange exchange) throws IOException {
    var body = HttpRefusal.limited(exchange.body(), bodyLimit);
    try (var lines = new SpooledBody(body)) {
      var some = false;
      var check = new LineReader(lines.open());
      for (var more = true; more; some |= more) {
        try (var message = check.next()) {
          more = message != null;
          if (more) message.head().all().forEach(HttpRefusal::requireMessage);
        }
      }
      if (some) pass(new LineReader(lines.open()), sessions.lines());
    }
    responses.empty(exchange, 202);
  }

  private void pass(LineReader lines, ClientSession session) throws IOException {
    while (true) {
      try (var message = lines.next()) {
        if (message == null) return;
        for (var part : message.head().all()) trace.accept("-> " + part);
        for (var part : message.parts()) session.requestOnStanding(part);
      }
    }
  }

  void get(Exchange exchange) throws IOException, InterruptedException {
    var stream = sessions.lines().standing;
    var name = exchange.header(CLIENT);
    var reader = stream.take(name != null && !name.isEmpty() && name.equals(client));
    if (reader == null) {
      throw new HttpRefusal(409, "another client is connected: there is one at a time");
    }
    client = name;
    var headers = Map.of("Content-Type", "text/event-stream", "Cache-Control", "no-cache");
    try (var out = responses.start(exchange, 200, headers)) {
      stream.serve(reader, out, ReplayStream.Format.LINES, -1);
    }
  }
}
