import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** fly-list-volumes, fly-extend-volume, fly-snapshot-volume and fly-destroy-volume. */
class VolumeCommandsTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  @Test
  void volumes_are_listed_with_their_Machines() {
    var volume = sandbox.volume("data");
    var request = FleetSandbox.request("one");
    request
        .withObject("/config")
        .putArray("mounts")
        .addObject()
        .put("volume", volume)
        .put("path", "/d");
    var machine =
        sandbox.fly().post("/v1/apps/{app}/machines", request, sandbox.app()).path("id").asText();

    var table = Script.runOnTerminal(new ListVolumes());
    var ids = Script.run(new ListVolumes(), "-q");

    assertEquals(0, table.exit(), table.err());
    assertTrue(table.out().startsWith("VOLUME"), table.out());
    assertTrue(table.out().contains(machine), table.out());
    assertEquals(volume + "\n", ids.out());
  }

  @Test
  void a_volume_grows_and_never_shrinks() {
    var volume = sandbox.volume("data");

    var larger = Script.run(new ExtendVolume(), volume, "--size", "3");
    var smaller = Script.run(new ExtendVolume(), volume, "--size", "2");

    assertEquals(0, larger.exit(), larger.err());
    assertTrue(larger.out().contains("\"size_gb\": 3"), larger.out());
    assertEquals(1, smaller.exit(), smaller.err());
    assertEquals("", smaller.out());
  }

  @Test
  void a_snapshot_is_taken_and_listed() {
    var volume = sandbox.volume("data");

    var taken = Script.run(new SnapshotVolume(), volume);
    var list = Script.run(new SnapshotVolume(), volume, "--list", "-q");

    assertEquals(0, taken.exit(), taken.err());
    assertEquals(0, list.exit(), list.err());
    assertTrue(list.out().startsWith("vs_"), list.out());
  }

  @Test
  void volumes_are_destroyed_and_one_that_is_gone_is_no_failure() {
    var volume = sandbox.volume("data");

    var result = Script.run(new DestroyVolume(), "-q", volume, "vol_0000000000000000");

    assertEquals(0, result.exit(), result.err());
    assertEquals(volume + "\nvol_0000000000000000\n", result.out());
    assertEquals(0, sandbox.fly().volumes(sandbox.app()).size());
  }

  @Test
  void a_volume_in_use_is_refused_with_the_way_to_free_it() {
    var volume = sandbox.volume("data");
    var request = FleetSandbox.request("one");
    request
        .withObject("/config")
        .putArray("mounts")
        .addObject()
        .put("volume", volume)
        .put("path", "/d");
    var machine = sandbox.fly().post("/v1/apps/{app}/machines", request, sandbox.app());

    var result = Script.run(new DestroyVolume(), volume);

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: the volume is in use"), result.err());
    assertTrue(
        result.err().contains("fly-destroy-machine@catalog " + machine.path("id").asText() + "\n"),
        result.err());
  }

  @Test
  void orphans_of_the_organization_are_listed_and_destroyed_when_confirmed() {
    var orphan = sandbox.volume("data");
    sandbox
        .fly()
        .post(
            "/v1/apps/{app}/ip_assignments",
            Fly.JSON.createObjectNode().put("type", "v4"),
            sandbox.app());

    var young = Script.run(new Cleanup(), "--orphans", "--confirm", "personal");
    var list = Script.run(new Cleanup(), "--orphans", "--older", "0s");
    var dry = Script.run(new Cleanup(), "-n", "--orphans", "--older", "0s");
    var gone = Script.run(new Cleanup(), "--orphans", "--older", "0s", "--confirm", "personal");

    assertEquals("", young.out());
    assertEquals(2, list.exit(), list.err());
    assertTrue(list.err().contains("volume " + orphan + " of " + sandbox.app()), list.err());
    assertTrue(list.err().contains("dedicated IPv4, its app has no Machine"), list.err());
    assertTrue(list.err().contains("--orphans --confirm personal"), list.err());
    assertEquals(0, dry.exit(), dry.err());
    assertEquals(2, dry.out().split("curl -i -X DELETE", -1).length - 1, dry.out());
    assertTrue(dry.out().contains("/volumes/" + orphan), dry.out());
    assertEquals(0, gone.exit(), gone.err());
    assertTrue(gone.out().contains(orphan), gone.out());
    assertEquals(0, sandbox.fly().volumes(sandbox.app()).size());
    assertEquals(
        0, sandbox.fly().get("/v1/apps/{a}/ip_assignments", sandbox.app()).path("ips").size());
  }

  @Test
  void the_name_of_a_volume_is_no_volume_that_is_gone() {
    sandbox.volume("data");

    var result = Script.run(new DestroyVolume(), "data");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: there is no such volume"), result.err());
  }

  @Test
  void an_age_without_orphans_is_refused() {
    var result = Script.run(new Cleanup(), "--older", "1h");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: --older is for orphans"), result.err());
  }
}
