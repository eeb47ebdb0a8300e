import static com.github.tomakehurst.wiremock.client.WireMock.delete;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.cli.JsonText;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Options that say how a result is printed: --json, its fields, and --jq. */
class JsonOptionsTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  @BeforeEach
  void two_machines() {
    fly.stubFor(
        get("/v1/apps/mcp-demo/machines")
            .willReturn(
                okJson(
                    "[{\"id\": \"148ed127f22387\", \"state\": \"started\", \"region\": \"fra\"},"
                        + " {\"id\": \"91857266c77078\", \"state\": \"stopped\"}]")));
  }

  @Test
  void fields_of_a_list_are_those_that_are_named_and_a_missing_one_is_null() {
    var some =
        Script.run(new ListMachines(), "-a", "mcp-demo", "--json=id,region", "--jq", "tojson");

    assertEquals(0, some.exit(), some.err());
    assertEquals(
        "[{\"id\":\"148ed127f22387\",\"region\":\"fra\"},"
            + "{\"id\":\"91857266c77078\",\"region\":null}]\n",
        some.out());
  }

  @Test
  void jq_prints_strings_bare_in_a_pipe_and_on_a_terminal() {
    var piped = Script.run(new ListMachines(), "--jq", ".[].id");
    var terminal = Script.runOnTerminal(new ListMachines(), "--jq", ".[].id");

    assertEquals("148ed127f22387\n91857266c77078\n", piped.out(), piped.err());
    assertEquals(piped.out(), terminal.out(), terminal.err());
  }

  @Test
  void j_is_json_and_takes_no_word_that_follows_for_its_fields() {
    fly.stubFor(
        delete("/v1/apps/mcp-demo/machines/148ed127f22387").willReturn(okJson("{\"ok\": true}")));

    var destroyed = Script.run(new DestroyMachine(), "-j", "148ed127f22387");

    assertEquals(0, destroyed.exit(), destroyed.err());
    assertEquals("{\n  \"ok\" : true\n}\n".replace(" :", ":"), destroyed.out());
  }

  @Test
  void json_with_its_fields_as_gh_takes_them_is_refused_with_the_right_form() {
    var refused = Script.run(new ListMachines(), "--json", "id,state");

    assertEquals(2, refused.exit());
    assertTrue(
        refused.err().contains("fly-list-machines@catalog --json=id,state\n"), refused.err());
  }

  @Test
  void a_wrong_jq_expression_is_refused_before_anything_is_sent() {
    var refused = Script.run(new DestroyMachine(), "91857266c77078", "--jq", ".[");

    assertEquals(2, refused.exit(), refused.err());
    assertTrue(refused.err().contains("--jq .[ is no jq expression"), refused.err());
  }

  @Test
  void ids_and_jq_exclude_each_other() {
    var refused = Script.run(new ListMachines(), "-q", "--jq", ".");

    assertEquals(2, refused.exit());
    assertTrue(refused.err().contains("--quiet and --jq exclude each other"), refused.err());
  }

  @Test
  void a_failure_of_jq_says_that_the_request_is_done() {
    var failed = Script.run(new ListMachines(), "--jq", ".id");

    assertEquals(1, failed.exit());
    assertTrue(failed.err().contains("the request is done"), failed.err());
  }

  @Test
  void names_strings_and_other_values_have_colours() {
    var coloured = JsonText.coloured("{\"a\\\"\": [\"b\", -1.5e3, true]}");

    assertEquals(
        "{ESC[1;34m\"a\\\"\"ESC[0m: [ESC[32m\"b\"ESC[0m, ESC[36m-1.5e3ESC[0m, ESC[36mtrueESC[0m]}",
        coloured.replace("\033", "ESC"));
  }

  @Test
  void a_field_that_no_result_has_is_named_with_those_that_are_there() {
    var wrong = Script.run(new ListMachines(), "--json=id,stat,region");
    var right = Script.run(new ListMachines(), "--json=id,region,");

    assertEquals(0, wrong.exit());
    assertTrue(wrong.err().contains("warning: no stat here; there is id, state, region\n"));
    assertEquals(0, right.exit());
    assertTrue(!right.err().contains("warning"), right.err());
    assertTrue(!right.out().contains("\"\""), right.out());
  }
}
