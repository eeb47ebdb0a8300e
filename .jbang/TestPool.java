import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClasspathRoots;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Workers, each a JVM with a home and a folder for temporary files of its own. Settings are system
 * properties, so that a worker runs its classes one after the other. The longest classes come
 * first: those of the last run, or those listed here.
 */
final class TestPool {
  /** Silence after which a worker counts as hung: longer than JUnit's time limit for a test. */
  static final Duration SILENCE = Duration.ofMinutes(16);

  /** The longest classes, for a machine that has not recorded how long each takes. */
  private static final List<String> LONGEST =
      List.of(
          "FaultMatrixTest",
          "RemoteCatalogTest",
          "SandboxScriptTest",
          "McpConformanceTest",
          "DocsTest",
          "McpLaunchTest",
          "ShellTest",
          "RunPageTest",
          "DistTest",
          "McpWrapStreamableTest",
          "McpProxyTest",
          "McpClientsTest",
          "NetworkTest",
          "McpWrapCommandTest",
          "SandboxPageTest",
          "SandboxImagesTest",
          "SandboxVolumesTest",
          "ProgramTest",
          "ZeroRequestsTest",
          "ReadmeTest",
          "ResolveOnceTest");

  private static final Set<String> OF_THE_WRAPPER =
      Set.of("FLY_ROOT", "FLY_JBANG", "FLY_JBANG_VERSION", "FLY_ARCHIVE", "FLY_SHARED");

  private final RunTests.Arguments arguments;
  private final Path cache = cache();
  private final Map<String, Long> durations = new TreeMap<>();
  private final Map<String, Long> cpu = new TreeMap<>();
  private final ConcurrentLinkedQueue<String> open = new ConcurrentLinkedQueue<>();
  private final Set<Process> workers = ConcurrentHashMap.newKeySet();
  private final List<String> failures = new ArrayList<>();
  private final int[] counts = new int[3];
  private Path temporary;

  TestPool(RunTests.Arguments arguments) {
    this.arguments = arguments;
  }

  /** Runs the classes; false if one of them failed. */
  boolean run() throws Exception {
    var classes = classes();
    if (classes.isEmpty()) {
      System.out.println("error: no test matches " + arguments.classNames());
      System.out.println("0 passed, 1 failed, 0 skipped");
      return false;
    }
    var known = recorded();
    classes.sort(
        Comparator.comparing((String name) -> known.getOrDefault(name, usual(name))).reversed());
    open.addAll(classes);
    temporary = Files.createTempDirectory("fly-tests").toRealPath();
    Runtime.getRuntime().addShutdownHook(new Thread(this::clean));
    var threads = new ArrayList<Thread>();
    for (var i = 1; i <= Math.min(arguments.workers(), classes.size()); i++) {
      var folder = temporary.resolve("w" + i);
      var thread = new Thread(() -> work(folder), "worker-" + i);
      thread.start();
      threads.add(thread);
    }
    for (var thread : threads) thread.join();
    record(known);
    sumUp();
    return counts[1] == 0;
  }

  /** Milliseconds beyond those of any record for a listed class, and none for another one. */
  private static long usual(String name) {
    var place = LONGEST.indexOf(name);
    return place < 0 ? 0 : Long.MAX_VALUE - place;
  }

