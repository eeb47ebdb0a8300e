//SOURCES PathMapping.java
//FILES contain.sh
package fly.sandbox;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A Machine's command as a real process, which cannot outlive this JVM.
 *
 * <p>On Linux it runs in a mount namespace, where a volume's folder stands at its path, and in a PID
 * namespace that the kernel ends when the JVM dies, even by kill -9. Elsewhere, or where the kernel
 * refuses, {@link PathMapping} translates the paths, and the JVM's exit ends the process.
 */
public final class Program {
  /** Where a folder of the host appears in the Machine. */
  public record Mount(Path source, String path) {}

  /**
   * @param env comes on top of this JVM's environment, of which nothing FLY_* is passed on
   * @param root the Machine's own folder on the host
   */
  public record Spec(
      String machineId,
      List<String> command,
      Map<String, String> env,
      List<Mount> mounts,
      Path root) {}

  /**
   * @param code the exit code; with a signal 128 and its number, as shells have it
   * @param signal the signal's number, or -1
   */
  public record Exit(int code, int signal) {}

  private enum Containment {
    NAMESPACES("unshare", "--mount", "--pid", "--fork", "--kill-child"),
    USER_NAMESPACES(
        "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"),
    NONE;

    private final List<String> command;

    Containment(String... command) {
      this.command = List.of(command);
    }

    private static Containment best;

    /** The first that works here; the property {@code fly.sandbox.containment=none} forbids all. */
    static synchronized Containment best() {
      if ("none".equals(System.getProperty("fly.sandbox.containment"))) return NONE;
      if (best == null) {
        best = NONE;
        for (var candidate : List.of(NAMESPACES, USER_NAMESPACES)) {
          if (best == NONE && candidate.works()) best = candidate;
        }
      }
      return best;
    }

    private boolean works() {
      try {
        var probe = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL"));
        probe.addAll(command);
        probe.addAll(List.of("mount", "-t", "tmpfs", "none", "/tmp"));
        var process = new ProcessBuilder(probe).redirectErrorStream(true).start();
        process.getInputStream().readAllBytes();
        return process.waitFor() == 0;
      } catch (IOException e) {
        return false; // no such program: not Linux
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
  }

  /** The kernel ends a child with the thread that made it, so one thread makes them all and stays. */
  private static final ExecutorService SPAWNER =
      Executors.newSingleThreadExecutor(
          task -> {
            var thread = new Thread(task, "programs");
            thread.setDaemon(true);
            return thread;
          });

  private final Process process;
  private final boolean contained;
  private final PathMapping mapping;
  private final CompletableFuture<Exit> exit;

  private Program(Process process, boolean contained, PathMapping mapping) {
    this.process = process;
    this.contained = contained;
    this.mapping = mapping;
    this.exit =
        process
            .onExit()
            .thenApply(
                ended -> {
                  var code = ended.exitValue();
                  return new Exit(code, code > 128 && code <= 128 + 64 ? code - 128 : -1);
                });
  }

  /**
   * @throws IOException where there is no such program
   */
  public static Program start(Spec spec) throws IOException {
    var containment = Containment.best();
    var contained = containment != Containment.NONE;
    var mapping = contained ? new PathMapping(List.of()) : new PathMapping(spec.mounts());
    var command = new ArrayList<String>();
    if (contained) {
      var root = Files.createDirectories(spec.root().resolve("rootfs"));
      command.addAll(List.of("setpriv", "--pdeathsig", "KILL"));
      command.addAll(containment.command);
      command.addAll(List.of("sh", "-c", script(), "contain", root.toString()));
      for (var mount : spec.mounts()) {
        command.addAll(List.of(mount.source().toString(), mount.path()));
      }
      command.add("--");
      command.addAll(spec.command());
    } else {
      for (var word : spec.command()) command.add(mapping.toHost(word));
    }
    var builder = new ProcessBuilder(command).directory(spec.root().toFile());
    var env = builder.environment();
    env.keySet().removeIf(name -> name.startsWith("FLY_") || name.startsWith("JBANG_"));
    env.putAll(
        Map.of(
            "npm_config_yes", "true",
            "npm_config_prefer_offline", "true",
            "npm_config_update_notifier", "false",
            "npm_config_fund", "false",
            "npm_config_audit", "false"));
    env.putAll(spec.env());
    var process = spawn(builder);
    var program = new Program(process, contained, mapping);
    if (!contained) {
      var hook = new Thread(program::kill);
      Runtime.getRuntime().addShutdownHook(hook);
    }
    return program;
  }

  private static Process spawn(ProcessBuilder builder) throws IOException {
    try {
      return SPAWNER.submit(builder::start).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) throw failure;
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static String script() throws IOException {
    try (var script = Program.class.getResourceAsStream("/contain.sh")) {
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  public OutputStream stdin() {
    return mapping.toHost(process.getOutputStream());
  }

  public InputStream stdout() {
    return mapping.toMachine(process.getInputStream());
  }

  public InputStream stderr() {
    return mapping.toMachine(process.getErrorStream());
  }

  public CompletableFuture<Exit> exit() {
    return exit;
  }

  /** Freezes every process of it. */
  public void suspend() {
    var stopped = new HashSet<Long>();
    List<Long> running;
    do {
      running = tree().stream().map(ProcessHandle::pid).filter(stopped::add).toList();
      kill("STOP", running);
    } while (!running.isEmpty()); // one may have forked before it was stopped
  }

  public void resume() {
    kill("CONT", tree().stream().map(ProcessHandle::pid).toList());
  }

  /**
   * Sends a signal to the command itself.
   *
   * @param name such as SIGTERM, or TERM
   */
  public void signal(String name) {
    kill(name.replaceFirst("^SIG", ""), main().map(ProcessHandle::pid).map(List::of).orElse(List.of()));
  }

  /** Signals, waits, and then kills whatever is left; returns when all of it is gone. */
  public void stop(String signal, Duration timeout) {
    signal(signal);
    try {
      exit.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      // it did not go by itself
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    kill();
    exit.join();
  }

  private void kill() {
    for (var handle : tree()) handle.destroyForcibly();
    process.destroyForcibly();
  }

  /** All processes of it, as the host sees them, but for the parent of the namespace. */
  private List<ProcessHandle> tree() {
    var tree = new ArrayList<>(process.descendants().toList());
    if (!contained && process.isAlive()) tree.add(process.toHandle());
    return tree;
  }

  private java.util.Optional<ProcessHandle> main() {
    if (!contained) return java.util.Optional.of(process.toHandle());
    return process.children().flatMap(ProcessHandle::children).findFirst();
  }

  private static void kill(String signal, List<Long> pids) {
    if (pids.isEmpty()) return;
    var command = new ArrayList<>(List.of("kill", "-" + signal));
    for (var pid : pids) command.add(pid.toString());
    try {
      new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
