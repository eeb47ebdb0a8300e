//SOURCES ../../DaemonThread.java ../../ProcessEnd.java ../message/JsonRpcMessage.java ../message/LineReader.java
//SOURCES McpProgram.java ProgramEnvironment.java
package fly.mcp.wrap;

import fly.DaemonThread;
import fly.ProcessEnd;
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

/** An MCP server as a child process, on stdin and stdout. */
public final class StdioProgram implements McpProgram {
  private static final int LAST_LINES = 5;

  /** Time in which output may still be read after the process has ended. */
  private static final int STRAGGLERS_MS = 1_000;

  private static final Duration GRACE = Duration.ofSeconds(2);

  /** Longest wait for a killed process. */
  private static final Duration KILLED = Duration.ofSeconds(5);

  private final Process process;
  private final OutputStream stdin;
  private final Consumer<String> log;
  private final ArrayDeque<String> lastLines = new ArrayDeque<>();
  private final Thread stderr;
  private volatile boolean stopping;

  /** True while a read of stdout blocks. */
  private volatile boolean listening;

  /**
   * Starts a process for a program that is constructed later.
   *
   * @throws IOException if there is no such command
   */
  public static Process launch(List<String> command, ProgramEnvironment environment)
      throws IOException {
    var builder = new ProcessBuilder(command);
    environment.restrict(builder.environment());
    return builder.start();
  }

  /** Starts programs with one command. */
  public static McpProgram.Source source(
      List<String> command, ProgramEnvironment environment, Consumer<String> log) {
    return () -> new StdioProgram(launch(command, environment), log);
  }

  /**
   * @param log takes the program's stderr, and lines of its stdout that are no messages
   */
  public StdioProgram(Process process, Consumer<String> log) {
    this.process = process;
    this.stdin = new BufferedOutputStream(process.getOutputStream(), 1 << 16);
    this.log = log;
    this.stderr = DaemonThread.start("mcp-stderr", this::readStderr);
  }

  @Override
  public void serve(Receiver receiver) {
    var reader =
        DaemonThread.start(
            "mcp-stdout",
            () -> {
              try {
                readStdout(receiver);
              } catch (IOException e) {
                // the end, as below
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              var why = ending();
              if (process.isAlive()) end(GRACE); // without stdout the program is of no use
              receiver.ended(why);
            });
    process
        .onExit()
        .thenRun(() -> DaemonThread.start("mcp-exit", () -> endWithout(reader, receiver)));
  }

  /** Ends the session if child processes outlive the program and hold its stdout open. */
  private void endWithout(Thread reader, Receiver receiver) {
    try {
      do {
        reader.join(STRAGGLERS_MS);
      } while (reader.isAlive() && !listening);
      if (reader.isAlive()) receiver.ended(ending());
      closeStdin(); // child processes read the end of input
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void readStdout(Receiver receiver) throws IOException, InterruptedException {
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
        receiver.said(message);
      } else {
        log.accept("ignored, no message: " + message.start(200));
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
      // the end of stderr
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
      stderr.join(STRAGGLERS_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (lastLines) {
      return "the MCP server has ended"
          + (process.isAlive() ? "" : " (exit code " + process.exitValue() + ")")
          + (lastLines.isEmpty() ? "" : ": " + String.join("; ", lastLines));
    }
  }

  /** Ends the program and its child processes: end of input, then SIGTERM, then SIGKILL. */
  @Override
  public void stop(Duration grace) {
    stopping = true;
    end(grace);
  }

  private void end(Duration grace) {
    var family = family();
    DaemonThread.start("mcp-eof", this::closeStdin); // blocks if the program does not read
    if (!ProcessEnd.await(family, grace)) family.forEach(ProcessHandle::destroy);
    if (ProcessEnd.await(family, grace)) return;
    var left = Stream.concat(family.stream(), family().stream()).toList();
    left.forEach(ProcessHandle::destroyForcibly);
    ProcessEnd.await(left, KILLED);
  }

  private void closeStdin() {
    try {
      stdin.close();
    } catch (IOException e) {
      // the program has ended
    }
  }

  private List<ProcessHandle> family() {
    var family = new ArrayList<>(process.descendants().toList());
    family.add(process.toHandle());
    return family;
  }
}
