import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class RestartMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String MACHINE = "/v1/apps/mcp-demo/machines/148ed127f22387";

  @Test
  void signal_and_timeout_go_into_the_query() {
    fly.stubFor(
        post(MACHINE + "/restart?signal=SIGTERM&timeout=10s").willReturn(okJson("{\"ok\": true}")));

    var result =
        Script.run(new RestartMachine(), "148ed127f22387", "--signal", "term", "--timeout", "10s");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"ok\": true\n}\n", result.out());
  }

  @Test
  void a_Machine_that_is_being_replaced_is_asked_again() {
    fly.stubFor(
        post(MACHINE + "/restart")
            .inScenario("replaced")
            .willReturn(
                status(412)
                    .withBody("{\"error\": \"failed_precondition: machine getting replaced\"}"))
            .willSetStateTo("ready"));
    fly.stubFor(
        get(MACHINE).willReturn(okJson("{\"id\": \"148ed127f22387\", \"state\": \"replacing\"}")));
    fly.stubFor(
        post(MACHINE + "/restart")
            .inScenario("replaced")
            .whenScenarioStateIs("ready")
            .willReturn(okJson("{\"ok\": true}")));

    var result = Script.run(new RestartMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("It is replacing; waiting ..."), result.err());
  }

  @Test
  void a_stopped_Machine_is_not_restarted() {
    fly.stubFor(
        post(MACHINE + "/restart")
            .willReturn(
                status(412)
                    .withBody(
                        "{\"error\": \"failed_precondition: unable to restart machine from current"
                            + " state: 'stopped'\"}")));
    fly.stubFor(
        get(MACHINE).willReturn(okJson("{\"id\": \"148ed127f22387\", \"state\": \"stopped\"}")));

    var result = Script.run(new RestartMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("state: 'stopped'"), result.err());
    fly.verify(1, postRequestedFor(urlEqualTo(MACHINE + "/restart")));
  }
}
