import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxExports;
import fly.sandbox.SandboxServer;
import fly.sandbox.store.SandboxFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import kong.unirest.core.Unirest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** fly-sandbox as a command: foreground, background, and its end. */
@Tag("slow")
class SandboxScriptTest {
  private final String port = String.valueOf(Ports.free());

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @AfterEach
  void stop() {
    Script.run(new Sandbox(), "--stop", "--port", port);
  }

  private Script.Result sandbox(String... args) {
    var all = new java.util.ArrayList<>(List.of(args));
    all.addAll(List.of("--port", port));
    return Script.run(new Sandbox(), all.toArray(String[]::new));
  }

  @Test
  void started_in_the_background_it_prints_what_to_export() {
    var result = sandbox("--start");

    assertEquals(0, result.exit(), result.err());
    var url = "http://127.0.0.1:" + port;
    assertEquals(
        List.of(
            "export ORG='personal'",
            "export FLY_API_TOKEN='sandbox-*'",
            "export FLY_ACCESS_TOKEN='sandbox-*'",
            "export FLY_API_HOSTNAME='" + url + "'",
            "export FLY_API_BASE_URL='" + url + "'",
            "export FLY_FLAPS_BASE_URL='" + url + "'",
            "export FLY_UIEX_BASE_URL='" + url + "'",
            "export FLY_METRICS_BASE_URL='" + url + "'",
            "export FLY_SYNTHETICS_BASE_URL='" + url + "'",
            "export FLY_TRACE_COLLECTOR_URL='" + url + "'",
            "export FLY_STATUSPAGE_UNRESOLVED_INCIDENTS_URL='" + url + "'",
            "export FLY_EDGE_URL='" + url + "/edge/{app}/'",
            "export FLY_SEND_METRICS='0'",
            "export FLY_SYNTHETICS_AGENT='0'",
            "export FLY_NO_UPDATE_CHECK='1'",
            "export FLY_NO_INCIDENTS_CHECK='1'"),
        result.out().replaceAll("sandbox-[0-9a-f]{32}", "sandbox-*").lines().toList());
    assertTrue(result.err().contains("To end it: jbang fly-sandbox@catalog --stop --port " + port));
  }

  @Test
  void on_any_free_port_it_tells_which_one_and_how_to_end_it() {
    var result = Script.run(new Sandbox(), "--start", "--port", "0");

    var given = result.out().replaceFirst("(?s).*HOSTNAME='http://127.0.0.1:(\\d+)'.*", "$1");
    assertTrue(result.err().contains("live: http://127.0.0.1:" + given + "/?start="), result.err());
    assertTrue(result.err().contains("--env --port " + given + ")"), result.err());
    assertTrue(result.err().contains("--stop --port " + given + "\n"), result.err());
    assertEquals(0, Script.run(new Sandbox(), "--stop", "--port", given).exit());
  }

  @Test
  void status_and_stop_find_it_by_its_port() throws Exception {
    sandbox("--start");

    var status = Fly.JSON.readTree(sandbox("--status").out());
    assertEquals("http://127.0.0.1:" + port, status.path("url").asText());
    assertEquals(0, sandbox("--stop").exit());

    assertFalse(
        ProcessHandle.of(status.path("pid").asLong()).map(ProcessHandle::isAlive).orElse(false));
    assertEquals(1, sandbox("--status").exit());
    assertTrue(sandbox("--stop").err().contains("error: no sandbox runs on port " + port));
  }

