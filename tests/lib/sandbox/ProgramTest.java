import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.sandbox.runtime.ContainedProcess;
import fly.sandbox.runtime.Containment;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("slow")
class ProgramTest {
  private static final String IN_EACH = "{displayName} ({0})";

  @TempDir Path folder;
  private Path volume;
  private final List<ContainedProcess> started = new ArrayList<>();

  static Stream<Containment> containments() {
    return Stream.of(Containment.values()).filter(Containment::works);
  }

  static Stream<Containment> namespaces() {
    return containments().filter(containment -> containment != Containment.PATH_MAPPING);
  }

  @BeforeEach
  void aVolume() throws IOException {
    volume = Files.createDirectory(folder.resolve("volume"));
    Files.createDirectory(volume.resolve("lost+found"));
  }

  @AfterEach
  void nothingStays() {
    for (var program : started) program.stop("SIGKILL", Duration.ZERO);
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_volume_is_at_its_path(Containment containment) throws Exception {
    Files.writeString(volume.resolve("hello.txt"), "hello");

    var program = start(containment, "ls", "/data/");

    assertEquals("hello.txt\nlost+found\n", text(program.stdout()));
    assertEquals(new ContainedProcess.Exit(0, -1), program.exit().get());
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void what_it_writes_names_the_path_and_not_the_folder(Containment containment) throws Exception {
    var program = start(containment, "sh", "-c", "cd \"$0\" && pwd && pwd >&2", "/data");

    assertEquals("/data\n", text(program.stdout()));
    assertEquals("/data\n", text(program.stderr()));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_file_written_at_the_path_is_in_the_volume(Containment containment) throws Exception {
    var program = start(containment, "touch", "/data/new.txt");

    program.exit().get();
    assertTrue(Files.exists(volume.resolve("new.txt")));
  }

  @Test
  void without_a_namespace_the_paths_in_JSON_lines_are_mapped_and_nothing_else() throws Exception {
    var line =
        "{\"path\":\"/data/a\\u00e4\",\"n\":1e2,\"text\":\"see /data/a\",\"other\":\"/database\","
            + " \"uri\": \"file:\\/\\/\\/data\"}\n";

    var program = start(Containment.PATH_MAPPING, "tee", "/data/seen");
    program.stdin().write(line.getBytes(StandardCharsets.UTF_8));
    program.stdin().close();

    var said = text(program.stdout());
    var folder = volume.toRealPath().toString();
    assertEquals(
        "{\"path\":\""
            + folder
            + "/a\\u00e4\",\"n\":1e2,\"text\":\"see /data/a\","
            + "\"other\":\"/database\", \"uri\": \"file:\\/\\/"
            + folder
            + "\"}\n",
        Files.readString(volume.resolve("seen")));
    assertEquals(line.replace("\\/\\/\\/data", "\\/\\//data"), said);
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("namespaces")
  void a_new_folder_appears_below_one_of_the_hosts_which_does_not_get_it(Containment containment)
      throws Exception {
    var path = "/usr/share/fly-" + UUID.randomUUID() + "/deep";
    var file = Files.writeString(folder.resolve("motd"), "welcome");
    var mounts =
        List.of(
            new ContainedProcess.Mount(volume, path),
            new ContainedProcess.Mount(file, path + "/motd"),
            new ContainedProcess.Mount(file, "/etc/fly/motd"));

    var program =
        ContainedProcess.start(
            new ContainedProcess.Spec(
                "m1",
                List.of("sh", "-c", "ls " + path + "; cat /etc/fly/motd; test -e /usr/share/man"),
                Map.of(),
                mounts,
                folder),
            containment);
    started.add(program);

    assertEquals("lost+found\nmotd\nwelcome", text(program.stdout()));
    assertEquals(0, program.exit().get().code());
    assertFalse(Files.exists(Path.of(path).getParent()));
    assertFalse(Files.exists(Path.of("/etc/fly")));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("namespaces")
  void it_sees_no_process_but_its_own(Containment containment) throws Exception {
    var program = start(containment, "sh", "-c", "echo /proc/[0-9]*");

    assertEquals(2, text(program.stdout()).strip().split(" ").length);
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("namespaces")
  void where_nothing_can_be_mounted_it_says_so_before_it_starts(Containment containment) {
    for (var path : List.of("/", "/proc/data", "data")) {
      var mounts = List.of(new ContainedProcess.Mount(volume, path));
      var spec = new ContainedProcess.Spec("m1", List.of("true"), Map.of(), mounts, folder);

      var failure =
          assertThrows(IOException.class, () -> ContainedProcess.start(spec, containment));

      assertEquals("nothing can be mounted at " + path, failure.getMessage());
    }
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void it_ends_with_the_commands_exit_code(Containment containment) throws Exception {
    var program = start(containment, "sh", "-c", "exit 3");

    assertEquals(new ContainedProcess.Exit(3, -1), program.exit().get());
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_command_that_is_not_there_is_told(Containment containment) throws Exception {
    if (containment == Containment.PATH_MAPPING) {
      var failure = assertThrows(IOException.class, () -> start(containment, "no-such-command"));
      assertTrue(failure.getMessage().contains("no-such-command"), failure.getMessage());
      return;
    }
    var program = start(containment, "no-such-command");

    var stderr = text(program.stderr());
    assertTrue(stderr.contains("no-such-command: not found"), stderr);
    assertEquals(new ContainedProcess.Exit(127, -1), program.exit().get());
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_signal_reaches_the_command_itself(Containment containment) throws Exception {
    var program =
        start(
            containment,
            "sh",
            "-c",
            "trap 'echo heard; kill $!; exit 7' USR1; sleep 1000 & echo ready; while :; do wait;"
                + " done");
    var stdout = new BufferedReader(new InputStreamReader(program.stdout()));
    assertEquals("ready", stdout.readLine());

    program.signal("SIGUSR1");

    assertEquals("heard", stdout.readLine());
    assertEquals(new ContainedProcess.Exit(7, -1), Await.value(program.exit()));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_command_that_a_signal_ends_tells_which(Containment containment) throws Exception {
    var interrupted = start(containment, "sleep", "1000");
    interrupted.signal(containment == Containment.PATH_MAPPING ? "ALRM" : "INT");
    var terminated = start(containment, "sleep", "1000");
    terminated.stop("SIGTERM", Duration.ofSeconds(10));

    var signal = containment == Containment.PATH_MAPPING ? 14 : 2;
    assertEquals(new ContainedProcess.Exit(128 + signal, signal), Await.value(interrupted.exit()));
    assertEquals(new ContainedProcess.Exit(143, 15), Await.value(terminated.exit()));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void one_that_does_not_hear_is_killed_with_all_that_it_started(Containment containment)
      throws Exception {
    var mark = mark();
    var program = start(containment, "sh", "-c", family(containment, "trap '' TERM INT;", mark));
    awaitFamily(mark);

    program.stop("SIGINT", Duration.ofMillis(100));

    assertEquals(new ContainedProcess.Exit(137, 9), program.exit().get());
    assertEquals(0, living(mark));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("namespaces")
  void what_the_command_leaves_behind_ends_with_it(Containment containment) throws Exception {
    var mark = mark();
    var program = start(containment, "sh", "-c", "setsid sleep 1000." + mark + " & exit 0");

    assertEquals(0, Await.value(program.exit()).code());
    assertEquals(0, living(mark));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_suspended_program_stands_still_with_its_children_and_goes_on_when_resumed(
      Containment containment) throws Exception {
    var ticks = volume.resolve("ticks");
    var program =
        start(
            containment,
            "sh",
            "-c",
            "sh -c 'while :; do echo x >>$0/ticks; sleep 0.01; done' $0 & wait",
            "/data");
    awaitGrowth(ticks, 0);

    program.suspend();

    Await.until(() -> standsStill(ticks), () -> "it goes on");
    var size = Files.size(ticks);
    program.resume();
    awaitGrowth(ticks, size);
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void a_suspended_program_can_be_stopped(Containment containment) throws Exception {
    var mark = mark();
    var program = start(containment, "sh", "-c", family(containment, "", mark));
    awaitFamily(mark);
    program.suspend();

    program.stop("SIGINT", Duration.ofSeconds(60));

    assertEquals(9, program.exit().get().signal());
    assertEquals(0, living(mark));
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("namespaces")
  void nothing_outlives_a_JVM_that_is_killed(Containment containment) throws Exception {
    for (var suspended : List.of("running", "suspended")) {
      var mark = mark();
      var jvm = jvm(containment, suspended, mark);
      assertEquals(3, living(mark));

      jvm.destroyForcibly().waitFor();

      awaitEnd(mark);
    }
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void nothing_outlives_a_JVM_that_ends(Containment containment) throws Exception {
    var mark = mark();
    var jvm = jvm(containment, "running", mark);

    jvm.destroy();
    jvm.waitFor();

    awaitEnd(mark);
  }

  @ParameterizedTest(name = IN_EACH)
  @MethodSource("containments")
  void of_this_computers_variables_a_program_sees_an_allow_list(Containment containment)
      throws Exception {
    var output =
        new Sh()
            .with("FLY_API_TOKEN", "sesame-1")
            .with("NPM_AUTH_TOKEN", "sesame-2")
            .with("GH_PAT", "sesame-3")
            .with("DATABASE_URL", "postgres://me:sesame-4@db/x")
            .with("UV_PUBLISH_TOKEN", "sesame-5")
            .with("HTTPS_PROXY", "http://me:sesame-6@proxy.test:8080")
            .with("LC_MESSAGES", "C")
            .run(jvmCommand("env", containment.name(), folder.toString()));

    assertTrue(output.out().contains("LC_MESSAGES=C\n"), output.out() + output.err());
    assertTrue(output.out().contains("HTTPS_PROXY=http://proxy.test:8080\n"), output.out());
    assertTrue(output.out().contains("FLY_MACHINE_ID=m1\n"), output.out());
    assertTrue(output.out().contains("npm_config_yes=true\n"), output.out());
    assertTrue(output.out().contains("npm_config_prefer_offline=true\n"), output.out());
    assertFalse(output.out().contains("sesame"), output.out());
  }

  @Test
  void after_one_run_with_network_the_guides_server_starts_without() throws Exception {
    assumeTrue(exit("npx", "--version") == 0, "no npx here");
    assumeTrue(exit("unshare", "-rn", "true") == 0, "no namespace without network here");
    assumeTrue(exit("npm", "ping") == 0, "no npm registry here");
    var npm = Map.of("npm_config_cache", folder.resolve("npm").toString());
    var guides = List.of("npx", "-f", "@modelcontextprotocol/server-filesystem", "/data/");
    assertTrue(initialized(start(Containment.best(), guides, npm)));

    var offline = new ArrayList<>(List.of("unshare", "-rn"));
    offline.addAll(guides);

    assertTrue(initialized(start(Containment.best(), offline, npm)));
  }

  /** A JVM of its own with a program, for the tests that end it. */
  static final class Host {
    public static void main(String... args) throws Exception {
      var folder = Path.of(args[2]);
      var containment = Containment.valueOf(args[1]);
      if (args[0].equals("env")) {
        var env = List.of("env");
        var spec =
            new ContainedProcess.Spec("m1", env, Map.of("FLY_MACHINE_ID", "m1"), List.of(), folder);
        System.out.print(text(ContainedProcess.start(spec, containment).stdout()));
        return;
      }
      var command = List.of("sh", "-c", family(containment, "", args[3]));
      var program =
          ContainedProcess.start(
              new ContainedProcess.Spec("m1", command, Map.of(), List.of(), folder), containment);
      awaitFamily(args[3]);
      if (args[0].equals("suspended")) program.suspend();
      System.out.println("ready");
      Thread.sleep(600_000);
    }
  }

  private Process jvm(Containment containment, String state, String mark) throws IOException {
    var jvm = new Sh().start(jvmCommand(state, containment.name(), folder.toString(), mark));
    var stdout = new BufferedReader(new InputStreamReader(jvm.getInputStream()));
    assertEquals("ready", stdout.readLine());
    return jvm;
  }

  private static String[] jvmCommand(String... args) {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var classPath = System.getProperty("java.class.path");
    return Stream.concat(
            Stream.of(java, "-XX:TieredStopAtLevel=1", "-cp", classPath, Host.class.getName()),
            Stream.of(args))
        .toArray(String[]::new);
  }

  private ContainedProcess start(Containment containment, String... command) throws IOException {
    return start(containment, List.of(command), Map.of());
  }

  private ContainedProcess start(
      Containment containment, List<String> command, Map<String, String> env) throws IOException {
    var mounts = List.of(new ContainedProcess.Mount(volume, "/data"));
    var program =
        ContainedProcess.start(
            new ContainedProcess.Spec("m1", command, env, mounts, folder), containment);
    started.add(program);
    return program;
  }

  private static boolean initialized(ContainedProcess program) throws IOException {
    var initialize =
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}\n";
    program.stdin().write(initialize.getBytes(StandardCharsets.UTF_8));
    program.stdin().flush();
    var reply = new BufferedReader(new InputStreamReader(program.stdout())).readLine();
    program.stop("SIGTERM", Duration.ofSeconds(5));
    return reply != null && reply.contains("serverInfo");
  }

  // A family: the command and two more, all with the mark.

  private static String mark() {
    return String.valueOf(System.nanoTime());
  }

  /** In a namespace one of them has left its parent, and its session. */
  private static String family(Containment containment, String first, String mark) {
    var sleep = "sleep 1000." + mark;
    var other = containment == Containment.PATH_MAPPING ? sleep : "(setsid " + sleep + " &)";
    return "%s %s & %s & %s; exit 1".formatted(first, other, sleep, sleep);
  }

  private static void awaitFamily(String mark) throws Exception {
    Await.until(() -> living(mark) == 3);
  }

  private static long living(String mark) {
    return ProcessHandle.allProcesses()
        .filter(ProcessHandle::isAlive)
        .map(process -> process.info().commandLine().orElse(""))
        .filter(line -> line.matches(".*sleep 1000\\." + mark))
        .count();
  }

  private static void awaitEnd(String mark) throws Exception {
    Await.until(() -> living(mark) == 0);
  }

  /** True if nothing is written in this time; a write may have been under way before. */
  private static boolean standsStill(Path file) throws Exception {
    var before = Files.size(file);
    Thread.sleep(300);
    return Files.size(file) == before;
  }

  private static void awaitGrowth(Path file, long size) throws Exception {
    Await.until(() -> Files.exists(file) && Files.size(file) > size);
  }

  private static int exit(String... command) {
    try {
      return new Sh().run(command).exit();
    } catch (java.io.UncheckedIOException e) {
      return 127;
    }
  }

  private static String text(InputStream stream) throws IOException {
    return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
  }
}
