import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class McpLaunchTest {
  /** The sandbox has FilesServer, in Java, take its place. */
  private static final List<String> FILES =
      List.of("--", "npx", "-f", "@modelcontextprotocol/server-filesystem", "/data");

  @TempDir Path home;
  private final String realHome = System.getProperty("user.home");
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxServer.Config.onPort(0));
    Script.settings(sandbox.url(), sandbox.token());
    System.clearProperty("APP_NAME");
    System.setProperty("fly.sandbox.npx", "none");
    System.setProperty("user.home", home.toRealPath().toString());
  }

  @AfterEach
  void stop() {
    System.setProperty("user.home", realHome);
    for (var name : List.of("fly.sandbox.npx", "APP_NAME", "API_KEY")) System.clearProperty(name);
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
    var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
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
    var server = "cat /etc/my/notes.txt >&2; echo key=$API_KEY >&2; exec cat";

    var result =
        launch(
            List.of("--", "sh", "-c", server),
            "--no-config",
            "--timeout",
            "1",
            "--file",
            "/etc/my/notes.txt=" + notes,
            "--secret",
            "API_KEY");

    assertEquals(11, result.exit(), "an echo is no MCP server: " + result.err());
    var app = result.err().replaceAll("(?s).*--app (\\S+) --confirm.*", "$1");
    var logs = Script.run(new Logs(), "--app", app).out();
    assertTrue(logs.contains("the notes") && logs.contains("key=k-123"), logs);
    assertFalse(result.err().contains("k-123"), result.err());
    assertTrue(result.err().contains("To go on, run this again with --app " + app), result.err());
  }

  @Test
  void a_JBang_script_is_a_server_too() throws Exception {
    assumeTrue(System.getenv("FLY_ROOT") != null, "these tests were not started by ./jbang");
    var script = Path.of(System.getenv("FLY_ROOT"), "scripts/FilesServer.java").toString();

    var launched =
        launched(launch(List.of(script, "/data"), "--no-config", "--volume", "data:/data"));

    var machine =
        api(
            "/apps/"
                + launched.path("app").asText()
                + "/machines/"
                + launched.path("machine").asText());
    assertEquals("/app/FilesServer.java", machine.at("/config/files/0/guest_path").asText());
    assertEquals("suspend", machine.at("/config/services/0/autostop").asText());
  }

  @Test
  void a_script_that_needs_other_files_is_told_how_they_get_there() throws Exception {
    var script = home.resolve("My.java");
    Files.writeString(script, "//SOURCES lib/Other.java\nclass My {}\n");

    var result = launch(List.of(script.toString()), "--no-config");

    assertEquals(2, result.exit(), result.err());
    assertTrue(result.err().contains("it needs lib/Other.java"), result.err());
    assertTrue(result.err().contains("--file /app/lib/Other.java="), result.err());
    assertEquals(0, api("/apps?org_slug=personal").path("apps").size());
  }

  @Test
  void what_cannot_be_is_told_before_anything_is_created() throws Exception {
    for (var wrong :
        List.of(
            List.of("--volume", "Data"),
            List.of("--file", "etc/x=" + home),
            List.of("--file", "/etc/x=" + home.resolve("none")),
            List.of("--secret", "NOT_SET"),
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
    assertTrue(result.out().contains("\"value\": \"'\"${FLY_MCP_BEARER_TOKEN}\"'\""), result.out());
    assertTrue(result.out().contains("/v1/apps/mcp-dry/machines"), result.out());
    assertFalse(Files.exists(home.resolve(".config")));
    assertEquals(0, api("/apps?org_slug=personal").path("apps").size());
  }
}
