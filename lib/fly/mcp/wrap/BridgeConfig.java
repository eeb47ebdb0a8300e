//SOURCES ../http/AccessGuard.java
package fly.mcp.wrap;

import fly.mcp.http.AccessGuard;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Settings of an {@link HttpBridge}.
 *
 * @param bodyLimit most bytes in the body of a POST
 * @param idle lifetime of an unused session
 * @param heartbeat longest silence on a stream
 * @param grace time that a program has to end: after the end of its input, and after SIGTERM
 * @param shared true if all sessions share one program
 * @param restart true if a program that ended is started again on the next request
 * @param log takes lines for people
 * @param trace takes a line per client message, and one per status sent
 */
public record BridgeConfig(
    Protocol protocol,
    AccessGuard guard,
    long bodyLimit,
    Duration idle,
    Duration heartbeat,
    Duration grace,
    boolean shared,
    boolean restart,
    Consumer<String> log,
    Consumer<String> trace) {
  /** Protocols between client and bridge. */
  public enum Protocol {
    /** Each request shows its protocol. */
    AUTO,
    STREAMABLE,
    WRAP
  }
}
