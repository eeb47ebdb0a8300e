import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class WaitMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String MACHINE = "/v1/apps/mcp-demo/machines/148ed127f22387";

  @Test
  void it_asks_for_a_minute_at_a_time_until_the_state_is_reached() {
    var wait = MACHINE + "/wait?state=started&timeout=60";
    fly.stubFor(
        get(wait)
            .inScenario("slow")
            .willReturn(
                status(408)
                    .withBody(
                        "{\"error\": \"deadline_exceeded: machine failed to reach desired state,"
                            + " started, currently starting\"}"))
            .willSetStateTo("there"));
    fly.stubFor(
        get(urlMatching(MACHINE + "/wait\\?state=started&timeout=\\d+"))
            .inScenario("slow")
            .whenScenarioStateIs("there")
            .willReturn(okJson("{\"ok\": true}")));

    var result = Script.run(new WaitMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"ok\": true\n}\n", result.out());
    assertTrue(result.err().contains("currently starting"), result.err());
  }

  @Test
  void a_stopped_Machine_is_waited_for_in_its_present_version() {
    fly.stubFor(
        get(MACHINE).willReturn(okJson("{\"id\": \"148ed127f22387\", \"instance_id\": \"01J\"}")));
    fly.stubFor(
        get(MACHINE + "/wait?state=stopped&timeout=30&instance_id=01J")
            .willReturn(okJson("{\"ok\": true}")));

    var result =
        Script.run(
            new WaitMachine(), "-q", "--state", "stopped", "--timeout", "30s", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("148ed127f22387\n", result.out());
  }

  @Test
  void a_destroyed_Machine_that_is_forgotten_already_is_success() {
    fly.stubFor(
        get(urlPathEqualTo(MACHINE + "/wait"))
            .willReturn(status(404).withBody("{\"error\": \"machine not found\"}")));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(okJson("{\"id\": \"a1\"}")));

    var result = Script.run(new WaitMachine(), "--state", "destroyed", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("It is gone."), result.err());
  }

  @Test
  void in_an_app_that_is_not_there_nothing_was_destroyed() {
    fly.stubFor(
        get(urlPathEqualTo(MACHINE + "/wait"))
            .willReturn(status(404).withBody("{\"error\": \"app not found\"}")));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(status(404)));

    var result = Script.run(new WaitMachine(), "--state", "destroyed", "148ed127f22387");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: there is no such app"), result.err());
  }

  @Test
  void a_Machine_that_was_just_created_may_not_be_known_everywhere_yet() {
    fly.stubFor(
        get(urlPathEqualTo(MACHINE + "/wait"))
            .inScenario("new")
            .willReturn(status(404).withBody("{\"error\": \"machine not found\"}"))
            .willSetStateTo("known"));
    fly.stubFor(
        get(urlPathEqualTo(MACHINE + "/wait"))
            .inScenario("new")
            .whenScenarioStateIs("known")
            .willReturn(okJson("{\"ok\": true}")));

    var result = Script.run(new WaitMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
  }

  @Test
  void no_such_Machine_stays_an_error() {
    fly.stubFor(
        get(urlPathEqualTo(MACHINE + "/wait"))
            .willReturn(status(404).withBody("{\"error\": \"machine not found\"}")));

    var result = Script.run(new WaitMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: there is no such Machine"), result.err());
  }

  @Test
  void after_the_time_it_says_where_the_Machine_is() {
    fly.stubFor(
        get(MACHINE + "/wait?state=suspended&timeout=1")
            .willReturn(
                status(408)
                    .withBody(
                        "{\"error\": \"deadline_exceeded: machine failed to reach desired state,"
                            + " suspended, currently started\"}")));

    var result =
        Script.run(new WaitMachine(), "--state", "suspended", "--timeout", "0s", "148ed127f22387");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: the Machine is not suspended after 0 s"));
    assertTrue(result.err().contains("currently started"), result.err());
  }

  @Test
  void an_unknown_state_is_a_wrong_command_line() {
    var result = Script.run(new WaitMachine(), "--state", "asleep", "148ed127f22387");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("suspended"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new WaitMachine(), "-n", "--state", "stopped", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("/wait?state=stopped&timeout=60\""), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