  private List<String> classes() throws Exception {
    var own = TestPool.class.getProtectionDomain().getCodeSource().getLocation();
    var request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectClasspathRoots(Set.of(Path.of(own.toURI()))))
            .filters(ClassNameFilter.includeClassNamePatterns(".*"));
    if (arguments.fast()) request.filters(TagFilter.excludeTags(TestWorker.SLOW));
    var plan = LauncherFactory.create().discover(request.build());
    var names = new ArrayList<String>();
    for (var root : plan.getRoots()) {
      for (var container : plan.getChildren(root)) {
        if (container.getSource().orElse(null) instanceof ClassSource source
            && arguments.wants(source.getClassName())) names.add(source.getClassName());
      }
    }
    return names;
  }

  private void work(Path folder) {
    while (!open.isEmpty()) {
      try {
        workIn(folder);
      } catch (IOException | InterruptedException e) {
        fail("a worker", e.toString());
        return;
      }
    }
  }

  /** One worker's life: until no class is open, or it ends by itself. */
  private void workIn(Path folder) throws IOException, InterruptedException {
    var process = start(folder);
    workers.add(process);
    try (var lines =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        var input = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8)) {
      for (var next = open.poll(); next != null; next = open.poll()) {
        input.println(next);
        if (!report(next, lines, process)) break;
      }
    } finally {
      var family = process.descendants().toList();
      if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly();
      family.forEach(ProcessHandle::destroyForcibly);
      workers.remove(process);
    }
  }

  private Process start(Path folder) throws IOException {
    Files.createDirectories(folder.resolve("home"));
    Files.createDirectories(folder.resolve("tmp"));
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var command =
        new ArrayList<>(List.of(java, "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("-Duser.home=" + folder.resolve("home"));
    command.add("-Djava.io.tmpdir=" + folder.resolve("tmp"));
    command.add("-Dfly.tests.cache=" + cache);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "RunTests", "--worker"));
    if (arguments.fast()) command.add("--fast");
    if (arguments.times()) command.add("--times");
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder
        .environment()
        .keySet() // tests bring settings of their own, also where a sandbox's are exported
        .removeIf(name -> Script.isSetting(name) && !OF_THE_WRAPPER.contains(name));
    builder.environment().put("TMPDIR", folder.resolve("tmp").toString());
    return builder.start();
  }

  /** Prints a class once it has ended; false if the worker has ended with it. */
  private boolean report(String name, BufferedReader lines, Process process) throws IOException {
    var block = new StringBuilder(name).append('\n');
    var began = System.nanoTime();
    while (true) {
      var line = lines.readLine();
      if (line == null) {
        var why = "its JVM ended in the middle of it, with " + process.onExit().join().exitValue();
        fail(name, why);
        synchronized (this) {
          System.out.print(block.append("  FAILED ").append(why).append('\n'));
        }
        return false;
      }
      // What a test has printed without a line break stands before the mark.
      var mark = line.indexOf(TestWorker.MARK);
      var printed = mark < 0 ? line : line.substring(0, mark);
      if (mark < 0 || !printed.isEmpty()) block.append(printed).append('\n');
      if (mark < 0) continue;
      var message = line.substring(mark + 2).replace(TestWorker.BREAK, "\n");
      switch (line.charAt(mark + 1)) {
        case TestWorker.LINE -> block.append(message).append('\n');
        case TestWorker.FAILURE -> {
          synchronized (this) {
            failures.add(message);
          }
        }
        default -> {
          synchronized (this) {
            var words = message.split(" ");
            for (var i = 0; i < 3; i++) counts[i] += Integer.parseInt(words[i]);
            durations.put(name, (System.nanoTime() - began) / 1_000_000);
            cpu.put(name, Long.parseLong(words[3]));
            System.out.print(block);
            System.out.flush();
          }
          return true;
        }
      }
    }
  }

  private synchronized void fail(String name, String why) {
    counts[1]++;
    failures.add(name + ": " + why);
  }

  private void sumUp() {
    if (arguments.times()) {
      System.out.println("\n  wall s   CPU s");
      durations.entrySet().stream()
          .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
          .forEach(each -> time(each.getValue(), cpu.get(each.getKey()), each.getKey()));
      time(sum(durations), sum(cpu), "together");
    }
    if (!failures.isEmpty()) System.out.println("\nFailures (" + failures.size() + "):");
    failures.forEach(System.out::println);
    System.out.printf("%d passed, %d failed, %d skipped%n", counts[0], counts[1], counts[2]);
    System.out.flush();
  }

  private static void time(long wall, long cpu, String name) {
    System.out.printf("%8.1f%8.1f  %s%n", wall / 1000.0, cpu / 1000.0, name);
  }

  private static long sum(Map<String, Long> times) {
    return times.values().stream().mapToLong(Long::longValue).sum();
  }

  /** A folder of this user for what tests fetch once, and for the durations of the last run. */
  private static Path cache() {
    var given = System.getenv("XDG_CACHE_HOME");
    var home = Path.of(System.getProperty("user.home"), ".cache");
    var cache = (given == null || given.isBlank() ? home : Path.of(given)).resolve("fly-tests");
    try {
      Files.createDirectories(cache);
      if (cache.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwx------"));
      }
      return cache;
    } catch (IOException e) {
      return null;
    }
  }

  /** Milliseconds by class. */
  private Map<String, Long> recorded() {
    var known = new TreeMap<String, Long>();
    try {
      for (var line : Files.readAllLines(cache.resolve("durations"))) {
        var words = line.split(" ");
        known.put(words[0], Long.parseLong(words[1]));
      }
    } catch (IOException | RuntimeException e) {
      known.clear(); // the first run; the order is then any
    }
    return known;
  }

  private void record(Map<String, Long> known) {
    known.putAll(durations);
    try {
      var lines = known.entrySet().stream().map(each -> each.getKey() + " " + each.getValue());
      Files.write(cache.resolve("durations"), (Iterable<String>) lines::iterator);
    } catch (IOException | RuntimeException e) {
      System.err.println("durations are not recorded: " + e.getMessage());
    }
  }

  private void clean() {
    for (var worker : workers) kill(worker);
    if (temporary == null) return;
    try (Stream<Path> files = Files.walk(temporary)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(file);
    } catch (IOException | RuntimeException e) {
      System.err.println("left behind: " + temporary + ": " + e.getMessage());
    }
  }

  private static void kill(Process process) {
    var family = process.descendants().toList();
    process.destroyForcibly();
    family.forEach(ProcessHandle::destroyForcibly);
  }
}