  @Test
  void one_that_stops_before_its_answer_has_left_has_stopped() throws Exception {
    var process = new ProcessBuilder("sleep", "300").start();
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(port)), 0);
    var status = "{\"sandbox\":true}";
    server.createContext(
        "/sandbox",
        exchange -> {
          if (exchange.getRequestMethod().equals("POST")) {
            process.destroyForcibly();
          } else {
            exchange.sendResponseHeaders(200, status.length());
            exchange.getResponseBody().write(status.getBytes());
          }
          exchange.close();
        });
    server.start();
    var url = "http://127.0.0.1:" + port;
    var entry = new SandboxFile.Entry(process.toHandle(), url, "secret", null);
    try (var file = SandboxFile.write(Integer.parseInt(port), entry)) {
      var stopped = sandbox("--stop");

      assertEquals(0, stopped.exit(), stopped.err());
      assertFalse(process.isAlive());
    } finally {
      server.stop(0);
      process.destroyForcibly();
    }
  }

  @Test
  void whoever_asks_it_to_stop_gets_the_answer() throws Exception {
    for (int i = 0; i < 10; i++) {
      try (var server = SandboxServer.start(SandboxConfig.onPort(0))) {
        var closing = new Thread(() -> closeWhenAsked(server));
        closing.start();

        var answer =
            Unirest.post(server.url() + "/sandbox/stop")
                .header("Authorization", "Bearer " + server.token())
                .asString();

        assertEquals("{\"ok\":true}", answer.getBody());
        closing.join();
      }
    }
  }

  private static void closeWhenAsked(SandboxServer server) {
    try {
      server.awaitStop();
      server.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void the_token_is_in_no_processs_arguments_and_in_no_log() throws Exception {
    var result = sandbox("--start");
    var token = result.out().replaceFirst("(?s).*FLY_API_TOKEN='([^']*)'.*", "$1");

    assertFalse(
        ProcessHandle.allProcesses()
            .anyMatch(process -> process.info().commandLine().orElse("").contains(token)));
    var log = Pattern.compile("its log is (\\S+)").matcher(result.err());
    assertTrue(log.find());
    assertFalse(Files.readString(Path.of(log.group(1))).contains(token));
    assertFalse(result.err().contains(token));
  }

  @Test
  void its_log_goes_with_it() throws Exception {
    var log = Pattern.compile("its log is (\\S+)").matcher(sandbox("--start").err());
    assertTrue(log.find());
    assertTrue(Files.readString(Path.of(log.group(1))).contains("A Fly.io of your own at"));

    sandbox("--stop");

    assertFalse(Files.exists(Path.of(log.group(1))));
  }

  @Test
  void what_it_does_not_take_is_told_in_the_background_as_in_the_foreground() {
    for (var wrong :
        List.of(List.of("--fault", "x"), List.of("--latency", "x"), List.of("--idle", "x"))) {
      var foreground = sandbox(wrong.get(0), wrong.get(1));
      var background = sandbox("--start", wrong.get(0), wrong.get(1));

      assertEquals(2, foreground.exit(), foreground.err());
      assertEquals(foreground, background);
      assertEquals("", foreground.out());
    }
    var delay = sandbox("--latency", "strt=5s").err();
    assertTrue(delay.contains("why: the times are of api, create and start"), delay);
  }

  @Test
  void a_port_that_cannot_be_is_told_so() {
    for (var no : List.of("65536", "-1")) {
      var result = Script.run(new Sandbox(), "--start", "--port", no);

      assertEquals(2, result.exit());
      assertTrue(result.err().startsWith("error: there is no port " + no), result.err());
    }
  }

  @Test
  void it_lives_in_a_session_of_its_own_where_no_Ctrl_C_of_the_terminal_reaches_it()
      throws Exception {
    assumeTrue(
        Files.exists(Path.of("/proc/self/stat")) && Files.exists(Path.of("/usr/bin/setsid")),
        "not Linux");

    sandbox("--start");

    var pid = Fly.JSON.readTree(sandbox("--status").out()).path("pid").asText();
    var session =
        Files.readString(Path.of("/proc", pid, "stat")).replaceFirst(".*\\) ", "").split(" ")[3];
    assertEquals(pid, session);
  }

  @Test
  void a_second_one_in_the_foreground_is_refused_with_the_way_out() {
    sandbox("--start");

    var again = sandbox();

    assertEquals(1, again.exit());
    assertEquals("", again.out());
    assertTrue(again.err().contains("error: a sandbox is running on port " + port), again.err());
    assertTrue(again.err().contains("--stop --port " + port), again.err());
  }

  @Test
  void started_again_it_prints_its_exports_again_and_for_another_terminal_too() {
    var first = sandbox("--start", "--rate-limits", "--latency", "start=1ms");

    var same = sandbox("--start", "--rate-limits");
    var other = sandbox("--env");

    assertEquals(0, same.exit(), same.err());
    assertTrue(first.out().contains("export FLY_RATE_LIMITS='on'\n"), first.out());
    assertEquals(first.out(), same.out());
    assertEquals(first.out(), other.out());
  }

  @Test
  void started_again_with_other_options_it_is_refused_and_names_change_and_stop() {
    sandbox("--start", "--fault", "POST /v1/apps 503 x1");

    for (var other :
        List.of(
            List.of("--fault", "POST /v1/apps 503 x2"),
            List.of("--idle", "30s"),
            List.of("--wrap", "ours"),
            List.of("--data", "elsewhere"))) {
      var again = sandbox("--start", other.get(0), other.get(1));

      assertEquals(1, again.exit(), again.err());
      assertEquals("", again.out());
      assertTrue(again.err().contains("it differs in " + other.get(0) + "\n"), again.err());
      assertTrue(again.err().contains("--change --port " + port), again.err());
      assertTrue(again.err().contains("--stop"), again.err());
    }
    assertEquals(0, sandbox("--start", "--fault", "POST /v1/apps 503 x1").exit());
    assertEquals(0, sandbox("--change", "--fault", "POST /v1/apps 503 x2").exit());
    assertEquals(0, sandbox("--start", "--fault", "POST /v1/apps 503 x2").exit());
    assertEquals(1, sandbox("--start", "--fault", "POST /v1/apps 503 x1").exit());
  }

  @Test
  void two_that_start_at_once_on_a_port_are_one() throws Exception {
    var both =
        List.of(
            CompletableFuture.supplyAsync(() -> sandbox("--start")),
            CompletableFuture.supplyAsync(() -> sandbox("--start")));

    for (var each : both) {
      var result = Await.value(each);
      assertEquals(0, result.exit(), result.err());
      assertEquals(sandbox("--env").out(), result.out());
    }
  }

  @Test
  void a_sandbox_of_somebody_else_is_told_from_none() {
    try (var other = SandboxServer.start(SandboxConfig.onPort(0))) {
      var there = String.valueOf(other.port());
      for (var task : List.of("--stop", "--status", "--env", "--change")) {
        var result = Script.run(new Sandbox(), task, "--port", there);

        assertEquals(1, result.exit());
        assertEquals("", result.out());
        var error = "error: the sandbox on port " + there + " does not obey you\n";
        assertTrue(result.err().startsWith(error), result.err());
      }
      var started = Script.run(new Sandbox(), "--start", "--port", there);
      assertTrue(started.err().contains("a sandbox of another user runs there"), started.err());
    }
  }

  /** Each shell goes on after the line; what counts is that it cannot reach the real Fly.io. */
  @ParameterizedTest
  @CsvSource({"bash, \"$(%s)\"", "bash, $(%s)", "zsh, \"$(%s)\"", "dash, \"$(%s)\"", "fish, (%s)"})
  void where_it_fails_in_a_shell_every_later_line_refuses(
      String shell, String substitution, @TempDir Path folder) throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin", shell)), "no " + shell + " here");
    var printed = Files.writeString(folder.resolve("printed"), refusal());
    var line = "eval " + substitution.formatted("cat " + printed + "; false");
    var script = line + "; echo $FLY_API_HOSTNAME $FLY_API_TOKEN $FLY_ACCESS_TOKEN";

    var result =
        new Sh()
            .with("FLY_API_TOKEN", "of-production")
            .with("FLY_ACCESS_TOKEN", "of-production")
            .run(shell, "-c", script);

    assertEquals(
        "http://the-sandbox-did-not-start.invalid no-sandbox no-sandbox\n",
        result.out(),
        result.err());
  }

  @Test
  void each_failure_prints_the_lines_that_make_a_shell_refuse() throws Exception {
    var other = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    other.start();
    try {
      var port = other.getAddress().getPort();
      var failing = List.of("--port " + port, "--port 0 --fault x", "--nonsense");
      for (var options : failing) {
        var command = Jvm.command("Sandbox", ("--start " + options).split(" "));

        var result = new Sh().run(command.toArray(String[]::new));

        assertEquals(refusal(), result.out(), result.err());
        assertTrue(result.err().startsWith("error: "), result.err());
      }
    } finally {
      other.stop(0);
    }
  }

  private static String refusal() {
    var lines = new ByteArrayOutputStream();
    SandboxExports.refuse(lines);
    return lines.toString();
  }

  @Test
  void the_lines_of_a_failure_set_every_address_and_token_that_those_of_a_start_set() {
    var lines = refusal().lines().toList();

    for (var variable : SandboxExports.of("http://x", "t", false).keySet()) {
      if (!variable.matches(".*_(TOKEN|URL|HOSTNAME)")) continue;
      assertTrue(
          lines.stream().anyMatch(line -> line.startsWith("export " + variable + "='")), variable);
    }
    assertEquals("false", lines.get(lines.size() - 1));
  }

  @Test
  void a_port_that_somebody_else_has_is_told_so() throws IOException {
    try (var taken = new ServerSocket(0)) {
      var result = Script.run(new Sandbox(), "--port", String.valueOf(taken.getLocalPort()));

      assertEquals(1, result.exit());
      assertTrue(
          result.err().contains("error: port " + taken.getLocalPort() + " is taken"), result.err());
    }
  }

  @Test
  void killed_by_SIGKILL_it_leaves_no_process_of_its_Machines_behind() throws Exception {
    assumeTrue(
        fly.sandbox.runtime.Containment.best() != fly.sandbox.runtime.Containment.PATH_MAPPING,
        "no namespaces here");
    for (var line : sandbox("--start").out().lines().toList()) {
      var setting = line.replaceFirst("export ", "").split("=", 2);
      System.setProperty(setting[0], setting[1].replace("'", ""));
    }
    System.setProperty("APP_NAME", "doomed");
    Script.run(new CreateApp());
    var machine = Script.run(new CreateMachine(), "-q", "--no-volume", "--", "sleep", "98765");
    System.setProperty("MACHINE_ID", machine.out().strip());
    assertEquals(0, Script.run(new WaitMachine()).exit());
    assertTrue(sleeps());

    var pid = Fly.JSON.readTree(sandbox("--status").out()).path("pid").asLong();
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();

    Await.until(() -> !sleeps());
  }

  @Test
  void without_namespaces_a_program_that_leaves_something_behind_has_ended_all_the_same(
      @TempDir Path bin) throws Exception {
    for (var tool : List.of("sh", "sleep")) {
      var found = new Sh().run("sh", "-c", "command -v -p " + tool).out().strip();
      assumeTrue(found.startsWith("/"), tool + " is not there, but in the shell itself");
      Files.createSymbolicLink(bin.resolve(tool), Path.of(found));
    }
    var command = Jvm.command("Sandbox", "--port", port).toArray(String[]::new);
    var foreground = new Sh().with("PATH", bin).start(command);
    var leftBehind = Optional.<ProcessHandle>empty();
    try (var out = foreground.inputReader()) {
      for (var line = out.readLine(); !line.isEmpty(); line = out.readLine()) {
        var setting = line.replaceFirst("export ", "").split("=", 2);
        System.setProperty(setting[0], setting[1].replace("'", ""));
      }
      System.setProperty("APP_NAME", "leaving");
      Script.run(new CreateApp());
      var script = "sleep 600 & echo pid $! >&2; sleep 1; exit 3";
      var no = "config.restart.policy=no";
      var created =
          Script.run(
              new CreateMachine(), "-q", "--no-volume", "--set", no, "--", "sh", "-c", script);
      System.setProperty("MACHINE_ID", created.out().strip());

      var waited = Script.run(new WaitMachine(), "--state", "stopped", "--timeout", "60s");

      var said = Script.run(new Logs()).out();
      leftBehind =
          ProcessHandle.of(Long.parseLong(said.replaceAll("(?s).* pid (\\d+)\\n.*", "$1")));
      assertEquals(0, waited.exit(), waited.err());
      assertTrue(said.contains("program ended with code 3"), said);
    } finally {
      leftBehind.ifPresent(ProcessHandle::destroyForcibly);
      foreground.destroy();
      foreground.waitFor();
    }
  }

  @Test
  void with_wrap_ours_its_Machines_speak_Streamable_HTTP() {
    var exports = sandbox("--start", "--wrap", "ours");
    assertEquals(0, exports.exit(), exports.err());
    Script.settings(
        "http://127.0.0.1:" + port,
        exports.out().replaceFirst("(?s).*FLY_API_TOKEN='([^']*)'.*", "$1"));
    Script.run(new CreateApp());
    Script.run(new AllocateIps());
    var echo =
        "read a; echo"
            + " '{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\"}}';"
            + " read b; read c; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}'; read d";
    Script.run(new CreateMachine(), "--no-volume", "--", "sh", "-c", echo);

    var called = Script.run(new CallMcp(), "--list", "tools", "--transport", "streamable");

    assertEquals(0, called.exit(), called.err());
    assertTrue(called.out().contains("2025-11-25"), called.out());
  }

  private static boolean sleeps() {
    return ProcessHandle.allProcesses()
        .anyMatch(process -> process.info().commandLine().orElse("").contains("sleep 98765"));
  }
}
