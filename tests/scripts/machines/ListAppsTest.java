import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ListAppsTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static void apps() {
    fly.stubFor(
        get("/v1/apps?org_slug=personal")
            .willReturn(
                okJson(
                    "{\"total_apps\": 2, \"apps\": [{\"id\": \"a1\", \"name\": \"mcp-demo\","
                        + " \"machine_count\": 1, \"volume_count\": 2, \"status\": \"deployed\"},"
                        + " {\"id\": \"a2\", \"name\": \"b\", \"machine_count\": 0}]}")));
  }

  @Test
  void on_a_terminal_it_prints_a_table() {
    apps();

    var result = Script.runOnTerminal(new ListApps());

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "APP       MACHINES  VOLUMES  STATUS\n"
            + "mcp-demo  1         2        deployed\n"
            + "b         0\n",
        result.out());
    assertTrue(result.err().startsWith("Asking for the apps of personal ..."), result.err());
  }

  @Test
  void quietly_it_prints_names_and_with_json_what_the_API_said() {
    apps();

    assertEquals("mcp-demo\nb\n", Script.run(new ListApps(), "-q").out());
    assertTrue(Script.run(new ListApps(), "--json").out().contains("\"machine_count\": 1"));
  }

  @Test
  void a_refused_token_ends_with_exit_code_4() {
    fly.stubFor(get("/v1/apps?org_slug=acme").willReturn(status(403)));

    var result = Script.run(new ListApps(), "--org", "acme");

    assertEquals(4, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: this token may not do that"), result.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new ListApps(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().endsWith("/v1/apps?org_slug=personal\"\n"), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
