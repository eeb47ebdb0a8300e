//SOURCES ../../DaemonThread.java BridgeConfig.java HttpRefusal.java McpProgram.java SharedProgram.java
package fly.mcp.wrap;

import fly.DaemonThread;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The bridge's programs: one per session, or one for all sessions. */
final class Programs implements AutoCloseable {
  /** Time in which clients read why the program ended, before the bridge ends, too. */
  private static final long LAST_WORDS_MS = 200;

  private final BridgeConfig config;
  private final McpProgram.Source source;
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile int exitCode;
  private McpProgram spare;
  private McpProgram sharedProgram;
  private SharedProgram shared;
  private volatile boolean closed;

  Programs(BridgeConfig config, McpProgram.Source source, McpProgram first) {
    this.config = config;
    this.source = source;
    this.spare = first;
    watch(first);
  }

  /** A program for a new session. */
  synchronized McpProgram next() {
    if (closed) throw new HttpRefusal(503, "this MCP server is going down");
    if (!config.shared()) return started();
    if (shared != null && shared.over() && !config.restart()) {
      throw new HttpRefusal(502, sharedProgram.ending());
    }
    if (shared == null || shared.over()) {
      sharedProgram = started();
      shared = new SharedProgram(sharedProgram);
    }
    return shared.part();
  }

  private McpProgram started() {
    var ready = spare;
    spare = null;
    if (ready != null && ready.alive()) return ready;
    try {
      return source.start();
    } catch (IOException e) {
      throw new HttpRefusal(502, "the MCP server cannot be started: " + e.getMessage());
    }
  }

  /** Ends the bridge if the first program ends before a session uses it. */
  private void watch(McpProgram first) {
    DaemonThread.start(
        "mcp-first",
        () -> {
          try {
            var code = first.exitCode();
            synchronized (this) {
              if (first != spare || !first.crashed()) return;
            }
            config.log().accept(first.ending());
            if (!config.restart()) over(code);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
  }

  /** A session's only program has crashed: without restart, the bridge ends with its exit code. */
  void crashed(McpProgram program) {
    if (config.restart()) return;
    try {
      TimeUnit.MILLISECONDS.sleep(LAST_WORDS_MS);
      over(program.exitCode());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void over(int code) {
    exitCode = code == 0 ? 1 : code;
    over.countDown();
  }

  int await() throws InterruptedException {
    over.await();
    return exitCode;
  }

  /** Ends {@link #await}. */
  void over() {
    over.countDown();
  }

  /**
   * Reason why no client can be served; null if there is none. With {@code restart} the next
   * request starts an ended program, and a failing check would keep Fly Proxy from sending one.
   */
  synchronized String trouble() {
    if (closed || exitCode != 0) return "the MCP server has ended";
    if (config.restart()) return null;
    if (shared != null && shared.over()) return sharedProgram.ending();
    return spare != null && !spare.alive() ? spare.ending() : null;
  }

  /** Starts no more programs. */
  synchronized void refuse() {
    closed = true;
  }

  /** Stops the programs that belong to no session. */
  @Override
  public void close() {
    McpProgram unused;
    McpProgram used;
    synchronized (this) {
      closed = true;
      unused = spare;
      used = sharedProgram;
    }
    if (unused != null) unused.stop(config.grace());
    if (used != null) used.stop(config.grace());
  }
}
