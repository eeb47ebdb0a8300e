import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.tomakehurst.wiremock.stubbing.Scenario;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class StartMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String MACHINE = "/v1/apps/mcp-demo/machines/148ed127f22387";

  @Test
  void it_starts_the_Machine_and_prints_the_answer() {
    fly.stubFor(post(MACHINE + "/start").willReturn(okJson("{\"previous_state\": \"stopped\"}")));

    var result = Script.run(new StartMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"previous_state\": \"stopped\"\n}\n", result.out());
    assertTrue(
        result
            .err()
            .contains("Next: jbang fly-wait-machine@catalog 148ed127f22387 --state started"));
  }

  @Test
  void a_Machine_that_is_still_being_created_is_waited_for() {
    fly.stubFor(
        post(MACHINE + "/start")
            .inScenario("early")
            .willReturn(
                status(412)
                    .withBody(
                        "{\"error\": \"failed_precondition: unable to start machine from current"
                            + " state: 'created'\"}"))
            .willSetStateTo("ready"));
    fly.stubFor(
        get(MACHINE).willReturn(okJson("{\"id\": \"148ed127f22387\", \"state\": \"created\"}")));
    fly.stubFor(
        post(MACHINE + "/start")
            .inScenario("early")
            .whenScenarioStateIs("ready")
            .willReturn(okJson("{\"previous_state\": \"created\"}")));
    System.setProperty("MACHINE_ID", "148ed127f22387");

    var result = Script.run(new StartMachine());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("It is created; waiting ..."), result.err());
    fly.verify(2, postRequestedFor(urlEqualTo(MACHINE + "/start")));
  }

  @Test
  void a_Machine_that_is_started_already_is_success() {
    fly.stubFor(post(MACHINE + "/start").willReturn(status(409)));
    fly.stubFor(
        get(MACHINE).willReturn(okJson("{\"id\": \"148ed127f22387\", \"state\": \"started\"}")));

    var result = Script.run(new StartMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("It is started already."), result.err());
  }

  @Test
  void a_Machine_that_will_not_change_by_itself_is_not_waited_for() {
    fly.stubFor(
        post(MACHINE + "/start")
            .willReturn(
                status(409)
                    .withBody(
                        "{\"error\": \"aborted: could not reserve resource for machine:"
                            + " insufficient memory available to fulfill request\"}")));
    fly.stubFor(
        get(MACHINE).willReturn(okJson("{\"id\": \"148ed127f22387\", \"state\": \"stopped\"}")));

    var result = Script.run(new StartMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: the host has no room for this"), result.err());
    fly.verify(1, postRequestedFor(urlEqualTo(MACHINE + "/start")));
  }

  @Test
  void a_503_is_asked_again_because_starting_twice_is_starting_once() {
    fly.stubFor(
        post(MACHINE + "/start")
            .inScenario("trouble")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(status(503).withHeader("Retry-After", "0"))
            .willSetStateTo("over"));
    fly.stubFor(
        post(MACHINE + "/start")
            .inScenario("trouble")
            .whenScenarioStateIs("over")
            .willReturn(okJson("{}")));

    var result = Script.run(new StartMachine(), "-q", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("148ed127f22387\n", result.out());
    assertEquals("", result.err());
  }

  @Test
  void no_such_Machine_is_told_with_the_way_to_find_one() {
    fly.stubFor(
        post(MACHINE + "/start")
            .willReturn(status(404).withBody("{\"error\": \"machine not found\"}")));

    var result = Script.run(new StartMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: there is no such Machine"), result.err());
    assertTrue(result.err().contains("try: jbang fly-list-machines@catalog"), result.err());
  }

  @Test
  void no_Machine_at_all_is_a_missing_setting() {
    var result = Script.run(new StartMachine());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: MACHINE_ID is not set"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new StartMachine(), "-n", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().startsWith("curl -i -X POST \\\n"), result.out());
    assertTrue(result.out().endsWith(MACHINE + "/start\"\n"), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
    assertEquals("", result.err());
  }
}
