import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class UpdateMachineTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  private static String lease(String id, int seconds) {
    return sandbox
        .fly()
        .post(
            "/v1/apps/{app}/machines/{machine}/lease",
            Fly.JSON.createObjectNode().put("ttl", seconds),
            sandbox.app(),
            id)
        .at("/data/nonce")
        .asText();
  }

  @Test
  void a_field_is_changed_the_rest_stays_and_the_difference_is_shown() {
    var id = sandbox.started("one");
    var before = sandbox.machine(id);

    var result =
        Script.run(
            new UpdateMachine(),
            id,
            "--set",
            "config.metadata.color=blue",
            "--image",
            "my/app:2",
            "--env",
            "MODE=fast");

    assertEquals(0, result.exit(), result.err());
    var after = sandbox.machine(id);
    assertEquals("my/app:2", after.at("/config/image").asText());
    assertEquals("fast", after.at("/config/env/MODE").asText());
    assertEquals("blue", after.at("/config/metadata/color").asText());
    assertEquals(before.at("/config/guest"), after.at("/config/guest"));
    assertEquals("started", after.path("state").asText());
    assertNotEquals(before.path("instance_id"), after.path("instance_id"));
    assertTrue(result.err().contains(id + ": config.image: \"my/app:1\" -> \"my/app:2\""));
    assertTrue(result.out().contains("\"state\": \"started\""), result.out());
  }

  @Test
  void the_lease_is_released_at_the_end() {
    var id = sandbox.started("one");

    var result = Script.run(new UpdateMachine(), id, "--env", "A=1");

    assertEquals(0, result.exit(), result.err());
    assertFalse(lease(id, 60).isEmpty());
  }

  @Test
  @Tag("slow")
  void a_signal_amid_many_leaves_no_lease(@TempDir Path folder) throws Exception {
    for (int i = 0; i < 12; i++) sandbox.started("many-" + i);
    sandbox.server().faults().latency("api=500ms");
    var said = folder.resolve("said");
    var builder = new ProcessBuilder(Jvm.command("UpdateMachine", "--all", "--env", "A=1"));
    builder.environment().putAll(sandbox.server().environment());
    builder.environment().put("APP_NAME", sandbox.app());
    builder.redirectErrorStream(true).redirectOutput(said.toFile());

    var update = builder.start();
    Await.until(() -> Files.readString(said).contains("config.env.A"));
    update.destroy();

    assertEquals(143, Await.exit(update));
    sandbox.server().faults().latency("");
    assertEquals(0, leases());
  }

  private static long leases() {
    var lease = "/v1/apps/{app}/machines/{machine}/lease";
    return sandbox.fly().machines(sandbox.app()).stream()
        .filter(machine -> sandbox.fly().find(lease, sandbox.app(), machine.id()).isPresent())
        .count();
  }

  @Test
  void a_lease_of_somebody_else_is_named_with_its_end() {
    var id = sandbox.started("one");
    lease(id, 600);

    var result = Script.run(new UpdateMachine(), id, "--env", "A=1");

    assertEquals(1, result.exit());
    assertTrue(
        result.err().matches("(?s).*error: the Machine " + id + " is leased by \\S+ until 20.*"),
        result.err());
    assertTrue(result.err().contains("try: the same command with --wait"), result.err());
  }

  @Test
  void wait_waits_until_the_lease_is_free() {
    var id = sandbox.started("one");
    lease(id, 4);

    var result = Script.run(new UpdateMachine(), id, "--env", "A=1", "--wait");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("holds the lease of " + id), result.err());
  }

  @Test
  void a_dry_run_reads_shows_the_difference_and_the_request_and_writes_nothing() {
    var id = sandbox.started("one");
    var before = sandbox.machine(id);

    var result = Script.run(new UpdateMachine(), "-n", id, "--env", "A=1");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains(id + ": config.env.A: (none) -> \"1\""), result.err());
    assertTrue(result.out().startsWith("curl -i -X POST"), result.out());
    assertTrue(result.out().contains("\"current_version\": " + before.path("instance_id")));
    assertEquals(before, sandbox.machine(id));
  }

  @Test
  void nothing_to_change_sends_nothing() {
    var id = sandbox.started("one");
    var before = sandbox.machine(id).path("instance_id");

    var result = Script.run(new UpdateMachine(), id, "--image", "my/app:1");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains(id + ": nothing to change"), result.err());
    assertEquals(before, sandbox.machine(id).path("instance_id"));
  }

  @Test
  void a_failed_update_says_what_runs_now() {
    var id = sandbox.started("one");

    var result = Script.run(new UpdateMachine(), id, "--set", "config.guest.memory_mb=1");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("; now it is started, version "), result.err());
    assertTrue(result.err().contains("with image my/app:1"), result.err());
  }

  @Test
  void an_update_whose_answer_was_lost_is_found_again() {
    var id = sandbox.started("one");
    sandbox.server().faults().faults(List.of("POST /v1/apps/*/machines/" + id + " reset-after x1"));

    var result = Script.run(new UpdateMachine(), id, "--env", "A=1");

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        2, sandbox.fly().get("/v1/apps/{a}/machines/{m}/versions", sandbox.app(), id).size());
  }

  @Test
  void several_are_updated_and_a_stopped_one_stays_so() {
    var one = sandbox.started("one");
    var two = sandbox.started("two");
    assertEquals(0, Script.run(new StopMachine(), two).exit());
    assertEquals(0, Script.run(new WaitMachine(), two, "--state", "stopped").exit());

    var result = Script.run(new UpdateMachine(), "--all", "--image", "my/app:3");

    assertEquals(0, result.exit(), result.err());
    assertEquals(2, result.out().lines().count());
    assertEquals("started", sandbox.machine(one).path("state").asText());
    assertEquals("stopped", sandbox.machine(two).path("state").asText());
    assertEquals("my/app:3", sandbox.machine(two).at("/config/image").asText());
  }

  @Test
  void a_secret_in_the_environment_is_masked_in_the_difference() {
    var id = sandbox.started("one");

    var result =
        Script.run(new UpdateMachine(), "-q", "-n", id, "--env", "FLY_MCP_BEARER_TOKEN=s3cret");
    var told = Script.run(new UpdateMachine(), id, "--env", "FLY_MCP_BEARER_TOKEN=s3cret");

    assertEquals("", result.err());
    assertFalse(told.err().contains("s3cret"), told.err());
  }
}
