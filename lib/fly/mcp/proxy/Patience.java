package fly.mcp.proxy;

import java.time.Duration;

/**
 * Time that a server may be away.
 *
 * @param away that nobody was reached, before a request is told so
 * @param broken that the same 502 comes again and again: a Machine that boots gets over it
 */
public record Patience(Duration away, Duration broken) {
  /** MCP's SDKs wait 60 s for a reply: the client shall hear the reason before that. */
  public static final Patience OF_CLIENTS =
      new Patience(Duration.ofSeconds(50), Duration.ofSeconds(50));
}
