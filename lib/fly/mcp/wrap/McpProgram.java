//SOURCES ../message/JsonRpcMessage.java
package fly.mcp.wrap;

import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.time.Duration;

/** An MCP server for a session: a process, or a share of a process. */
public interface McpProgram {
  /** Receives the program's output. */
  interface Receiver {
    /** Takes one message. The receiver closes it. */
    void said(JsonRpcMessage message) throws IOException, InterruptedException;

    /** The program sends no more messages; {@code why} is for people. */
    void ended(String why);
  }

  /** Starts programs. */
  interface Source {
    /**
     * Starts one program.
     *
     * @throws IOException if there is no such command
     */
    McpProgram start() throws IOException;
  }

  /** Passes the program's messages to {@code receiver} until the program ends. */
  void serve(Receiver receiver);

  /** Writes one message to the program. */
  void send(JsonRpcMessage message) throws IOException;

  boolean alive();

  /** True if the program ended without being asked to. */
  boolean crashed();

  /** Waits for the end. */
  int exitCode() throws InterruptedException;

  /** The reason of the end, with the program's last words. */
  String ending();

  /** Ends the program with its child processes, or this share of it. */
  void stop(Duration grace);
}
