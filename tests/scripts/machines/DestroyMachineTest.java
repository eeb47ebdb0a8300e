import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class DestroyMachineTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String MACHINE = "/v1/apps/mcp-demo/machines/148ed127f22387";

  @Test
  void it_destroys_the_Machine_and_says_that_the_volume_stays() {
    fly.stubFor(delete(MACHINE).willReturn(okJson("{\"ok\": true}")));

    var result = Script.run(new DestroyMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"ok\": true\n}\n", result.out());
    assertTrue(result.err().contains("A volume stays, and costs money"), result.err());
  }

  @Test
  void a_running_one_is_destroyed_only_by_force() {
    fly.stubFor(
        delete(MACHINE)
            .willReturn(
                status(412)
                    .withBody(
                        "{\"error\": \"failed_precondition: unable to destroy machine, not"
                            + " currently stopped, suspended, failed or created\"}")));
    fly.stubFor(get(MACHINE).willReturn(okJson("{\"state\": \"started\"}")));
    fly.stubFor(delete(MACHINE + "?force=true").willReturn(okJson("{\"ok\": true}")));

    var gently = Script.run(new DestroyMachine(), "148ed127f22387");
    var byForce = Script.run(new DestroyMachine(), "-q", "--force", "148ed127f22387");

    assertEquals(1, gently.exit());
    assertTrue(gently.err().contains("error: the Machine is running"), gently.err());
    assertTrue(
        gently.err().contains("try: jbang fly-destroy-machine@catalog 148ed127f22387 --force"));
    assertEquals(0, byForce.exit(), byForce.err());
    assertEquals("148ed127f22387\n", byForce.out());
  }

  @Test
  void one_that_is_gone_already_is_success() {
    fly.stubFor(
        delete(MACHINE).willReturn(status(404).withBody("{\"error\": \"machine not found\"}")));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(okJson("{\"id\": \"a1\"}")));

    var result = Script.run(new DestroyMachine(), "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("There is no such Machine (any more)."), result.err());
  }

  @Test
  void in_an_app_that_is_not_there_nothing_was_destroyed() {
    fly.stubFor(delete(MACHINE).willReturn(status(404).withBody("{\"error\": \"app not found\"}")));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(status(404)));

    var result = Script.run(new DestroyMachine(), "148ed127f22387");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: there is no such app"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new DestroyMachine(), "-n", "--force", "148ed127f22387");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().startsWith("curl -i -X DELETE"), result.out());
    assertTrue(result.out().endsWith(MACHINE + "?force=true\"\n"), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }

  @Test
  void a_name_that_Fly_io_does_not_know_as_an_id_is_no_Machine_that_is_gone() {
    fly.stubFor(
        delete("/v1/apps/mcp-demo/machines/web")
            .willReturn(status(404).withBody("{\"error\": \"machine not found\"}")));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(okJson("{\"id\": \"a1\"}")));

    var result = Script.run(new DestroyMachine(), "web");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: there is no such Machine"), result.err());
    assertTrue(result.err().contains("try: jbang fly-list-machines@catalog"), result.err());
  }
}
