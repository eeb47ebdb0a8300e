import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SuspendMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String SUSPEND = "/v1/apps/mcp-demo/machines/148ed127f22387/suspend";

  @Test
  void it_suspends_the_Machine_and_prints_the_answer() {
    fly.stubFor(post(SUSPEND).willReturn(okJson("{\"ok\": true}")));

    var result = Script.run(new SuspendMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"ok\": true\n}\n", result.out());
    assertTrue(
        result
            .err()
            .contains("Next: jbang fly-wait-machine@catalog 148ed127f22387 --state suspended"));
  }

  @Test
  void a_Machine_that_cannot_be_suspended_is_told_with_Fly_ios_words() {
    fly.stubFor(
        post(SUSPEND)
            .willReturn(
                status(412).withBody("{\"error\": \"failed_precondition: machine is stopped\"}")));
    fly.stubFor(
        get(SUSPEND.replace("/suspend", "")).willReturn(okJson("{\"state\": \"stopped\"}")));

    var result = Script.run(new SuspendMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("machine is stopped (412 from POST"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new SuspendMachine(), "-n", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().endsWith(SUSPEND + "\"\n"), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
