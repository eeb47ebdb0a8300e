//SOURCES ../../ProcessEnd.java Containment.java HostVariables.java PathMapping.java
package fly.sandbox.runtime;

import fly.ProcessEnd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * A Machine's command as a real process, with its volumes at their paths. It and all that it starts
 * end together, and never outlive this JVM: see {@link Containment}.
 */
public final class ContainedProcess {
  /** A folder or file of the host, and its absolute path in the Machine. */
  public record Mount(Path source, String path) {}

  /**
   * @param env added to the variables of this computer that {@link HostVariables} allows
   * @param root the Machine's own folder on the host; it must exist
   */
  public record Spec(
      String machineId,
      List<String> command,
      Map<String, String> env,
      List<Mount> mounts,
      Path root) {}

  /**
   * @param code the exit code; 128 plus the signal's number if a signal ended the command
   * @param signal the signal's number, or -1
   */
  public record Exit(int code, int signal) {}

  /** Settings with which npx has no questions, and needs no network after its first run. */
  private static final Map<String, String> NPM =
      Map.of(
          "npm_config_yes", "true",
          "npm_config_prefer_offline", "true",
          "npm_config_update_notifier", "false");

  /**
   * The one thread that starts programs. It stays, because a child ends with the thread that
   * started it.
   */
  private static final ExecutorService SPAWNER =
      Executors.newSingleThreadExecutor(
          task -> {
            var thread = new Thread(task, "programs");
            thread.setDaemon(true);
            return thread;
          });

  /** The most that a killed process gets to end. */
  private static final Duration DEATH = Duration.ofSeconds(5);

  private static final Comparator<ProcessHandle> OLDEST_FIRST =
      Comparator.comparing(
              (ProcessHandle handle) -> handle.info().startInstant().orElse(Instant.MAX))
          .thenComparing(ProcessHandle::pid);

