import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Deadline;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.Story;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class EnsureTest {
  @RegisterExtension static FleetSandbox sandbox = new FleetSandbox();

  private static final String LOST_MACHINE = "POST /v1/apps/*/machines reset-after x1";
  private static final String LOST_VOLUME = "POST /v1/apps/*/volumes reset-after x1";

  @BeforeEach
  void time() {
    Deadline.clock(new FastClock());
  }

  @AfterEach
  void realTime() {
    Deadline.clock(null);
  }

  private static Ensure ensure(Story story) {
    return new Ensure(Fly.connect(null, null, story), story);
  }

  private static Ensure ensure() {
    return ensure((format, args) -> {});
  }

  private static void faults(String... faults) {
    sandbox.server().faults().faults(List.of(faults));
  }

  private static ObjectNode machine() {
    var request = FleetSandbox.request("");
    request.remove("name");
    return request;
  }

  private static ObjectNode volume() {
    return Fly.JSON.createObjectNode().put("name", "data").put("region", "iad").put("size_gb", 1);
  }

  private static int machines() {
    return sandbox.fly().machines(sandbox.app()).size();
  }

  private static int volumes() {
    return sandbox.fly().volumes(sandbox.app()).size();
  }

  @Test
  void a_Machine_whose_answer_is_lost_is_found_and_is_the_only_one() {
    faults(LOST_MACHINE);

    var machine = ensure().machine(sandbox.app(), machine());

    assertEquals(1, machines());
    assertEquals(sandbox.fly().machines(sandbox.app()).get(0).id(), machine.path("id").asText());
  }

  @Test
  void a_Machine_whose_answer_is_lost_is_the_only_one_when_the_list_fails_too() {
    faults(LOST_MACHINE, "GET /v1/apps/*/machines 503 x30");

    var machine = ensure().machine(sandbox.app(), machine());

    faults();
    assertEquals(1, machines());
    assertTrue(machine.path("id").asText().matches("\\w+"), machine::toString);
  }

  @Test
  void a_launch_id_given_again_takes_the_Machine_that_is_there() {
    ensure().machine(sandbox.app(), machine(), "launch-1");
    ensure().machine(sandbox.app(), machine(), "launch-1");

    assertEquals(1, machines());
  }

  @Test
  void the_end_of_a_look_in_vain_is_exit_code_5_with_the_launch_id_to_give() {
    faults(
        LOST_MACHINE,
        "POST /v1/apps/*/machines 503",
        "GET /v1/apps/*/machines 503",
        "GET /v1/apps/*/machines/* 503");

    var e = assertThrows(FlyException.class, () -> ensure().machine(sandbox.app(), machine()));

    assertEquals(FlyException.AMBIGUOUS, e.exitCode);
    assertTrue(e.tryNext.contains("--launch-id "), e::toString);
    faults();
    var mark = e.tryNext.replaceFirst("(?s).*--launch-id (\\S+).*", "$1");
    ensure().machine(sandbox.app(), machine(), mark);
    assertEquals(1, machines());
  }

  @Test
  void a_volume_whose_answer_is_lost_is_found_and_is_the_only_one() {
    faults(LOST_VOLUME);

    var volume = ensure().volume(sandbox.app(), volume(), false);

    assertEquals(1, volumes());
    assertEquals("data", volume.path("name").asText());
  }

  @Test
  void a_volume_that_nobody_can_see_is_exit_code_5_and_the_command_that_takes_it() {
    // The list before is read; from then on every look fails.
    Story story =
        (format, args) -> {
          if (format.startsWith("Creating")) faults(LOST_VOLUME, "GET /v1/apps/*/volumes 503");
        };

    var e =
        assertThrows(
            FlyException.class, () -> ensure(story).volume(sandbox.app(), volume(), false));

    assertEquals(FlyException.AMBIGUOUS, e.exitCode);
    assertTrue(e.tryNext.contains("fly-create-volume --app " + sandbox.app()), e::toString);
    faults();
    ensure().volume(sandbox.app(), volume(), false);
    assertEquals(1, volumes());
  }
}
