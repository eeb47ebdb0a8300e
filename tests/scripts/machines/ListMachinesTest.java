import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ListMachinesTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static void machines() {
    fly.stubFor(
        get("/v1/apps/mcp-demo/machines")
            .willReturn(
                okJson(
                    "[{\"id\": \"148ed127f22387\", \"name\": \"red-fog-1\", \"state\": \"started\","
                        + " \"region\": \"iad\", \"config\": {\"image\": \"flyio/mcp:latest\"}},"
                        + " {\"id\": \"91857266c77078\", \"name\": \"x\", \"state\": \"stopped\","
                        + " \"region\": \"fra\", \"config\": null}]")));
  }

  @Test
  void on_a_terminal_it_prints_a_table() {
    machines();

    var result = Script.runOnTerminal(new ListMachines());

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "MACHINE         NAME       STATE    REGION  IMAGE\n"
            + "148ed127f22387  red-fog-1  started  iad     flyio/mcp:latest\n"
            + "91857266c77078  x          stopped  fra\n",
        result.out());
  }

  @Test
  void quietly_it_prints_ids_and_with_json_what_the_API_said() {
    machines();

    assertEquals("148ed127f22387\n91857266c77078\n", Script.run(new ListMachines(), "-q").out());
    assertTrue(Script.run(new ListMachines(), "--json").out().contains("\"name\": \"red-fog-1\""));
  }

  @Test
  void a_pipe_gets_the_same_JSON_as_with_the_option() {
    machines();

    var piped = Script.run(new ListMachines());
    var asked = Script.runOnTerminal(new ListMachines(), "--json");

    assertEquals(0, piped.exit(), piped.err());
    assertTrue(piped.out().contains("\"name\": \"red-fog-1\""), piped.out());
    assertEquals(piped.out(), asked.plain());
  }

  @Test
  void an_empty_list_says_what_to_do_and_in_JSON_it_is_just_empty() {
    fly.stubFor(get("/v1/apps/mcp-demo/machines").willReturn(okJson("[]")));

    var table = Script.run(new ListMachines());
    var json = Script.run(new ListMachines(), "--json");
    var view = Script.runOnTerminal(new ListMachines());

    assertEquals("", view.out());
    assertEquals(0, table.exit(), table.err());
    assertTrue(
        table.err().endsWith("No Machine yet: jbang fly-create-machine@catalog\n"), table.err());
    assertEquals("[]", json.out().replaceAll("\\s", ""));
  }

  @Test
  void no_such_app_is_told() {
    fly.stubFor(
        get("/v1/apps/none/machines")
            .willReturn(status(404).withBody("{\"error\": \"app not found\"}")));

    var result = Script.run(new ListMachines(), "--app", "none");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: there is no such app"), result.err());
  }

  @Test
  void no_app_at_all_is_a_missing_setting() {
    System.clearProperty("APP_NAME");

    var result = Script.run(new ListMachines());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: APP_NAME is not set"), result.err());
    assertTrue(result.err().contains("try: export APP_NAME=$(jbang fly-name-app@catalog)"));
  }

  @Test
  void without_a_token_nothing_is_announced() {
    System.clearProperty("FLY_API_TOKEN");

    var list = Script.run(new ListMachines());
    var create = Script.run(new CreateApp());

    assertTrue(list.err().startsWith("error: FLY_API_TOKEN is not set"), list.err());
    assertTrue(create.err().startsWith("error: FLY_API_TOKEN is not set"), create.err());
  }

  @Test
  void a_dry_run_prints_curl() {
    var result = Script.run(new ListMachines(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().endsWith("/v1/apps/mcp-demo/machines\"\n"), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
  }
}
