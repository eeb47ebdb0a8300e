import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.fleet.Pool;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** fly-claim-machine waits for a real MCP server, which each Machine of the sandbox runs. */
@Tag("slow")
class ClaimServerTest {
  private static SandboxServer sandbox;

  @TempDir Path folder;

  @BeforeAll
  static void start() {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).filesServer(FilesServer.class));
  }

  @AfterAll
  static void stop() {
    sandbox.close();
    System.clearProperty("fly.sandbox.npx");
  }

  @BeforeEach
  void settings() {
    System.setProperty("fly.sandbox.npx", "none");
    Script.settings(sandbox.url(), sandbox.token());
    sandbox.environment().forEach(System::setProperty);
  }

  private static void app(String name) {
    System.setProperty("APP_NAME", name);
    assertEquals(0, Script.run(new CreateApp()).exit());
    assertEquals(0, Script.run(new AllocateIps()).exit());
  }

  @Test
  void a_claim_ends_when_the_Machines_own_server_has_answered() throws Exception {
    app("claims");
    var fleet = Script.run(new CreateFleet(), "--count", "2", "--state", "stopped");
    assertEquals(0, fleet.exit(), fleet.err());

    var claim = Script.run(new ClaimMachine(), "--owner", "ann");

    assertEquals(0, claim.exit(), claim.err());
    var machine = Fly.JSON.readTree(claim.out());
    var id = machine.path("id").asText();
    var call = Script.run(new CallMcp(), "--instance", id, "--list", "tools");
    assertEquals(0, call.exit(), call.err());
    assertTrue(call.out().contains("list_directory"), call.out());
  }

  @Test
  void a_Machine_whose_server_does_not_answer_is_free_again_and_the_claim_says_why()
      throws Exception {
    app("silence");
    var request = Fly.JSON.createObjectNode().put("region", "iad");
    request
        .putObject("config")
        .put("image", "flyio/mcp")
        .putObject("init")
        .putArray("cmd")
        .add("false");
    var file = Files.writeString(folder.resolve("fleet.json"), request.toString()).toString();
    var fleet =
        Script.run(new CreateFleet(), "--count", "1", "--state", "created", "--template", file);
    assertEquals(0, fleet.exit(), fleet.err());

    var claim = Script.run(new ClaimMachine(), "--owner", "ann", "--timeout", "2s");

    assertEquals(1, claim.exit(), claim.out());
    assertTrue(claim.err().contains("error: no Machine of the fleet fleet is free"), claim.err());
    var id = Fly.JSON.readTree(fleet.out()).path("id").asText();
    var machine = Fly.connect().get("/v1/apps/{app}/machines/{machine}", "silence", id);
    assertEquals("", Pool.owner(machine));
  }
}
