//SOURCES SandboxConfig.java SandboxExports.java SandboxOptions.java SandboxProcess.java SandboxServer.java
package fly.sandbox;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/** Runs a sandbox: in this process until it is stopped, or in a new one. */
public final class SandboxLauncher {
  /** Set for the new process, which logs to a file once it has started. */
  private static final String DETACHED = "FLY_SANDBOX_DETACHED";

  /** Options of this JVM that are good for one process only. */
  private static final Pattern ONCE =
      Pattern.compile("-agent.*|-javaagent.*|-XX:(ArchiveClassesAtExit|AOTCacheOutput|AOTMode).*");

  private static final Pattern URL = Pattern.compile("export FLY_API_HOSTNAME='.*:(\\d+)'");
  private static final Path SETSID = Path.of("/usr/bin/setsid");

  private final SandboxOptions options;
  private final Class<?> filesServer;

  /**
   * @param filesServer main class that replaces npm's files server on a computer without Node
   */
  public SandboxLauncher(SandboxOptions options, Class<?> filesServer) {
    this.options = options;
    this.filesServer = filesServer;
  }

  /** Runs a sandbox until a client or a signal stops it. Prints the exports once it answers. */
  public void serve(int port, PrintWriter out, Consumer<String> messages) {
    var story = new Story(messages);
    var config = new SandboxConfig(port, null, story).filesServer(filesServer);
    try (var sandbox = SandboxServer.start(options.into(config))) {
      options.apply(sandbox);
      var detached = System.getenv(DETACHED) != null;
      var log = sandbox.home().resolve("log");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(sandbox, story)));
      sandbox.publish(options.json(), detached ? log : null);
      if (detached) story.moveTo(log);
      story.accept(
          "A Fly.io of your own at %s%s."
              .formatted(sandbox.url(), detached ? "" : ", until Ctrl-C"));
      story.accept("What is in it, live: " + sandbox.pageLink());
      SandboxExports.lines(sandbox.environment()).forEach(out::println);
      out.println(); // the end of the exports, for the launcher
      out.flush();
      sandbox.awaitStop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Closes the log first: on Windows no open file can be deleted. */
  private static void end(SandboxServer sandbox, Story story) {
    story.close();
    sandbox.close();
  }

  /** The sandbox's messages: to its terminal, or to a file that its owner alone can read. */
  private static final class Story implements Consumer<String> {
    private Consumer<String> to;
    private PrintStream file;

    Story(Consumer<String> to) {
      this.to = to;
    }

    @Override
    public synchronized void accept(String line) {
      to.accept(line);
    }

    synchronized void moveTo(Path log) {
      try {
        file = new PrintStream(Files.newOutputStream(log), true, StandardCharsets.UTF_8);
        System.setErr(file);
        to = file::println;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    synchronized void close() {
      if (file != null) file.close();
    }
  }

  /**
   * The result of a start.
   *
   * @param sandbox empty if its process has ended instead
   * @param exit the exit code of that process, 0 without an end
   * @param story its messages
   */
  public record Started(Optional<SandboxProcess> sandbox, int exit, List<String> story) {}

  /**
   * Starts the same program in a new session, where no Ctrl-C of the terminal reaches it, with the
   * options of this JVM.
   *
   * @param main the program's main class
   */
  public Started start(int port, Class<?> main) {
    try {
      var nothing = new File(File.separatorChar == '\\' ? "NUL" : "/dev/null");
      var builder = new ProcessBuilder(command(port, main));
      builder.redirectInput(ProcessBuilder.Redirect.from(nothing));
      builder.environment().put(DETACHED, "yes");
      var process = builder.start();
      var given = 0;
      var out = process.inputReader(StandardCharsets.UTF_8);
      for (var line = out.readLine(); line != null; line = out.readLine()) {
        var url = URL.matcher(line);
        if (url.matches()) given = Integer.parseInt(url.group(1));
        if (line.isEmpty()) {
          return new Started(Optional.of(SandboxProcess.require(given)), 0, List.of());
        }
      }
      var story = process.errorReader(StandardCharsets.UTF_8).lines().toList();
      return new Started(Optional.empty(), process.onExit().join().exitValue(), story);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> command(int port, Class<?> main) {
    var command = new ArrayList<String>();
    if (Files.isExecutable(SETSID)) command.add(SETSID.toString());
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (var option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      command.remove(option); // JBang repeats options; of two that differ the last wins
      if (!ONCE.matcher(option).matches()) command.add(option);
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of("--port", String.valueOf(port)));
    command.addAll(options.arguments());
    return command;
  }
}
