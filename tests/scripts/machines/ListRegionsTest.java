import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** fly-list-regions and fly-list-sizes. */
class ListRegionsTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static void regions() {
    fly.stubFor(
        get("/v1/platform/regions")
            .willReturn(
                okJson(
                    "{\"nearest\": \"fra\", \"regions\": [{\"code\": \"iad\", \"name\":"
                        + " \"Ashburn\", \"gateway_available\": true, \"requires_paid_plan\":"
                        + " false}]}")));
  }

  @Test
  void regions_are_a_table_on_a_terminal_and_codes_with_q() {
    regions();

    var table = Script.runOnTerminal(new ListRegions());
    var codes = Script.run(new ListRegions(), "-q");

    assertEquals(0, table.exit(), table.err());
    assertEquals(
        "REGION  PLACE    GATEWAY  PAID PLAN\niad     Ashburn  yes      no\n", table.out());
    assertTrue(table.err().contains("The nearest is fra."), table.err());
    assertEquals("iad\n", codes.out());
  }

  @Test
  void sizes_are_those_that_the_sandbox_takes() throws Exception {
    var table = Script.runOnTerminal(new ListSizes());
    var names = Script.run(new ListSizes(), "-q");
    var json = Fly.JSON.readTree(Script.run(new ListSizes()).out());

    assertEquals(0, table.exit(), table.err());
    assertTrue(table.out().contains("shared-cpu-1x    1     256"), table.out());
    assertTrue(names.out().endsWith("performance-16x\n"), names.out());
    assertEquals(14, json.size());
    assertEquals(2048, json.get(0).path("most_memory_mb").asInt());
  }
}
