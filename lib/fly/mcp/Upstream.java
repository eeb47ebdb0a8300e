//SOURCES Client.java Message.java
package fly.mcp;

import java.io.IOException;
import java.time.Duration;

/** A program behind a session: one of its own, or a part in one that is shared. */
interface Upstream {
  /** Who gets what it says. */
  interface Client {
    void said(Message message) throws IOException, InterruptedException;

    void ended(String why);
  }

  /** Hands on what it says, until it ends. */
  void serve(Client client);

  /** Passes a line to it, whole. */
  void send(Message message) throws IOException;

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
