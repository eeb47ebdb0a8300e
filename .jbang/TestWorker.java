import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherConstants;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The JVM that runs test classes: their names come in on stdin, their results go out on stdout. */
final class TestWorker implements TestExecutionListener {
  /** Tests that need npm, a browser, or other JVMs carry this tag. */
  static final String SLOW = "slow";

  /** Begins a line for the pool; what tests print themselves has none. */
  static final String MARK = "\u0001";

  /** A line break within such a line. */
  static final String BREAK = "\u0002";

  static final char LINE = '+';
  static final char FAILURE = '!';
  static final char END = '.';

  private static final PrintStream OUT = System.out;
  private static volatile long lastSign = System.nanoTime();

  private final String className;
  private final boolean times;
  private final Map<String, Long> begun = new ConcurrentHashMap<>();
  private final int[] counts = new int[3];

  private TestWorker(String className, boolean times) {
    this.className = className;
    this.times = times;
  }

  static void main(String... args) throws Exception {
    var watchdog = new Thread(TestWorker::watch, "watchdog");
    watchdog.setDaemon(true);
    watchdog.start();
    var launcher = LauncherFactory.create();
    var fast = List.of(args).contains("--fast");
    var times = List.of(args).contains("--times");
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    System.setIn(InputStream.nullInputStream());
    for (var name = input.readLine(); name != null; name = input.readLine()) {
      new TestWorker(name, times).run(launcher, fast);
    }
    System.exit(0);
  }

  private void run(Launcher launcher, boolean fast) throws InterruptedException {
    lastSign = System.nanoTime();
    var before = cpu();
    var request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectClass(className))
            .configurationParameter(
                "junit.jupiter.displayname.generator.default",
                "org.junit.jupiter.api.DisplayNameGenerator$ReplaceUnderscores")
            .configurationParameter("junit.jupiter.execution.timeout.default", "15 m")
            .configurationParameter(
                "junit.jupiter.execution.timeout.thread.mode.default", "SEPARATE_THREAD")
            .configurationParameter("junit.jupiter.execution.timeout.threaddump.enabled", "true")
            .configurationParameter(LauncherConstants.CAPTURE_STDOUT_PROPERTY_NAME, "false");
    if (fast) request.filters(TagFilter.excludeTags(SLOW));
    launcher.execute(request.build(), this);
    leaveNothingBehind();
    say(END, "%d %d %d %d".formatted(counts[0], counts[1], counts[2], cpu() - before));
  }

  /** Fails the class if processes that it started are still there. */
  private void leaveNothingBehind() throws InterruptedException {
    for (var i = 0; i < 600 && children() > 0; i++) TimeUnit.MILLISECONDS.sleep(50);
    for (var process : ProcessHandle.current().descendants().toList()) {
      var command = process.info().commandLine().orElse("");
      failed("afterwards", "a process is left behind: " + process.pid() + " " + command, null);
      process.destroyForcibly();
    }
  }

  /** Milliseconds of CPU time of this JVM, and on Linux of the processes that it waited for. */
  private static long cpu() {
    try {
      var stat = Files.readString(Path.of("/proc/self/stat"));
      var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return Arrays.stream(fields, 11, 15).mapToLong(Long::parseLong).sum() * 10; // 100 ticks a s
    } catch (IOException e) {
      return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis();
    }
  }

  private static long children() {
    return ProcessHandle.current().descendants().count();
  }

  @Override
  public void executionStarted(TestIdentifier test) {
    begun.put(test.getUniqueId(), System.nanoTime());
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    lastSign = System.nanoTime();
    var why = result.getThrowable().map(TestWorker::cause).orElse("");
    var name = test.getDisplayName().replaceFirst("\\(\\)$", "");
    if (result.getStatus() == Status.FAILED) {
      failed(name, why, result.getThrowable().orElse(null));
    } else if (result.getStatus() == Status.ABORTED) {
      counts[2]++;
      say(LINE, "  skipped " + name + ": " + why);
    } else if (test.isTest()) {
      counts[0]++;
      var took = (System.nanoTime() - begun.get(test.getUniqueId())) / 1_000_000;
      say(LINE, "  + " + name + (times ? " (" + took + " ms)" : ""));
    }
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    counts[2]++;
    say(LINE, "  skipped " + test.getDisplayName() + ": " + reason);
  }

  private void failed(String name, String why, Throwable failure) {
    counts[1]++;
    var line = why.length() > 300 ? why.substring(0, 300) + " ..." : why;
    say(LINE, "  FAILED " + name + ": " + line);
    say(FAILURE, "  " + className + ", " + name + ": " + why + trace(failure, ""));
  }

  /** The message in one line, and the line of the test that it comes from. */
  private static String cause(Throwable failure) {
    var message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
    var at =
        Arrays.stream(failure.getStackTrace())
            .filter(frame -> frame.getClassName().matches("\\w+Test(\\$.*)?"))
            .findFirst()
            .map(frame -> " (%s:%d)".formatted(frame.getFileName(), frame.getLineNumber()))
            .orElse("");
    return message.strip().replaceAll("\\s*\\R\\s*", " | ") + at;
  }

  /** The frames of our own code, for the failure and its causes. */
  private static String trace(Throwable failure, String label) {
    if (failure == null) return "";
    var text = new StringBuilder(label.isEmpty() ? "" : "\n    " + label + failure);
    Arrays.stream(failure.getStackTrace())
        .filter(frame -> frame.getClassName().matches("\\w+(\\$.*)?|fly\\..*"))
        .limit(20)
        .forEach(frame -> text.append("\n      ").append(frame));
    return text + trace(failure.getCause(), "caused by ");
  }

  private static void say(char kind, String message) {
    lastSign = System.nanoTime();
    OUT.println(MARK + kind + message.replaceAll("\\R", BREAK));
    OUT.flush();
  }

  /** Prints all threads and ends this JVM when nothing has happened for too long. */
  private static void watch() {
    try {
      while (System.nanoTime() - lastSign < TestPool.SILENCE.toNanos()) TimeUnit.SECONDS.sleep(1);
      Thread.getAllStackTraces()
          .forEach(
              (thread, frames) -> {
                OUT.println(thread + " " + thread.getState());
                for (var frame : frames) OUT.println("    at " + frame);
              });
      OUT.flush();
      ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      Runtime.getRuntime().halt(3);
    }
  }
}
