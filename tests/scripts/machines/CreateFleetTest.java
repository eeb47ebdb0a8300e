import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class CreateFleetTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  @TempDir Path folder;

  private String template(boolean volume) throws Exception {
    var request = FleetSandbox.request("replaced");
    request.withObject("/config").withObject("/env").put("WHO", "${user:-nobody} ${INDEX}");
    if (volume) {
      request
          .withObject("/config")
          .putArray("mounts")
          .addObject()
          .put("volume", "data")
          .put("path", "/d");
    }
    return Files.writeString(folder.resolve("fleet.json"), request.toString()).toString();
  }

  private static List<JsonNode> machines() {
    return sandbox.fly().list("/v1/apps/{app}/machines", sandbox.app());
  }

  private static TreeSet<String> names() {
    var names = new TreeSet<String>();
    for (var machine : machines()) names.add(machine.path("name").asText());
    return names;
  }

  /** Each Machine once, each with a volume, and no other volume. */
  private static void whole(int count) {
    assertEquals(count, machines().size());
    assertEquals(count, names().size());
    var volumes = sandbox.fly().volumes(sandbox.app());
    assertEquals(count, volumes.size());
    assertTrue(volumes.stream().noneMatch(fly.Volume::free));
  }

  @Test
  void it_creates_Machines_with_names_and_metadata_and_again_it_creates_none() throws Exception {
    var template = template(false);

    var first = Script.run(new CreateFleet(), "--count", "3", "--template", template);
    var second = Script.run(new CreateFleet(), "--count", "5", "--template", template);

    assertEquals(0, first.exit(), first.err());
    assertEquals(3, first.out().lines().count());
    assertTrue(first.err().contains("3 of 3 there, 3 of them new."), first.err());
    assertTrue(second.err().contains("5 of 5 there, 2 of them new."), second.err());
    assertEquals(
        new TreeSet<>(
            List.of("fleet-0001", "fleet-0002", "fleet-0003", "fleet-0004", "fleet-0005")),
        names());
    assertEquals("fleet", machines().get(0).at("/config/metadata/fleet").asText());
  }

  @Test
  void each_Machine_has_a_volume_of_its_own_where_the_template_mounts_one() throws Exception {
    var result = Script.run(new CreateFleet(), "--count", "3", "--template", template(true));

    assertEquals(0, result.exit(), result.err());
    whole(3);
  }

  @Test
  void a_volume_that_an_ended_run_has_left_is_used() throws Exception {
    sandbox.volume("data_0002");

    var result = Script.run(new CreateFleet(), "--count", "2", "--template", template(true));

    assertEquals(0, result.exit(), result.err());
    whole(2);
  }

  @Test
  void a_second_volume_for_a_member_is_destroyed_in_the_end() throws Exception {
    sandbox.volume("data_0001");
    sandbox.volume("data_0001");

    var result = Script.run(new CreateFleet(), "--count", "1", "--template", template(true));

    assertEquals(0, result.exit(), result.err());
    whole(1);
  }

  @Test
  void lost_answers_and_refusals_lead_to_each_Machine_once() throws Exception {
    sandbox
        .server()
        .faults()
        .faults(
            List.of(
                "POST /v1/apps/*/machines reset-after x2",
                "POST /v1/apps/*/machines 503 x2",
                "POST /v1/apps/*/volumes reset-after x1",
                "POST /v1/apps/*/machines 408 x1"));

    var result = Script.run(new CreateFleet(), "--count", "4", "--template", template(true));

    assertEquals(0, result.exit(), result.err());
    whole(4);
  }

  @Test
  void two_at_once_double_nothing() throws Exception {
    Deadline.clock(null); // each waits until the other's volumes are attached
    var template = template(true);
    var runs = new ArrayList<CompletableFuture<Script.Result>>();
    for (int i = 0; i < 2; i++) {
      runs.add(
          CompletableFuture.supplyAsync(
              () -> Script.run(new CreateFleet(), "--count", "6", "--template", template)));
    }

    for (var run : runs) assertEquals(0, run.join().exit(), run.join().err());

    whole(6);
  }

  @Test
  void rows_of_a_file_fill_the_template_and_regions_take_turns() throws Exception {
    var users =
        Files.writeString(folder.resolve("users.csv"), "user,plan\nann,pro\n\"b, c\",free\n");

    var result =
        Script.run(
            new CreateFleet(),
            "--each",
            users.toString(),
            "--regions",
            "iad,fra",
            "--template",
            template(false));

    assertEquals(0, result.exit(), result.err());
    var seen = new TreeSet<String>();
    for (var machine : machines()) {
      seen.add(machine.path("region").asText() + " " + machine.at("/config/env/WHO").asText());
    }
    assertEquals(new TreeSet<>(List.of("iad ann 1", "fra b, c 2")), seen);
  }

  @Test
  void they_are_left_in_the_state_that_was_asked_for() throws Exception {
    var result =
        Script.run(
            new CreateFleet(),
            "--count",
            "3",
            "--state",
            "suspended",
            "--template",
            template(false));

    assertEquals(0, result.exit(), result.err());
    for (var machine : machines()) assertEquals("suspended", machine.path("state").asText());
  }

  @Test
  void an_app_for_each_has_addresses_of_its_own() throws Exception {
    var result =
        Script.run(
            new CreateFleet(), "--count", "2", "--app-per-machine", "--template", template(false));

    assertEquals(0, result.exit(), result.err());
    var app = sandbox.app() + "-0002";
    assertEquals(1, sandbox.fly().list("/v1/apps/{app}/machines", app).size());
    assertEquals(2, sandbox.fly().get("/v1/apps/{app}/ip_assignments", app).path("ips").size());
  }

  @Test
  void a_dry_run_prints_a_curl_for_each() throws Exception {
    var result = Script.run(new CreateFleet(), "-n", "--count", "2", "--template", template(false));

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("\"name\": \"fleet-0002\""), result.out());
    assertEquals(2, result.out().split("\"skip_launch\": true", -1).length - 1, result.out());
    assertEquals(0, machines().size());
  }

  @Test
  void a_dry_run_names_the_region_of_each_and_launches_those_that_are_to_run() throws Exception {
    var result =
        Script.run(
            new CreateFleet(),
            "-n",
            "--count",
            "3",
            "--regions",
            "iad,fra",
            "--state",
            "started",
            "--template",
            template(false));

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        List.of("iad", "fra", "iad"),
        result
            .out()
            .lines()
            .filter(line -> line.contains("\"region\""))
            .map(line -> line.replaceAll(".*: \"(\\w+)\".*", "$1"))
            .toList());
    assertFalse(result.out().contains("skip_launch"), result.out());
  }

  @Test
  void a_dry_run_prints_what_a_Machine_needs_before_the_Machine() throws Exception {
    var shared = Script.run(new CreateFleet(), "-n", "--count", "2", "--template", template(true));
    var own =
        Script.run(
            new CreateFleet(),
            "-n",
            "--count",
            "2",
            "--app-per-machine",
            "--template",
            template(true));

    var app = "/v1/apps/" + sandbox.app();
    assertEquals(
        List.of(app + "/volumes", app + "/machines", app + "/volumes", app + "/machines"),
        paths(shared.out()));
    assertTrue(shared.out().contains("\"name\": \"data_0002\""), shared.out());
    assertEquals(
        List.of(
            "/v1/apps",
            app + "-0001/ip_assignments",
            app + "-0001/ip_assignments",
            "/v1/apps",
            app + "-0002/ip_assignments",
            app + "-0002/ip_assignments",
            app + "-0001/volumes",
            app + "-0001/machines",
            app + "-0002/volumes",
            app + "-0002/machines"),
        paths(own.out()));
    assertEquals(0, sandbox.fly().volumes(sandbox.app()).size());
  }

  private static List<String> paths(String curls) {
    return curls
        .lines()
        .filter(line -> line.startsWith("\"http"))
        .map(line -> line.replaceAll(".*?(/v1/[^\"]*).*", "$1"))
        .toList();
  }

  @Test
  void a_region_that_is_not_there_is_answered_with_those_that_are() throws Exception {
    var result =
        Script.run(
            new CreateFleet(), "--count", "1", "--regions", "xyz", "--template", template(false));

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("why: there is no such region"), result.err());
    assertTrue(result.err().contains("try: --regions iad, or another: "), result.err());
    assertTrue(result.err().contains("then the same command again"), result.err());
  }

  @Test
  void a_column_that_would_be_lost_is_refused() throws Exception {
    for (var head : List.of("user,user", "NAME,user", "user,INDEX")) {
      var file = Files.writeString(folder.resolve("lost.csv"), head + "\na,b\n").toString();

      var result = Script.run(new CreateFleet(), "-n", "--each", file);

      assertEquals(2, result.exit(), head);
      assertTrue(result.err().contains("another name"), result.err());
    }
  }

  @Test
  void the_status_of_a_fleet_is_in_the_order_of_its_names() throws Exception {
    Script.run(new CreateFleet(), "--count", "9", "--template", template(false));

    var result = Script.run(new FleetStatus(), "--jq", ".name");

    var names = result.out().lines().map(line -> line.replace("\"", "")).toList();
    assertEquals(IntStream.rangeClosed(1, 9).mapToObj(i -> "fleet-000" + i).toList(), names);
  }

  @Test
  void a_fleet_without_a_Machine_has_a_command_that_creates_it() {
    var result = Script.run(new FleetStatus(), "--name", "nobody");

    assertEquals(0, result.exit());
    assertTrue(
        result.err().contains("nobody has no Machine yet: jbang fly-create-fleet@catalog"),
        result.err());
  }

  @Test
  void without_a_size_it_is_a_wrong_command_line() {
    var result = Script.run(new CreateFleet());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: the fleet has no size"), result.err());
    var none = Script.run(new CreateFleet(), "--count", "0");
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("error: the fleet has no Machine"), none.err());
  }
}
