//SOURCES ../message/JsonRpcMessage.java
package fly.mcp.wrap;

import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.time.Duration;

/** A program behind a session: one of its own, or a part in one that is shared. */
interface McpProgram {
  /** Who gets what it says. */
  interface Receiver {
    void said(JsonRpcMessage message) throws IOException, InterruptedException;

    void ended(String why);
  }

  /** Hands on what it says, until it ends. */
  void serve(Receiver client);

  /** Passes a line to it, whole. */
  void send(JsonRpcMessage message) throws IOException;

  boolean alive();

  /** Whether it ended by itself. */
  boolean crashed();

  /** Waits for the end. */
  int exitCode() throws InterruptedException;

  /** How it ended, in words, with its last ones. */
  String ending();

  /** Ends it with all that it started, or the part in it. */
  void stop(Duration grace);
}
