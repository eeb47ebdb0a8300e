import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class StopMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String STOP = "/v1/apps/mcp-demo/machines/148ed127f22387/stop";

  @Test
  void it_stops_the_Machine_its_own_way_without_a_body() {
    fly.stubFor(post(STOP).withRequestBody(absent()).willReturn(okJson("{\"ok\": true}")));

    var result = Script.run(new StopMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"ok\": true\n}\n", result.out());
    assertTrue(
        result
            .err()
            .contains("Next: jbang fly-wait-machine@catalog 148ed127f22387 --state stopped"));
  }

  @Test
  void signal_and_time_are_yours_to_choose() {
    fly.stubFor(
        post(STOP)
            .withRequestBody(equalToJson("{\"signal\": \"SIGTERM\", \"timeout\": \"120s\"}"))
            .willReturn(okJson("{\"ok\": true}")));

    var result =
        Script.run(
            new StopMachine(), "-q", "--signal", "term", "--timeout", "2m", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("148ed127f22387\n", result.out());
  }

  @Test
  void a_signal_that_Fly_io_does_not_take_is_refused() {
    var result = Script.run(new StopMachine(), "--signal", "9", "148ed127f22387");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: a Machine cannot be stopped by 9"), result.err());
    assertTrue(result.err().contains("SIGTERM"), result.err());
  }

  @Test
  void a_time_that_is_none_is_a_wrong_command_line() {
    var result = Script.run(new StopMachine(), "--timeout", "soon", "148ed127f22387");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("'soon' is not like 90s, 10m or 1h30m"), result.err());
  }

  @Test
  void a_lease_that_somebody_holds_is_told() {
    fly.stubFor(
        post(STOP)
            .willReturn(
                status(409)
                    .withBody(
                        "{\"error\": \"aborted: machine ID 148ed127f22387 lease currently held by"
                            + " ada, expires at 2026-08-01T00:00:00Z\"}")));

    var result = Script.run(new StopMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: somebody else is working on this Machine"));
    assertTrue(result.err().contains("expires at 2026-08-01T00:00:00Z (409 from"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new StopMachine(), "-n", "--signal", "INT", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains(STOP + "\" \\\n-d '{\n  \"signal\": \"SIGINT\"\n}'"));
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