  private static final Set<ContainedProcess> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> RUNNING.forEach(ContainedProcess::endWithJvm), "programs-end"));
  }

  private final Process process;
  private final boolean inNamespace;
  private final OutputStream stdin;
  private final InputStream stdout;
  private final InputStream stderr;
  private final CompletableFuture<Exit> exit;
  private final Containment containment;
  private final PathMapping mapping;
  private final Map<String, String> variables;
  private ProcessHandle init;
  private boolean suspended;
  private volatile boolean killed;

  private ContainedProcess(
      Process process,
      Containment containment,
      PathMapping mapping,
      Map<String, String> variables) {
    this.process = process;
    this.containment = containment;
    this.mapping = mapping;
    this.variables = variables;
    this.inNamespace = containment != Containment.PATH_MAPPING;
    this.stdin =
        inNamespace ? process.getOutputStream() : mapping.toHost(process.getOutputStream());
    this.stdout =
        inNamespace ? process.getInputStream() : mapping.toMachine(process.getInputStream());
    this.stderr =
        inNamespace ? process.getErrorStream() : mapping.toMachine(process.getErrorStream());
    RUNNING.add(this);
    this.exit = process.onExit().thenApply(this::ended);
  }

  /** Starts it in the strongest containment that this machine has. */
  public static ContainedProcess start(Spec spec) throws IOException {
    return start(spec, Containment.best());
  }

  /**
   * @throws IOException if its mounts cannot be made, or the command does not exist (in a namespace
   *     exit code 127 and stderr report that instead)
   */
  public static ContainedProcess start(Spec spec, Containment containment) throws IOException {
    var mapped = containment == Containment.PATH_MAPPING;
    var mapping = new PathMapping(spec.mounts());
    var command =
        mapped
            ? spec.command().stream().map(mapping::toHost).toList()
            : containment.wrap(spec.command(), spec.mounts(), spec.root());
    var builder = new ProcessBuilder(command).directory(spec.root().toFile());
    var variables = builder.environment();
    var allowed = HostVariables.allowed(Map.copyOf(variables));
    variables.clear();
    variables.putAll(allowed);
    variables.putAll(NPM);
    spec.env()
        .forEach((name, value) -> variables.put(name, mapped ? mapping.toHost(value) : value));
    var process = spawn(builder);
    if (!mapped) awaitContainment(process);
    return new ContainedProcess(process, containment, mapping, Map.copyOf(variables));
  }

  private static Process spawn(ProcessBuilder builder) throws IOException {
    var spawned = SPAWNER.submit(builder::start);
    try {
      return spawned.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) throw failure;
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while it started", e);
    }
  }

  private static void awaitContainment(Process process) throws IOException {
    var why = new ByteArrayOutputStream();
    var stderr = process.getErrorStream();
    for (var b = stderr.read(); b != 0; b = stderr.read()) {
      if (b < 0) throw new IOException("no namespace: " + why.toString(StandardCharsets.UTF_8));
      why.write(b);
    }
  }

  public OutputStream stdin() {
    return stdin;
  }

  public InputStream stdout() {
    return stdout;
  }

  public InputStream stderr() {
    return stderr;
  }

  /** Completes when the command has ended, and all that it started with it. */
  public CompletableFuture<Exit> exit() {
    return exit;
  }

  /** The command and all that it started, as the host sees them. */
  public List<ProcessHandle> processes() {
    if (!inNamespace) {
      var all = new ArrayList<>(process.descendants().toList());
      all.add(0, process.toHandle());
      return all;
    }
    return init().map(init -> init.descendants().toList()).orElse(List.of());
  }

  /** The output and the exit of another command. */
  public record Ran(Exit exit, String stdout, String stderr) {}

  /**
   * Runs another command beside this one, and returns when it has ended; its background processes
   * keep running. Its streams are files, because pipes would stay open as long as those processes
   * run.
   *
   * @throws TimeoutException if it does not end in time; it is killed then
   */
  public Ran exec(List<String> command, String stdin, Duration timeout)
      throws IOException, TimeoutException {
    var words = new ArrayList<String>();
    if (inNamespace) {
      var target = init().map(init -> String.valueOf(init.pid())).orElse("");
      if (target.isEmpty()) throw new IOException("the program has ended");
      words.addAll(containment.enter(target));
      words.addAll(command);
    } else {
      for (var word : command) words.add(mapping.toHost(word));
    }
    var folder = Files.createTempDirectory("fly-exec-"); // readable to its owner alone
    var in = folder.resolve("stdin");
    var out = folder.resolve("stdout");
    var err = folder.resolve("stderr");
    try {
      Files.writeString(in, stdin);
      var builder = new ProcessBuilder(words).redirectInput(in.toFile());
      builder.redirectOutput(out.toFile()).redirectError(err.toFile());
      builder.environment().clear();
      builder.environment().putAll(variables);
      var other = spawn(builder);
      try {
        if (!other.waitFor(timeout.toNanos(), TimeUnit.NANOSECONDS)) throw new TimeoutException();
      } finally {
        other.descendants().forEach(ProcessHandle::destroyForcibly);
        other.destroyForcibly();
      }
      var code = other.exitValue();
      var exit = new Exit(code, code > 128 && code <= 128 + 64 ? code - 128 : -1);
      return new Ran(exit, text(out), text(err));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      for (var file : List.of(in, out, err, folder)) Files.deleteIfExists(file);
    }
  }

  private String text(Path file) throws IOException {
    var stream = Files.newInputStream(file);
    try (var mapped = inNamespace ? stream : mapping.toMachine(stream)) {
      return new String(mapped.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Freezes the command and all that it started. */
  public synchronized void suspend() {
    suspended = true;
    var frozen = new HashSet<Long>();
    // A process may start a child just before it freezes: repeat until two rounds find none.
    for (var calm = 0; calm < 2; calm++) {
      var running = new ArrayList<>(pids());
      running.removeIf(pid -> !frozen.add(pid));
      if (running.isEmpty()) continue;
      send("STOP", running);
      calm = -1;
    }
  }

  /** Thaws what {@link #suspend} froze. */
  public synchronized void resume() {
    suspended = false;
    send("CONT", pids());
  }

  /**
   * Sends a signal to the command itself.
   *
   * @param name such as SIGTERM, or TERM
   */
  public void signal(String name) {
    var signal = name.replaceFirst("^SIG", "");
    if (!signal.matches("[A-Z][A-Z0-9]*")) throw new IllegalArgumentException(name);
    command().ifPresent(command -> send(signal, List.of(command.pid())));
  }

  /**
   * Sends the signal, waits for the end, and after the timeout kills the remaining processes. A
   * suspended program is killed at once, because it receives no signal. Returns when all its
   * processes have ended.
   */
  public void stop(String signal, Duration timeout) {
    var family = new HashSet<ProcessHandle>();
    if (!inNamespace) process.descendants().forEach(family::add);
    if (!isSuspended() && !timeout.isZero()) {
      signal(signal);
      try {
        exit.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException | ExecutionException e) {
        // killed, then
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (!inNamespace) process.descendants().forEach(family::add);
    kill();
    family.forEach(ProcessHandle::destroyForcibly);
    exit.join();
    ProcessEnd.await(family, DEATH);
  }

  private synchronized boolean isSuspended() {
    return suspended;
  }

  private Exit ended(Process process) {
    RUNNING.remove(this);
    var code = inNamespace && killed ? 128 + 9 : process.exitValue();
    return new Exit(code, code > 128 && code <= 128 + 64 ? code - 128 : -1);
  }

  /** A namespace ends with its first process; a family is frozen first, so that it cannot grow. */
  private void kill() {
    var init = init();
    if (init.isPresent()) {
      killed = true; // unshare has no exit code for it
      init.get().destroyForcibly();
    } else {
      if (!inNamespace && process.isAlive()) suspend();
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  /** Kills at the JVM's end, without a wait. A namespace ends with the process that made it. */
  private void endWithJvm() {
    if (inNamespace) process.destroyForcibly();
    else kill();
  }

  /** The first process of the namespace, looked for once: children() reads all of /proc. */
  private synchronized Optional<ProcessHandle> init() {
    if (init == null && inNamespace) init = process.children().findFirst().orElse(null);
    return Optional.ofNullable(init).filter(ProcessHandle::isAlive);
  }

  /** The command's own process: in a namespace, init's oldest child. */
  private Optional<ProcessHandle> command() {
    if (!inNamespace) return Optional.of(process.toHandle());
    var command = Optional.<ProcessHandle>empty();
    for (var i = 0; i < 1000 && command.isEmpty() && process.isAlive(); i++) {
      if (i > 0) LockSupport.parkNanos(1_000_000); // it is about to be forked, or about to end
      command = init().stream().flatMap(ProcessHandle::children).min(OLDEST_FIRST);
    }
    return command;
  }

  private List<Long> pids() {
    var pids = new ArrayList<>(process.descendants().map(ProcessHandle::pid).toList());
    if (!inNamespace && process.isAlive()) pids.add(process.pid());
    return pids;
  }

  private static void send(String signal, Collection<Long> pids) {
    if (pids.isEmpty()) return;
    var words = new ArrayList<>(List.of("sh", "-c", "kill -s \"$@\" 2>/dev/null", "kill", signal));
    pids.forEach(pid -> words.add(pid.toString()));
    try {
      var kill = new ProcessBuilder(words).start();
      kill.getInputStream().readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("signals need a Unix shell", e);
    }
  }
}
