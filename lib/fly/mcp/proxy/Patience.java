package fly.mcp.proxy;

import java.time.Duration;

/**
 * Time that a server may be away.
 *
 * @param away limit for an unreachable server, before a request fails
 * @param broken limit for the same repeated 502, which a booting Machine overcomes
 * @param opening limit for the server's own stream, for which the handshake waits
 */
public record Patience(Duration away, Duration broken, Duration opening) {
  /** A message for a server that opens no stream must not wait for it. */
  private static final Duration OPENING = Duration.ofMillis(500);

  /** MCP's SDKs wait 60 s for a reply: the client gets the reason before that. */
  public static final Patience OF_CLIENTS =
      new Patience(Duration.ofSeconds(50), Duration.ofSeconds(50));

  public Patience(Duration away, Duration broken) {
    this(away, broken, OPENING);
  }
}
