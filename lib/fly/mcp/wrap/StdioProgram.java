//SOURCES ../message/JsonRpcMessage.java ../message/LineReader.java McpProgram.java
package fly.mcp.wrap;

import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.LineReader;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A stdio MCP program. */
final class StdioProgram implements McpProgram {
  private static final int LAST_LINES = 5;

  /** So long after its end the last words of a program may take to come. */
  private static final int STRAGGLERS_MS = 200;

  private static final Duration GRACE = Duration.ofSeconds(2);

  /** The longest that a killed process is waited for. */
  private static final Duration KILLED = Duration.ofSeconds(5);

  private final Process process;
  private final OutputStream stdin;
  private final Consumer<String> log;
  private final ArrayDeque<String> lastLines = new ArrayDeque<>();
  private final Thread stderr;
  private volatile boolean stopping;

  /** Whether we wait for it to say something. */
  private volatile boolean listening;

  /**
   * Starts a program.
   *
   * @throws IOException where there is no such command
   */
  static Process launch(List<String> command) throws IOException {
    var builder = new ProcessBuilder(command);
    // The bridge's own credentials are none of the program's business.
    builder.environment().keySet().removeIf(name -> name.startsWith("FLY_MCP_"));
    return builder.start();
  }

  /**
   * @param log takes its stderr, and what it says on stdout that is no message
   */
  StdioProgram(Process process, Consumer<String> log) {
    this.process = process;
    this.stdin = new BufferedOutputStream(process.getOutputStream(), 1 << 16);
    this.log = log;
    this.stderr = thread("mcp-stderr", this::readStderr);
  }

  @Override
  public void serve(Receiver client) {
    var reader =
        thread(
            "mcp-stdout",
            () -> {
              try {
                readStdout(client);
              } catch (IOException e) {
                // its end, as below
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              var why = ending();
              if (process.isAlive()) end(GRACE); // it says nothing any more, and is of no use
              client.ended(why);
            });
    process.onExit().thenRun(() -> thread("mcp-exit", () -> endWithout(reader, client)));
  }

  /** What a program has started may outlive it, and hold its stdout open. */
  private void endWithout(Thread reader, Receiver client) {
    try {
      do {
        reader.join(STRAGGLERS_MS);
      } while (reader.isAlive() && !listening);
      if (reader.isAlive()) client.ended(ending());
      closeStdin(); // so that they hear of it
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void readStdout(Receiver client) throws IOException, InterruptedException {
    var stdout =
        new FilterInputStream(process.getInputStream()) {
          @Override
          public int read(byte[] target, int start, int count) throws IOException {
            listening = true;
            try {
              return super.read(target, start, count);
            } finally {
              listening = false;
            }
          }
        };
    var reader = new LineReader(stdout);
    for (var message = reader.next(); message != null; message = reader.next()) {
      if (message.head().kind.isOne() && message.head().versioned) {
        client.said(message);
      } else {
        log.accept("no message, passed over: " + message.start(200));
        message.close();
      }
    }
  }

  private void readStderr() {
    try (var lines =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        log.accept(line);
        synchronized (lastLines) {
          if (lastLines.size() == LAST_LINES) lastLines.poll();
          lastLines.add(line);
        }
      }
    } catch (IOException e) {
      // its end
    }
  }

  @Override
  public void send(JsonRpcMessage message) throws IOException {
    synchronized (stdin) {
      message.writeTo(stdin);
      stdin.write('\n');
      stdin.flush();
    }
  }

  @Override
  public boolean alive() {
    return process.isAlive();
  }

  @Override
  public boolean crashed() {
    return !process.isAlive() && !stopping;
  }

  @Override
  public int exitCode() throws InterruptedException {
    return process.waitFor();
  }

  @Override
  public String ending() {
    try {
      process.waitFor(2, TimeUnit.SECONDS);
      stderr.join(200);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (lastLines) {
      return "the MCP server has ended"
          + (process.isAlive() ? "" : " (exit code " + process.exitValue() + ")")
          + (lastLines.isEmpty() ? "" : ": " + String.join("; ", lastLines));
    }
  }

  /** Ends it and all that it started: the end of its input, then SIGTERM, then SIGKILL. */
  @Override
  public void stop(Duration grace) {
    stopping = true;
    end(grace);
  }

  private void end(Duration grace) {
    var family = family();
    thread("mcp-eof", this::closeStdin); // a program that does not read would hold it up
    if (!gone(family, grace)) family.forEach(ProcessHandle::destroy);
    if (gone(family, grace)) return;
    var left = Stream.concat(family.stream(), family().stream()).toList();
    left.forEach(ProcessHandle::destroyForcibly);
    gone(left, KILLED); // they take their moment
  }

  private void closeStdin() {
    try {
      stdin.close();
    } catch (IOException e) {
      // it has ended already
    }
  }

  private List<ProcessHandle> family() {
    var family = new ArrayList<>(process.descendants().toList());
    family.add(process.toHandle());
    return family;
  }

  private static boolean gone(List<ProcessHandle> family, Duration grace) {
    var deadline = System.nanoTime() + grace.toNanos();
    while (family.stream().anyMatch(ProcessHandle::isAlive)) {
      if (System.nanoTime() > deadline) return false;
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }

  private static Thread thread(String name, Runnable task) {
    var thread = new Thread(null, task, name, 1 << 18);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
