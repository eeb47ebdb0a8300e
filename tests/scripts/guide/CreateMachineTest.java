import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class CreateMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String MACHINES = "/v1/apps/mcp-demo/machines";
  private static final String VOLUME =
      "{\"id\": \"vol_1\", \"name\": \"data\", \"region\": \"iad\", \"attached_machine_id\": null}";

  private static void volumes(String volumes) {
    fly.stubFor(get("/v1/apps/mcp-demo/volumes").willReturn(okJson("[" + volumes + "]")));
  }

  private static void created() {
    fly.stubFor(post(MACHINES).willReturn(okJson("{\"id\": \"148ed127f22387\"}")));
  }

  @Test
  void it_sends_the_guides_body_with_a_launch_id_and_prints_the_answer() {
    volumes(VOLUME);
    created();
    var guide = Script.run(new CreateMachine(), "--print-template").out();

    var result = Script.run(new CreateMachine());

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"id\": \"148ed127f22387\"\n}\n", result.out());
    fly.verify(
        postRequestedFor(urlEqualTo(MACHINES))
            .withRequestBody(equalToJson(guide, false, true))
            .withRequestBody(
                matchingJsonPath("$.config.metadata.launch_id", matching("[0-9a-f-]{36}"))));
    assertTrue(
        result
            .err()
            .contains(
                "Creating a Machine in iad: flyio/mcp:latest, 1024 MB, runs npx -f"
                    + " @modelcontextprotocol/server-filesystem@2026.8.31 /data/, the volume data"
                    + " at /data"),
        result.err());
    assertTrue(result.err().contains("Anybody who knows its address can use it"), result.err());
    assertTrue(result.err().contains("--set config.env.FLY_MCP_BEARER_TOKEN="), result.err());
    assertTrue(result.err().contains("export MACHINE_ID=148ed127f22387"), result.err());
    assertTrue(
        result.err().contains("starts on its first request. Next: jbang fly-call-mcp@catalog"),
        result.err());
  }

  @Test
  void on_a_terminal_the_answer_is_a_view_of_three_lines_and_JSON_if_asked_for() {
    volumes(VOLUME);
    fly.stubFor(
        post(MACHINES)
            .willReturn(
                okJson(
                    "{\"id\": \"148ed127f22387\", \"name\": \"calm-sun-1\", \"state\": \"created\","
                        + " \"region\": \"iad\", \"config\": "
                        + Fly.pretty(config())
                        + "}")));

    var view = Script.runOnTerminal(new CreateMachine(), "--name", "calm-sun-1");
    var json = Script.runOnTerminal(new CreateMachine(), "--name", "calm-sun-1", "--json");

    assertEquals(
        "Machine 148ed127f22387 (calm-sun-1): created in iad\n"
            + "  runs  npx -f @modelcontextprotocol/server-filesystem@2026.8.31 /data/"
            + " (flyio/mcp:latest)\n"
            + "  has   1 CPU shared, 1024 MB, volume data at /data, answers on port 80 and 443\n",
        view.out());
    assertTrue(json.plain().startsWith("{\n  \"id\": \"148ed127f22387\","), json.out());
  }

  private static JsonNode config() {
    var guide = Script.run(new CreateMachine(), "--print-template").out();
    try {
      return Fly.JSON.readTree(guide).path("config");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void it_says_which_Fly_io_it_talks_to_on_a_terminal_also_with_q() {
    volumes(VOLUME);
    created();

    var told = Script.run(new CreateMachine());
    var quiet = Script.runOnTerminal(new CreateMachine(), "-q");

    assertTrue(told.err().startsWith("Target: the sandbox at http://localhost:"), told.err());
    assertTrue(quiet.err().startsWith("Target: the sandbox at http://localhost:"), quiet.err());
  }

  @Test
  void a_dry_run_shows_the_mark_and_without_it_the_guides_body_literally() {
    System.clearProperty("FLY_API_TOKEN");
    var guide = Script.run(new CreateMachine(), "--print-template").out();

    var marked = Script.run(new CreateMachine(), "-n").out();
    var result = Script.run(new CreateMachine(), "-n", "--launch-id", "none");

    assertTrue(marked.matches("(?s).*\"name\": \"launch-[0-9a-f-]{36}\".*"), marked);
    assertTrue(marked.matches("(?s).*\"launch_id\": \"[0-9a-f-]{36}\".*"), marked);
    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().startsWith("curl -i -X POST \\\n-H \"Authorization: Bearer ${FLY_"));
    assertTrue(result.out().endsWith("-d '" + guide.strip() + "'\n"), result.out());
    assertEquals("", result.err());
  }

  @Test
  void a_command_of_your_own_takes_the_place_of_the_guides() {
    created();

    var result =
        Script.run(
            new CreateMachine(), "-q", "--no-volume", "--", "uvx", "mcp-server-time", "--x=y z");

    assertEquals(0, result.exit(), result.err());
    assertEquals("148ed127f22387\n", result.out());
    assertEquals("", result.err());
    fly.verify(
        postRequestedFor(urlEqualTo(MACHINES))
            .withRequestBody(
                matchingJsonPath(
                    "$.config.init.cmd",
                    equalToJson("[\"uvx\", \"mcp-server-time\", \"--x=y z\"]")))
            .withRequestBody(notMatching("(?s).*mounts.*")));
  }

  @Test
  void a_command_of_your_own_keeps_the_volume_unless_told_otherwise() {
    volumes(VOLUME);
    created();

    var result = Script.run(new CreateMachine(), "--", "uvx", "mcp-server-time");

    assertEquals(0, result.exit(), result.err());
    fly.verify(
        postRequestedFor(urlEqualTo(MACHINES))
            .withRequestBody(matchingJsonPath("$.config.mounts[0].volume", equalTo("data"))));
  }

  @Test
  void fields_are_set_and_removed_and_keep_their_type() {
    created();

    var result =
        Script.run(
            new CreateMachine(),
            "--set",
            "config.guest.memory_mb=2048",
            "--set",
            "config.mounts=",
            "--set",
            "config.env.FLY_MCP_BEARER_TOKEN=secret",
            "--region",
            "fra",
            "--name",
            "files");

    assertEquals(0, result.exit(), result.err());
    fly.verify(
        postRequestedFor(urlEqualTo(MACHINES))
            .withRequestBody(matchingJsonPath("$.config.guest.memory_mb", equalTo("2048")))
            .withRequestBody(matchingJsonPath("$.region", equalTo("fra")))
            .withRequestBody(matchingJsonPath("$.name", equalTo("files"))));
    assertTrue(result.err().contains("warning: config.env.FLY_MCP_BEARER_TOKEN was not in"));
    assertFalse(result.err().contains("Anybody"), result.err());
  }

  @Test
  void a_field_of_the_wrong_type_is_refused_by_its_name() {
    var result = Script.run(new CreateMachine(), "--set", "config.guest.memory_mb=lots");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: cannot set config.guest.memory_mb"), result.err());
    assertTrue(result.err().contains("it is a whole number, and \"lots\" is not"), result.err());
  }

  @Test
  void a_volume_that_is_missing_is_told_before_anything_is_sent() {
    volumes(VOLUME.replace("\"data\"", "\"other\""));

    var result = Script.run(new CreateMachine());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: there is no volume data in the app mcp-demo"));
    assertTrue(
        result.err().contains("try: jbang fly-create-volume@catalog, or mount nothing: --no-vol"));
  }

  @Test
  void a_volume_in_another_region_is_told_before_anything_is_sent() {
    volumes(VOLUME);

    var result = Script.run(new CreateMachine(), "--region", "fra");

    assertEquals(1, result.exit());
    assertTrue(
        result.err().contains("error: the volume data is in iad, and the Machine would be in fra"),
        result.err());
    assertTrue(result.err().contains("try: --region iad, or: jbang fly-create-volume@catalog"));
  }

  @Test
  void a_volume_that_is_attached_is_told_before_anything_is_sent() {
    volumes(VOLUME.replace("null", "\"91857266c77078\""));

    var result = Script.run(new CreateMachine());

    assertEquals(1, result.exit());
    assertTrue(
        result.err().contains("error: the volume data is attached to the Machine 91857266c77078"),
        result.err());
    assertTrue(result.err().contains("fly-create-volume@catalog --another"), result.err());
  }

  @Test
  void one_free_volume_of_several_is_enough_and_an_id_names_one_too() {
    volumes(VOLUME.replace("null", "\"91857266c77078\"") + "," + VOLUME.replace("_1", "_2"));
    created();

    var byName = Script.run(new CreateMachine());
    var byId = Script.run(new CreateMachine(), "--set", "config.mounts.0.volume=vol_2");

    assertEquals(0, byName.exit(), byName.err());
    assertEquals(0, byId.exit(), byId.err());
  }

  @Test
  void after_an_ambiguous_failure_the_Machine_is_found_by_its_launch_id() {
    volumes(VOLUME);
    fly.stubFor(post(MACHINES).willReturn(status(408)));
    fly.stubFor(get(MACHINES).willReturn(okJson("[{\"id\": \"other\"}]")));

    var lost = new Thread(() -> copyTheMachineThatWasCreated());
    lost.start();
    var result = Script.run(new CreateMachine(), "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("148ed127f22387\n", result.out());
    fly.verify(1, postRequestedFor(urlEqualTo(MACHINES)));
  }

  /** What Fly.io does: it answers 408, and the Machine is there all the same. */
  private static void copyTheMachineThatWasCreated() {
    var posts = postRequestedFor(urlEqualTo(MACHINES));
    while (fly.findAll(posts).isEmpty()) Fly.pause(20);
    var body = fly.findAll(posts).get(0).getBodyAsString();
    var launchId = body.replaceFirst("(?s).*\"launch_id\":\"([^\"]+)\".*", "$1");
    fly.stubFor(
        get(MACHINES)
            .willReturn(
                okJson(
                    "[{\"id\": \"148ed127f22387\", \"config\": {\"metadata\": {\"launch_id\": \""
                        + launchId
                        + "\"}}}]")));
  }

  @Test
  void what_did_not_happen_is_sent_again_with_the_same_launch_id() {
    volumes(VOLUME);
    fly.stubFor(get(MACHINES).willReturn(okJson("[]")));
    fly.stubFor(post(MACHINES).inScenario("lost").willReturn(status(503)).willSetStateTo("again"));
    fly.stubFor(
        post(MACHINES)
            .inScenario("lost")
            .whenScenarioStateIs("again")
            .willReturn(okJson("{\"id\": \"148ed127f22387\"}")));

    var result = Script.run(new CreateMachine());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("looking for it until 3m are over ..."), result.err());
    var bodies =
        fly.findAll(postRequestedFor(urlEqualTo(MACHINES))).stream()
            .map(request -> request.getBodyAsString())
            .distinct();
    assertEquals(1, bodies.count());
  }

  @Test
  void a_config_that_Fly_io_refuses_is_told_with_its_words() {
    created();
    fly.stubFor(
        post(MACHINES)
            .willReturn(
                status(400)
                    .withBody(
                        "{\"error\": \"invalid config.guest.memory_mb, minimum required 256"
                            + " MiB\"}")));

    var result = Script.run(new CreateMachine(), "--no-volume");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: Fly.io has no guest of this size"));
    assertTrue(result.err().contains("minimum required 256 MiB (400 from POST"), result.err());
  }

  @Test
  void a_template_of_your_own_is_checked_before_it_is_sent(@TempDir Path folder) throws Exception {
    var file = folder.resolve("machine.json");

    Files.writeString(file, "{\"region\": ");
    var broken = Script.run(new CreateMachine(), "--template", file.toString());
    Files.writeString(file, "[]");
    var list = Script.run(new CreateMachine(), "--template", file.toString());
    Files.writeString(file, "{\"config\": {\"image\": \"${IMAGE_OF_MINE}\"}}");
    var missing = Script.run(new CreateMachine(), "--template", file.toString());

    for (var result : new Script.Result[] {broken, list, missing}) assertEquals(2, result.exit());
    assertTrue(broken.err().contains("machine.json is not JSON"), broken.err());
    assertTrue(list.err().contains("machine.json is not a JSON object"), list.err());
    assertTrue(missing.err().contains("needs IMAGE_OF_MINE"), missing.err());
    assertTrue(missing.err().contains("export IMAGE_OF_MINE="), missing.err());
  }
}
