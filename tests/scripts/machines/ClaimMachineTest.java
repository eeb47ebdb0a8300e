import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.fleet.Pool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** fly-claim-machine, fly-release-machine and fly-fleet-status. */
class ClaimMachineTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  @TempDir Path folder;

  private void fleet(int count, String state) throws Exception {
    var request = FleetSandbox.request("replaced");
    var mount = request.withObject("/config").putArray("mounts").addObject();
    mount.put("volume", "data").put("path", "/d");
    var file = Files.writeString(folder.resolve("fleet.json"), request.toString()).toString();
    var result =
        Script.run(new CreateFleet(), "--count", "" + count, "--state", state, "--template", file);
    assertEquals(0, result.exit(), result.err());
  }

  private static Script.Result claim(String owner) {
    return Script.run(new ClaimMachine(), "--no-check", "--owner", owner);
  }

  private static JsonNode json(Script.Result result) throws Exception {
    assertEquals(0, result.exit(), result.err());
    return Fly.JSON.readTree(result.out());
  }

  @Test
  void a_Machine_is_started_for_its_owner_who_gets_it_again() throws Exception {
    fleet(2, "suspended");

    var first = json(claim("ann"));
    var again = json(claim("ann"));
    var other = json(claim("bob"));

    var machine = sandbox.machine(first.path("id").asText());
    assertEquals("ann", Pool.owner(machine));
    assertEquals("started", machine.path("state").asText());
    assertEquals(first, again);
    assertNotEquals(first.path("id"), other.path("id"));
    assertEquals(first.path("id"), first.at("/headers/fly-force-instance-id"));
    assertTrue(first.path("url").asText().endsWith("/edge/" + sandbox.app() + "/"));
  }

  @Test
  void a_host_of_an_env_file_does_not_get_the_token_of_the_environment() throws Exception {
    fleet(1, "stopped");
    var edge = System.clearProperty("FLY_EDGE_URL");
    var directory = System.setProperty("user.dir", folder.toString());
    System.setProperty("FLY_MCP_BEARER_TOKEN", "sesame");
    Files.writeString(folder.resolve(".env"), "FLY_EDGE_URL=http://127.0.0.1:9/\n");
    try {
      var result = Script.run(new ClaimMachine(), "--owner", "ann", "--timeout", "1s");

      assertEquals(2, result.exit(), result.err());
      assertTrue(result.err().contains("would not be sent to http://127.0.0.1:9/"), result.err());
    } finally {
      System.setProperty("user.dir", directory);
      System.clearProperty("FLY_MCP_BEARER_TOKEN");
      if (edge != null) System.setProperty("FLY_EDGE_URL", edge);
    }
    var machine = json(claim("bob"));
    assertEquals("bob", Pool.owner(sandbox.machine(machine.path("id").asText())));
  }

  @Test
  void a_full_pool_is_a_clear_refusal() throws Exception {
    fleet(1, "stopped");
    claim("ann");

    var result = claim("bob");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: no Machine of the fleet fleet is free"), result.err());
    assertTrue(result.err().contains("why: 1 Machine, 1 with an owner"), result.err());
    assertTrue(result.err().contains("fly-release-machine"), result.err());
  }

  @Test
  void many_claims_at_once_get_different_Machines_and_the_rest_is_refused() throws Exception {
    fleet(6, "created");
    var owners =
        IntStream.range(0, 10).mapToObj(i -> "user-" + i).collect(Collectors.joining("\n"));

    var result = Script.runWithInput(owners, new ClaimMachine(), "--no-check", "--owner", "-");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: 4 of 10 claims failed"), result.err());
    var ids = new TreeSet<String>();
    for (var line : result.out().lines().toList()) {
      ids.add(Fly.JSON.readTree(line).path("id").asText());
    }
    assertEquals(6, ids.size(), result.out());
    assertEquals(6, result.out().lines().count());
  }

  @Test
  void a_released_Machine_is_suspended_and_free() throws Exception {
    fleet(1, "suspended");
    var id = json(claim("ann")).path("id").asText();

    var released = json(Script.run(new ReleaseMachine(), "--owner", "ann"));
    var status = Script.run(new FleetStatus());

    assertEquals(id, released.path("id").asText());
    assertEquals("suspended", released.path("state").asText());
    assertEquals("", Pool.owner(released));
    assertTrue(status.err().contains("1 Machine, 0 with an owner: {suspended=1}"), status.err());
    assertTrue(status.out().contains("fleet-0001"), status.out());
  }

  @Test
  void released_as_fresh_it_is_another_Machine_with_another_volume() throws Exception {
    fleet(1, "suspended");
    var id = json(claim("ann")).path("id").asText();
    var volume = sandbox.machine(id).at("/config/mounts/0/volume").asText();

    var fresh = json(Script.run(new ReleaseMachine(), id, "--fresh"));

    assertNotEquals(id, fresh.path("id").asText());
    assertEquals("fleet-0001", fresh.path("name").asText());
    assertEquals("suspended", fresh.path("state").asText());
    assertEquals("", Pool.owner(fresh));
    var volumes = sandbox.fly().volumes(sandbox.app());
    assertEquals(1, volumes.size());
    assertNotEquals(volume, volumes.get(0).id());
  }

  @Test
  void an_owner_without_a_Machine_is_named() throws Exception {
    fleet(1, "created");

    var result = Script.run(new ReleaseMachine(), "--owner", "eve");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: eve has no Machine of the fleet fleet"));
  }

  @Test
  void a_claim_for_nobody_is_a_wrong_command_line() {
    var result = Script.runWithInput("\n", new ClaimMachine(), "--owner", "-");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: no owner is named"), result.err());
  }
}
