import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.mcp.wrap.WrapMain;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import fly.sandbox.runtime.ImageCommands;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class McpLaunchTest {
  /** The sandbox has FilesServer, in Java, take its place. */
  private static final List<String> FILES =
      List.of("--", "npx", "-f", "@modelcontextprotocol/server-filesystem", "/data");

  /** An MCP server that costs no JVM, and has no tools: it gives every request the same result. */
  private static final List<String> HELLO =
      List.of(
          "--",
          "sh",
          "-c",
          "while read -r line; do case $line in *'\"id\":'*) id=${line#*'\"id\":'};"
              + " echo '{\"jsonrpc\":\"2.0\",\"id\":'\"${id%%[,\\}]*}\"',\"result\":{"
              + "\"protocolVersion\":\"2024-11-05\",\"capabilities\":{},"
              + "\"serverInfo\":{\"name\":\"hello\",\"version\":\"1\"}}}' ;; esac; done");

  /** The same as a user would write it in Java. */
  private static final String MY_SERVER =
      """
      import java.util.Scanner;
      import java.util.regex.Pattern;

      class MyServer {
        public static void main(String... args) {
          var id = Pattern.compile("\\"id\\":\\\\s*(\\\\d+)");
          for (var in = new Scanner(System.in); in.hasNextLine(); ) {
            var asked = id.matcher(in.nextLine());
            if (!asked.find()) continue;
            System.out.println("{\\"jsonrpc\\":\\"2.0\\",\\"id\\":" + asked.group(1)
                + ",\\"result\\":{\\"protocolVersion\\":\\"2024-11-05\\",\\"capabilities\\":{},"
                + "\\"serverInfo\\":{\\"name\\":\\"mine\\",\\"version\\":\\"1\\"}}}");
          }
        }
      }
      """;

  private static final Pattern EXPORT = Pattern.compile(" *export (\\w+)='?([^']*)'?");

  @TempDir Path home;
  private final String realHome = System.getProperty("user.home");
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class));
    Script.settings(sandbox.url(), sandbox.token());
    System.clearProperty("APP_NAME");
    System.setProperty("fly.sandbox.npx", "none");
    System.setProperty("user.home", home.toRealPath().toString());
    System.setProperty("PATH", FakeJBang.in(home.resolve("bin")).toString());
  }

  @AfterEach
  void stop() {
    System.setProperty("user.home", realHome);
    for (var name : List.of("fly.sandbox.npx", "APP_NAME", "API_KEY", "PATH"))
      System.clearProperty(name);
    sandbox.close();
  }

  private static Script.Result launch(List<String> command, String... options) {
    var all = new ArrayList<>(List.of(options));
    all.addAll(command);
    return Script.run(new McpLaunch(), all.toArray(String[]::new));
  }

  private static JsonNode launched(Script.Result result) throws Exception {
    assertEquals(0, result.exit(), result.err());
    return Fly.JSON.readTree(result.out());
  }

  private JsonNode api(String path) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .build();
    var answer = Http.CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    return Fly.JSON.readTree(answer.body());
  }

  @Test
  void one_command_is_the_whole_way() throws Exception {
    Files.createDirectories(home.resolve(".cursor"));

    var result = launch(FILES, "--volume", "data:/data");

    var launched = launched(result);
    var app = launched.path("app").asText();
    assertTrue(app.matches("mcp-[0-9a-f]{12}"), app);
    var machine = api("/apps/" + app + "/machines/" + launched.path("machine").asText());
    assertEquals("started", machine.path("state").asText());
    assertEquals("/data", machine.at("/config/mounts/0/path").asText());
    assertEquals(2, api("/apps/" + app + "/ip_assignments").path("ips").size());
    var token = Path.of(launched.path("bearer_token_file").asText());
    assertEquals(home.toRealPath().resolve(".config/fly-mcp/" + app + ".token"), token);
    assertEquals(
        PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(token));
    var config = Files.readString(home.resolve(".cursor/mcp.json"));
    assertTrue(config.contains(token.toString()) && config.contains(app), config);
    assertEquals(
        home.toRealPath().resolve(".cursor/mcp.json").toString(),
        launched.at("/clients/0").asText());

    var secret = Files.readString(token).strip();
    for (var text : List.of(result.out(), result.err(), config, machine.toString())) {
      assertFalse(text.contains(secret), text);
    }
  }

  @Test
  void who_has_no_token_stays_outside() throws Exception {
    var launched = launched(launch(FILES, "--no-config", "--volume", "data:/data"));

    System.setProperty("APP_NAME", launched.path("app").asText());
    var without = Script.run(new CallMcp(), "--timeout", "10");
    var with =
        Script.run(
            new CallMcp(), "--bearer-token-file", launched.path("bearer_token_file").asText());

    assertEquals(4, without.exit(), without.err());
    assertEquals(0, with.exit(), with.err());
    assertTrue(with.out().contains("lost+found"), with.out());
  }

  @Test
  void it_lives_with_status_and_logs_and_ends_with_cleanup() throws Exception {
    var launched = launched(launch(FILES, "--no-config", "--volume", "data:/data"));
    var app = launched.path("app").asText();

    var status = Script.run(new Status(), "--app", app);
    var logs = Script.run(new Logs(), "--app", app);
    var cleanup = Script.run(new Cleanup(), "--app", app, "--confirm", app);

    assertTrue(status.out().contains(launched.path("machine").asText()), status.out());
    assertTrue(logs.out().contains("machine started"), logs.out());
    assertEquals(0, cleanup.exit(), cleanup.err());
    assertTrue(cleanup.err().contains("Its token is gone"), cleanup.err());
    assertFalse(Files.exists(Path.of(launched.path("bearer_token_file").asText())));
    assertEquals(0, api("/apps?org_slug=personal").path("apps").size());
  }

  @Test
  void cleanup_tells_which_clients_still_have_it_and_how_they_lose_it() throws Exception {
    var file = Files.createDirectories(home.resolve(".cursor")).resolve("mcp.json");
    launched(launch(HELLO, "--app", "mine"));
    assertTrue(Files.readString(file).contains("mine"));

    var cleanup = Script.run(new Cleanup(), "--app", "mine", "--confirm", "mine");

    var command = "fly-mcp-config@catalog --remove --client cursor --url ";
    var url = sandbox.url() + "/edge/mine/";
    assertTrue(cleanup.err().contains(command + url), cleanup.err());
    Script.run(new McpConfig(), "--remove", "--client", "cursor", "--url", url);
    assertFalse(Files.readString(file).contains("mine"));
  }

  @Test
  void run_again_it_goes_on_and_creates_nothing_twice() throws Exception {
    var first = launched(launch(FILES, "--no-config", "--volume", "data:/data"));
    var app = first.path("app").asText();

    var again = launched(launch(FILES, "--no-config", "--volume", "data:/data", "--app", app));

    assertEquals(first, again);
    assertEquals(1, api("/apps/" + app + "/machines").size());
    assertEquals(1, api("/apps/" + app + "/volumes").size());
  }

  @Test
  void an_app_that_runs_another_server_is_left_alone() throws Exception {
    var app = launched(launch(FILES, "--no-config", "--volume", "d:/data")).path("app").asText();

    var other = launch(List.of("--", "npx", "other"), "--no-config", "--app", app);

    assertEquals(1, other.exit());
    assertTrue(other.err().contains("runs another MCP server already"), other.err());
    assertEquals(1, api("/apps/" + app + "/machines").size());
  }

  @Test
  void files_and_secrets_of_this_machine_get_there() throws Exception {
    var notes = Files.writeString(home.resolve("notes.txt"), "the notes");
    System.setProperty("API_KEY", "k-123");
    var server =
        "cat /etc/my/notes.txt >&2; echo key=$API_KEY >&2; read hello; echo"
            + " '{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":1,\"message\":\"no\"}}'; exec"
            + " cat";

    var result =
        launch(
            List.of("--", "sh", "-c", server),
            "--no-config",
            "--file",
            "/etc/my/notes.txt=" + notes,
            "--secret",
            "API_KEY");

    assertEquals(11, result.exit(), "it says no: " + result.err());
    var app = result.err().replaceAll("(?s).*--app (\\S+) --confirm.*", "$1");
    var logs = Script.run(new Logs(), "--app", app).out();
    assertTrue(logs.contains("the notes") && logs.contains("key=k-123"), logs);
    assertFalse(result.err().contains("k-123"), result.err());
    assertTrue(result.err().contains("To go on, run this again with --app " + app), result.err());
  }

  @Test
  void a_JBang_script_is_a_server_too() throws Exception {
    assumeTrue(System.getenv("FLY_ROOT") != null, "these tests were not started by ./jbang");
    var script = Path.of(System.getenv("FLY_ROOT"), "scripts/mcp/FilesServer.java").toString();

    var launched =
        launched(launch(List.of(script, "/data"), "--no-config", "--volume", "data:/data"));

    var machine =
        api(
            "/apps/"
                + launched.path("app").asText()
                + "/machines/"
                + launched.path("machine").asText());
    assertTrue(machine.at("/config/image").asText().startsWith("jbangdev/jbang:v"));
    assertEquals("/app/FilesServer.java", machine.at("/config/files/0/guest_path").asText());
    assertEquals("suspend", machine.at("/config/services/0/autostop").asText());
    assertTrue(
        Script.run(
                new CallMcp(),
                "--app",
                launched.path("app").asText(),
                "--bearer-token-file",
                launched.path("bearer_token_file").asText(),
                "--transport",
                "streamable")
            .out()
            .contains("lost+found"));
    sandbox.close();
    assertEquals(List.of(), programs("FilesServer"));
    assertEquals(List.of(), programs("WrapMain"));
  }

  @Test
  void on_the_sandbox_of_a_kept_quickstart_a_script_of_ones_own_is_launched() throws Exception {
    assumeTrue(System.getenv("FLY_ROOT") != null, "these tests were not started by ./jbang");
    var script = Files.writeString(home.resolve("MyServer.java"), MY_SERVER).toString();
    var quickstart =
        new Sh()
            .with("JAVA_TOOL_OPTIONS", "-Dfly.sandbox.npx=none")
            .with("FLY_JBANG", "")
            .start(Jvm.command("Quickstart", "--keep").toArray(String[]::new));
    try (var err = quickstart.errorReader()) {
      var exports = new LinkedHashMap<String, String>();
      while (!exports.containsKey("APP_NAME") || !exports.containsKey("FLY_API_TOKEN")) {
        var line = err.readLine();
        if (line.endsWith("In another terminal:")) exports.clear();
        var export = EXPORT.matcher(line);
        if (export.matches()) exports.put(export.group(1), export.group(2));
      }
      exports.remove("APP_NAME"); // the launch makes its own app

      var launch =
          new Sh()
              .with(exports)
              .with("XDG_CONFIG_HOME", home)
              .with("FLY_JBANG", "")
              .run(
                  Jvm.command("McpLaunch", "--no-config", "--timeout", "3m", script)
                      .toArray(String[]::new));

      assertEquals(0, launch.exit(), launch.err());
      assertTrue(launch.err().contains("mine 1"), launch.err());
    } finally {
      quickstart.destroy();
      Await.exit(quickstart);
    }
  }

  @Test
  void a_script_takes_the_files_that_it_names_along() throws Exception {
    Files.createDirectories(home.resolve("bin"));
    Files.createDirectories(home.resolve("lib"));
    var header = "//SOURCES ../lib/Tool.java\n//FILES greeting=../lib/a.txt\n";
    var script = Files.writeString(home.resolve("bin/My.java"), header + "class My {}\n");
    Files.writeString(home.resolve("lib/Tool.java"), "class Tool {}\n");
    Files.writeString(home.resolve("lib/a.txt"), "hello");

    var config = dryConfig(launch(List.of("--", script.toString(), "-v"), "-n", "--app", "a"));

    assertEquals(
        List.of("/app/bin/My.java", "/app/lib/Tool.java", "/app/lib/a.txt", "/mcp/wrap.zip"),
        config.path("files").findValuesAsText("guest_path"));
    assertEquals("[\"jbang\",\"/app/bin/My.java\",\"-v\"]", config.at("/init/cmd").toString());
    assertEquals("hello", new String(decoded(config.at("/files/2"))));
  }

  @Test
  void a_script_that_cannot_be_shipped_is_told_with_its_line() throws Exception {
    var script = home.resolve("My.java");
    for (var line : List.of("//SOURCES lib/*.java", "//SOURCES tool@catalog")) {
      Files.writeString(script, line + "\nclass My {}\n");

      var result = launch(List.of(script.toString()), "--no-config");

      assertEquals(2, result.exit(), result.err());
      assertTrue(
          result.err().contains("error: My.java cannot be shipped with this line: " + line),
          result.err());
    }
    Files.writeString(script, "//SOURCES lib/None.java\nclass My {}\n");
    var missing = launch(List.of(script.toString()), "--no-config");
    assertEquals(2, missing.exit(), missing.err());
    assertTrue(missing.err().contains("My.java names it: //SOURCES lib/None.java"), missing.err());
    assertEquals(0, api("/apps?org_slug=personal").path("apps").size());
  }

  @Test
  void JBang_can_run_the_wrap_that_goes_with_a_script() throws Exception {
    assumeTrue(System.getenv("FLY_ROOT") != null, "these tests were not started by ./jbang");
    var script = Files.writeString(home.resolve("My.java"), "class My {}\n");
    var config = dryConfig(launch(List.of(script.toString()), "-n", "--app", "a"));
    try (var zip = new ZipInputStream(new ByteArrayInputStream(decoded(config.at("/files/1"))))) {
      for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        var file = home.resolve(entry.getName());
        Files.createDirectories(file.getParent());
        Files.write(file, zip.readAllBytes());
      }
    }
    var jbang = Sh.ROOT.resolve("jbang").toAbsolutePath().toString();
    var help = new Sh().in(home).run(jbang, WrapMain.SOURCE, "--help");

    assertEquals(0, help.exit(), help.err());
    assertTrue(help.out().contains("usage: fly-mcp-wrap"), help.out());
  }

  private static JsonNode dryConfig(Script.Result dry) throws Exception {
    assertEquals(0, dry.exit(), dry.err());
    var before = "/machines\" \\\n-d '";
    var from = dry.out().indexOf(before) + before.length();
    var body = dry.out().substring(from, dry.out().indexOf("'\ncurl -N", from));
    return Fly.JSON.readTree(body.replace("'\\''", "'")).path("config");
  }

  private static byte[] decoded(JsonNode file) {
    return Base64.getDecoder().decode(file.path("raw_value").asText());
  }

  @Test
  void what_cannot_be_is_told_before_anything_is_created() throws Exception {
    for (var wrong :
        List.of(
            List.of("--volume", "Data"),
            List.of("--file", "etc/x=" + home),
            List.of("--file", "/etc/x=" + home.resolve("none")),
            List.of("--secret", "NOT_SET"),
            List.of("--client", "emacs"),
            List.of("--app", "No_App"))) {
      var result = launch(FILES, wrong.toArray(String[]::new));
      assertEquals(2, result.exit(), wrong + ": " + result.err());
      assertTrue(result.err().contains("  try: "), result.err());
    }
    var nothing = Script.run(new McpLaunch());
    assertEquals(2, nothing.exit());
    assertEquals(0, api("/apps?org_slug=personal").path("apps").size());
  }

  @Test
  void a_dry_run_sends_nothing_and_knows_no_token() throws Exception {
    var result = launch(FILES, "-n", "--app", "mcp-dry", "--volume", "data:/data");

    assertEquals(0, result.exit(), result.err());
    assertEquals(6, result.out().split("curl -i -X POST", -1).length - 2, result.out());
    assertTrue(
        result.out().contains("\"FLY_MCP_BEARER_TOKEN\": \"'\"${FLY_MCP_BEARER_TOKEN}\"'\""),
        result.out());
    assertTrue(result.out().contains("/v1/apps/mcp-dry/machines"), result.out());
    assertFalse(Files.exists(home.resolve(".config")));
    assertEquals(0, api("/apps?org_slug=personal").path("apps").size());
  }

  @Test
  void with_update_the_Machine_runs_another_command_and_keeps_its_volume() throws Exception {
    var first = launched(launch(FILES, "--no-config", "--volume", "data:/data"));
    var app = first.path("app").asText();
    var machine = "/apps/" + app + "/machines/" + first.path("machine").asText();
    var before = api(machine);

    var options = new String[] {"--no-config", "--volume", "data:/data", "--app", app, "--update"};
    var result = launch(HELLO, options);

    assertEquals(first.path("machine"), launched(result).path("machine"));
    assertTrue(result.err().contains("hello 1"), result.err());
    var after = api(machine);
    assertEquals(before.at("/config/mounts"), after.at("/config/mounts"));
    assertNotEquals(before.path("instance_id"), after.path("instance_id"));
    assertEquals(1, api("/apps/" + app + "/volumes").size());

    var without = launch(HELLO, "--no-config", "--app", app, "--update");

    assertEquals(1, without.exit(), without.err());
    assertTrue(without.err().contains("has a volume"), without.err());
    assertEquals(after, api(machine));
  }

  private Process launching(String app, List<String> command, String... options) {
    var all = new ArrayList<>(List.of("--app", app, "--no-config"));
    all.addAll(List.of(options));
    all.addAll(command);
    return new Sh()
        .with(sandbox.environment())
        .with("XDG_CONFIG_HOME", home)
        .with("FLY_JBANG", "")
        .start(Jvm.command("McpLaunch", all.toArray(String[]::new)).toArray(String[]::new));
  }

  private static void interrupt(Process process) {
    process.toHandle().destroy(); // its stderr is still to be read
  }

  @Test
  void interrupted_it_tells_what_was_created() throws Exception {
    var process = launching("cut", List.of("--", "no-such-server"));
    try (var err = process.errorReader()) {
      for (var line = err.readLine(); !line.endsWith("waiting ..."); line = err.readLine()) {
        assertFalse(line.startsWith("error"), line);
      }

      interrupt(process);

      var told = err.lines().collect(Collectors.joining("\n"));
      assertTrue(told.contains("warning: this was created, and stays: the app cut, "), told);
      assertTrue(told.endsWith(" --app cut --confirm cut"), told);
      assertFalse(told.contains("error:"), told);
      assertEquals(143, process.waitFor());
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void interrupted_while_it_creates_it_lets_the_step_end_and_names_all_that_is_there()
      throws Exception {
    for (var step : List.of("The app", "Its address, v6", "Creating a Machine")) {
      var app = "cut-" + step.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
      sandbox.faults().latency("api=400ms");
      var process = launching(app, HELLO);
      try (var err = process.errorReader()) {
        for (var line = err.readLine(); !line.startsWith(step); line = err.readLine()) {
          assertFalse(line.startsWith("error"), line);
        }

        sandbox.faults().latency("api=2s"); // the next step waits for the signal
        interrupt(process);

        var told = err.lines().collect(Collectors.joining("\n"));
        assertEquals(143, process.waitFor(), told);
        assertTrue(told.contains("this was created, and stays: the app " + app), told);
        assertTrue(told.endsWith(" --app %s --confirm %s".formatted(app, app)), told);
        var machines = api("/apps/" + app + "/machines").size();
        assertEquals(machines > 0, told.contains("the Machine "), told);
        assertEquals(step.startsWith("Creating") ? 1 : 0, machines, told);
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void a_second_Ctrl_C_ends_at_once_with_the_command_that_cleans_up() throws Exception {
    sandbox.faults().latency("api=5s");
    var process = launching("twice", HELLO);
    try (var err = process.errorReader()) {
      for (var line = err.readLine(); !line.startsWith("The app"); line = err.readLine()) {
        assertFalse(line.startsWith("error"), line);
      }

      interrupt(process);
      for (var line = err.readLine(); !line.contains("Ctrl-C again"); line = err.readLine()) {
        assertFalse(line.startsWith("error"), line);
      }
      interrupt(process);

      var told = err.lines().collect(Collectors.joining("\n"));
      assertEquals(143, process.waitFor(), told);
      assertTrue(told.endsWith(" --app twice --confirm twice"), told);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void without_its_token_file_it_gets_a_new_token() throws Exception {
    var first = launched(launch(HELLO, "--no-config"));
    var app = first.path("app").asText();
    var file = Path.of(first.path("bearer_token_file").asText());
    var old = Files.move(file, home.resolve("old")).toString();

    launched(launch(HELLO, "--no-config", "--app", app));

    assertNotEquals(Files.readString(Path.of(old)), Files.readString(file));
    var called = Script.run(new CallMcp(), "--app", app, "--bearer-token-file", old);
    assertEquals(4, called.exit(), called.err());
  }

  @Test
  void an_answer_that_gets_lost_makes_nothing_twice() throws Exception {
    sandbox
        .faults()
        .faults(
            List.of(
                "POST /v1/apps reset-after x1",
                "POST /v1/apps/*/ip_assignments reset-after x1",
                "POST /v1/apps/*/volumes reset-after x1",
                "POST /v1/apps/*/machines reset-after x1"));

    var app = launched(launch(HELLO, "--no-config", "--volume", "d:/d")).path("app").asText();

    assertEquals(2, api("/apps/" + app + "/ip_assignments").path("ips").size());
    assertEquals(1, api("/apps/" + app + "/volumes").size());
    assertEquals(1, api("/apps/" + app + "/machines").size());
  }

  @Test
  void a_command_that_is_not_there_is_told_with_the_reason_and_with_what_was_created()
      throws Exception {
    var result = launch(List.of("--", "no-such-server"), "--app", "gone", "--timeout", "6");

    assertEquals(10, result.exit(), result.err());
    assertEquals("", result.out());
    var machine = api("/apps/gone/machines").at("/0/id").asText();
    for (var told :
        List.of(
            "warning: this was created, and stays: the app gone, its shared_v4 address,",
            "the Machine " + machine,
            "To end it: jbang fly-cleanup@catalog --app gone --confirm gone",
            "error: no connection to the MCP server",
            "no-such-server",
            "try: jbang fly-logs@catalog --app gone")) {
      assertTrue(result.err().contains(told), told + " is not in " + result.err());
    }
  }

  @Test
  void where_Fly_refuses_the_app_there_is_nothing_to_clean_up() {
    sandbox.faults().faults(List.of("POST /v1/apps 422 x1"));

    var result = launch(HELLO, "--app", "taken");

    assertEquals(1, result.exit(), result.err());
    assertFalse(result.err().contains("warning"), result.err());
    assertFalse(Files.exists(home.resolve(".config")));
  }

  @Test
  void a_server_that_asks_for_no_token_is_a_failure() {
    sandbox.close();
    var open = Map.of("flyio/mcp", "env -u FLY_MCP_BEARER_TOKEN " + ImageCommands.ourWrap());
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class).run(open));
    Script.settings(sandbox.url(), sandbox.token());

    var result = launch(HELLO, "--no-config", "--app", "open");

    assertEquals(1, result.exit(), result.err());
    assertTrue(result.err().contains("error: the server asks for no token"), result.err());
  }

  @Test
  void an_app_with_other_Machines_is_left_alone() throws Exception {
    System.setProperty("APP_NAME", "shared");
    Script.run(new CreateApp());
    Script.run(new CreateMachine(), "--no-volume", "--", "cat");

    var result = launch(HELLO, "--no-config");

    assertEquals(1, result.exit(), result.err());
    assertTrue(result.err().contains("error: the app shared has other Machines"), result.err());
    assertEquals(1, api("/apps/shared/machines").size());
  }

  @Test
  void with_wrap_ours_it_works_too_and_wakes_up_from_suspension() throws Exception {
    sandbox.close();
    var ours = Map.of("flyio/mcp", ImageCommands.ourWrap());
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class).run(ours));
    Script.settings(sandbox.url(), sandbox.token());
    System.setProperty("APP_NAME", "ours");
    var launched = launched(launch(FILES, "--no-config", "--volume", "data:/data"));
    var machine = launched.path("machine").asText();
    assertEquals(0, Script.run(new SuspendMachine(), machine).exit());
    assertEquals(0, Script.run(new WaitMachine(), machine, "--state", "suspended").exit());

    var token = launched.path("bearer_token_file").asText();
    var called = Script.run(new CallMcp(), "--bearer-token-file", token);

    assertEquals(0, called.exit(), called.err());
    assertTrue(called.err().contains("STREAMABLE"), called.err());
  }

  @Test
  void the_curl_commands_of_a_dry_run_do_it_all() throws Exception {
    assumeTrue(new Sh().run("sh", "-c", "command -v curl").exit() == 0, "no curl here");
    System.setProperty("APP_NAME", "by-curl");
    var dry = launch(FILES, "-n", "--volume", "data:/data").out();

    var done =
        new Sh()
            .with("FLY_API_TOKEN", sandbox.token())
            .with("FLY_MCP_BEARER_TOKEN", "made-by-hand")
            .run("sh", "-c", dry.substring(0, dry.indexOf("curl -N")));

    assertFalse(done.out().contains("HTTP/1.1 4"), done.out());
    var token = Files.writeString(home.resolve("token"), "made-by-hand").toString();
    assertEquals(0, Script.run(new CallMcp(), "--bearer-token-file", token).exit());
    assertEquals(4, Script.run(new CallMcp()).exit());
  }

  private static List<String> programs(String name) {
    return ProcessHandle.current()
        .descendants()
        .map(process -> process.info().commandLine().orElse(""))
        .filter(line -> line.contains(name))
        .toList();
  }
}
