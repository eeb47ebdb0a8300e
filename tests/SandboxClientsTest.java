import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients that others wrote take the sandbox for Fly.io. */
class SandboxClientsTest {
  private static final Path GUIDE = Shell.ROOT.resolve("../shared/guide.md");
  private static final Pattern BLOCK = Pattern.compile("(?ms)^```(?:sh|json)\n(.*?)^```$");
  private static final String ACCESS = "curl -N https://${APP_NAME}.fly.dev/";

  private SandboxServer sandbox;

  private void start(Map<String, String> images) {
    sandbox = SandboxServer.start(SandboxServer.Config.onPort(0).run(images));
    Script.settings(sandbox.url(), sandbox.token());
  }

  @AfterEach
  void stop() {
    if (sandbox != null) sandbox.close();
    System.clearProperty("fly.sandbox.npx");
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @Test
  void fly_admin_makes_an_app_and_all_that_is_in_it_and_removes_it_again() throws Exception {
    var modules = Npm.modules();
    start(Map.of());

    var result =
        new Shell()
            .with("NODE_PATH", modules)
            .with("FLY_API_HOSTNAME", sandbox.url())
            .with("FLY_API_TOKEN", sandbox.token())
            .run(Npm.node(), Shell.ROOT.resolve("tests/clients/fly-admin.cjs").toString());

    assertEquals(0, result.exit(), result.out() + result.err());
    var told = new HashMap<String, JsonNode>();
    for (var line : result.out().lines().toList()) {
      var parts = line.split(" ", 2);
      told.put(parts[0], parts[0].equals("gone") ? null : Fly.JSON.readTree(parts[1]));
    }
    assertEquals("personal", told.get("organization").at("/organization/slug").asText());
    assertTrue(told.get("regions").toString().contains("\"ams\""));
    assertEquals("by-fly-admin", told.get("app").path("name").asText());
    assertEquals("[\"by-fly-admin\"]", told.get("apps").toString());
    assertEquals("v6", told.get("v6").at("/allocateIpAddress/ipAddress/type").asText());
    assertEquals("v4", told.get("v4").at("/allocateIpAddress/ipAddress/type").asText());
    assertFalse(result.out().contains("\"two\""), "a secret's value comes back");
    assertEquals(2, told.get("extended").at("/volume/size_gb").asInt());
    var machine = told.get("machines").get(0).asText();
    assertEquals(machine, told.get("volume").path("attached_machine_id").asText());
    for (var state : List.of("started", "stopped", "destroyed")) {
      assertTrue(told.get(state).path("ok").asBoolean(), state);
    }
    assertEquals("stopped", told.get("start").path("previous_state").asText());
    assertEquals("B", told.get("updated").at("/config/env/A").asText());
    assertEquals("created", told.get("events").get(told.get("events").size() - 1).asText());
    assertEquals(2, told.get("versions").asInt());
    assertEquals(told.get("lease").at("/data/owner"), told.get("held").at("/data/owner"));
    assertEquals(2, told.get("detailed").path("ipAddresses").size());
    assertTrue(result.out().contains("gone 404: "), result.out());
  }

  /** The guide's text, unchanged but for the hosts and the token; needs no account. */
  @Test
  void the_guides_own_shell_lines_do_what_the_guide_says() throws Exception {
    assumeTrue(Files.exists(GUIDE), "the guide's text is not here");
    assumeTrue(new Shell().run("sh", "-c", "command -v curl").exit() == 0, "no curl here");
    System.setProperty("fly.sandbox.npx", "none");
    start(Map.of());
    var steps = new StringBuilder("set -e\n");
    if (new Shell().run("sh", "-c", "command -v uuidgen").exit() != 0) {
      steps.append("uuidgen() { cat /proc/sys/kernel/random/uuid; }\n");
    }
    var access = "";
    var blocks = BLOCK.matcher(Files.readString(GUIDE));
    while (blocks.find()) {
      var block = here(blocks.group(1));
      if (blocks.group(1).startsWith(ACCESS)) access = block;
      else steps.append(block);
    }

    var done = new Shell().run("sh", "-c", steps + "\necho \"\nAPP_NAME=$APP_NAME\"\n");

    assertEquals(0, done.exit(), done.err());
    var answers = Pattern.compile("HTTP/1.1 (\\d+)").matcher(done.out()).results();
    assertEquals(
        List.of("201", "200", "200", "200", "200"),
        answers.map(answer -> answer.group(1)).toList(),
        done.out());
    assertFalse(done.out().contains("\"errors\""), done.out());
    assertTrue(done.out().contains("\"sharedIpAddress\":\""), done.out());
    assertTrue(done.out().contains("\"type\":\"v6\""), done.out());
    var app = done.out().replaceFirst("(?s).*\nAPP_NAME=(mcp-demo-[0-9a-f]{12})\n$", "$1");

    // "Simply run the script again if this happens": while the Machine starts, replies get lost.
    var shell = new Shell().with("APP_NAME", app);
    var replies = shell.run("sh", "-c", access).out();
    for (int again = 0; again < 20 && !replies.contains("[DIR] lost+found"); again++) {
      replies = shell.run("sh", "-c", access).out();
    }
    assertTrue(replies.contains("[DIR] lost+found"), replies);
    assertTrue(replies.contains("HTTP/1.1 202 Accepted"), replies);
    for (int id = 0; id < 3; id++) assertTrue(replies.contains("\"id\":" + id), replies);
  }

  private String here(String text) {
    return text.replace("FlyV1 fm2_IJPECAAA...", sandbox.token())
        .replace("https://api.machines.dev", sandbox.url())
        .replace("https://api.fly.io", sandbox.url())
        .replace("https://${APP_NAME}.fly.dev/", sandbox.url() + "/edge/${APP_NAME}/");
  }

  @Test
  void the_MCP_inspector_starts_a_Machine_through_the_edge_and_calls_its_tools(@TempDir Path home)
      throws Exception {
    var inspector =
        Npm.modules().resolve("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    System.setProperty("fly.sandbox.npx", "none");
    start(Map.of("flyio/mcp", SandboxServer.ourWrap()));
    for (var step : List.of(new CreateApp(), new AllocateIps(), new CreateVolume())) {
      assertEquals(0, Script.run(step).exit());
    }
    assertEquals(0, Script.run(new CreateMachine()).exit());
    var app = System.getProperty("APP_NAME");

    var tool = List.of("--tool-name", "list_directory", "--tool-arg", "path=/data");
    var tools = inspect(home, inspector, app, "tools/list", List.of());
    var listed = inspect(home, inspector, app, "tools/call", tool);

    assertTrue(tools.toString().contains("list_directory"), tools.toString());
    assertTrue(listed.toString().contains("[DIR] lost+found"), listed.toString());
  }

  private JsonNode inspect(
      Path home, Path inspector, String app, String method, List<String> options)
      throws IOException {
    var command = new ArrayList<>(List.of(Npm.node(), inspector.toString(), "--cli"));
    command.addAll(List.of("--method", method, "--transport", "http"));
    command.addAll(List.of("--server-url", sandbox.url() + "/edge/" + app + "/"));
    command.addAll(options);
    var result = new Shell().with("HOME", home).run(command.toArray(String[]::new));
    assertEquals(0, result.exit(), result.out() + result.err());
    return Fly.JSON.readTree(result.out());
  }
}
