import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.equalToJson;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.getRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** fly-api follows the rules of gh api. */
class ApiTest {
  @RegisterExtension static final FakeFly fly = new FakeFly();

  @TempDir Path folder;

  private static Script.Result api(String... args) {
    return Script.run(new Api(), args);
  }

  @Test
  void an_operation_is_found_by_its_id_and_its_path_filled() {
    fly.stubFor(get("/v1/apps/demo/machines").willReturn(okJson("[{\"id\":\"m1\"}]")));

    var result = api("Machines_list", "--app", "demo", "--jq", ".[].id");

    assertEquals("m1\n", result.out(), result.err());
    assertEquals(0, result.exit());
  }

  @Test
  void a_page_that_is_not_JSON_is_no_end_of_the_list() {
    fly.stubFor(
        get("/v1/orgs/personal/machines")
            .willReturn(okJson("{\"machines\":[{\"id\":\"1\"}],\"next_cursor\":\"c\"}")));
    fly.stubFor(
        get("/v1/orgs/personal/machines?cursor=c").willReturn(ok("<html>a login page</html>")));

    var second = api("/v1/orgs/personal/machines", "--paginate");
    var first = api("/v1/orgs/personal/machines?cursor=c", "--paginate");

    for (var result : List.of(second, first)) {
      assertEquals(1, result.exit());
      assertEquals("", result.out());
      assertTrue(result.err().contains("error: a page of the list is not JSON"), result.err());
      assertTrue(result.err().contains("why: <html>a login page</html> (200"), result.err());
    }
  }

  @Test
  void a_path_may_come_with_or_without_its_version() {
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(okJson("{\"id\":\"a1\"}")));

    assertTrue(api("/v1/apps/{app}").out().contains("\"id\": \"a1\""));
    assertTrue(api("/apps/{app}").out().contains("\"id\": \"a1\""));
    assertTrue(api("apps/{app}").out().contains("\"id\": \"a1\""));
  }

  @Test
  void fields_make_it_a_POST_with_typed_nested_and_listed_values() {
    fly.stubFor(post("/v1/apps/mcp-demo/machines").willReturn(okJson("{}")));

    var result =
        api(
            "/v1/apps/{app}/machines",
            "-f",
            "name=7",
            "-F",
            "config[auto_destroy]=true",
            "-F",
            "config[guest][cpus]=2",
            "-F",
            "tags[]=a",
            "-F",
            "tags[]=null",
            "-F",
            "none[]");

    assertEquals(0, result.exit(), result.err());
    fly.verify(
        postRequestedFor(urlEqualTo("/v1/apps/mcp-demo/machines"))
            .withRequestBody(
                equalToJson(
                    "{\"name\":\"7\",\"config\":{\"auto_destroy\":true,\"guest\":{\"cpus\":2}},"
                        + "\"tags\":[\"a\",null],\"none\":[]}")));
  }

  @Test
  void a_field_given_twice_is_refused() {
    var result = api("/v1/apps", "-f", "name=a", "-F", "name=b");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("name has a value already"), result.err());
  }

  @Test
  void fields_of_a_GET_go_into_the_query_and_those_of_the_path_into_the_path() {
    fly.stubFor(get(urlPathEqualTo("/v1/apps/mcp-demo/machines/m1/wait")).willReturn(okJson("{}")));

    api("Machines_wait", "-f", "machine_id=m1", "-f", "state=a b", "-F", "timeout=5");

    fly.verify(
        getRequestedFor(urlPathEqualTo("/v1/apps/mcp-demo/machines/m1/wait"))
            .withQueryParam("state", equalTo("a b"))
            .withQueryParam("timeout", equalTo("5")));
  }

  @Test
  void a_body_comes_from_a_file_and_is_changed_by_set() throws Exception {
    fly.stubFor(post(urlPathEqualTo("/v1/apps")).willReturn(okJson("{}")));
    var file = Files.writeString(folder.resolve("app.json"), "{\"app_name\":\"a\",\"n\":1}");

    api("Apps_create", "--input", file.toString(), "--set", "n=2", "-f", "dry=yes");

    fly.verify(
        postRequestedFor(urlEqualTo("/v1/apps?dry=yes"))
            .withRequestBody(equalToJson("{\"app_name\":\"a\",\"n\":2}")));
  }

  @Test
  void of_a_refusal_the_body_is_on_stdout_and_the_message_on_stderr() {
    fly.stubFor(
        get("/v1/apps/gone").willReturn(status(404).withBody("{\"error\":\"app not found\"}")));
    fly.stubFor(get("/v1/apps/shut").willReturn(status(401).withBody("no")));

    var gone = api("/v1/apps/gone", "--jq", ".id");
    var shut = api("/v1/apps/shut");

    assertEquals("{\n  \"error\": \"app not found\"\n}\n", gone.out());
    assertTrue(gone.err().startsWith("error: there is no such app"), gone.err());
    assertEquals(1, gone.exit());
    assertEquals("no\n", shut.out());
    assertEquals(4, shut.exit());
  }

  @Test
  void pages_are_joined() {
    fly.stubFor(
        get("/v1/orgs/personal/machines?limit=1")
            .willReturn(okJson("{\"machines\":[{\"id\":1}],\"next_cursor\":\"c2\"}")));
    fly.stubFor(
        get("/v1/orgs/personal/machines?limit=1&cursor=c2")
            .willReturn(okJson("{\"machines\":[{\"id\":2}]}")));

    var result =
        api("Machines_org_list", "-F", "limit=1", "--paginate", "--jq", "[.machines[].id]|add");

    assertEquals("3\n", result.out(), result.err());
    assertEquals(2, api("Apps_create", "-f", "a=b", "--paginate").exit());
  }

  @Test
  void GraphQL_takes_fields_as_variables_and_reports_its_errors() {
    fly.stubFor(
        post("/graphql").willReturn(okJson("{\"errors\":[{\"message\":\"No such field\"}]}")));

    var result = api("--graphql", "query($n: Int) { x }", "-F", "n=1");

    assertEquals(1, result.exit());
    assertTrue(result.out().contains("\"errors\""), result.out());
    assertTrue(result.err().contains("No such field"), result.err());
    fly.verify(
        postRequestedFor(urlEqualTo("/graphql"))
            .withRequestBody(
                equalToJson("{\"query\":\"query($n: Int) { x }\",\"variables\":{\"n\":1}}")));
  }

  @Test
  void include_shows_status_and_headers_and_an_empty_answer_prints_nothing() {
    fly.stubFor(get("/v1/a").willReturn(okJson("{}").withHeader("x-one", "1")));
    fly.stubFor(get("/v1/b").willReturn(status(204)));

    var included = api("/v1/a", "-i").out();

    assertTrue(included.startsWith("HTTP/1.1 200"), included);
    assertTrue(included.toLowerCase().contains("\nx-one: 1\n"), included);
    assertTrue(included.endsWith("\n\n{}\n"), included);
    assertEquals("", api("/v1/b").out());
  }

  @Test
  void a_header_of_two_lines_or_without_a_name_or_not_in_Latin_1_is_a_wrong_command_line() {
    for (var wrong : List.of("x: y\nz: w", ": y", "x", "x: \u20ac")) {
      var result = api("/v1/a", "-H", wrong);

      assertEquals(2, result.exit(), wrong);
      assertTrue(result.err().contains("error: no header: "), result.err());
    }
  }

  @Test
  void dry_run_prints_curl_and_sends_nothing() {
    var result = api("Machines_stop", "-n", "-f", "machine_id=m1", "-f", "signal=SIGINT");

    assertTrue(result.out().startsWith("curl -i -X POST"), result.out());
    assertTrue(result.out().contains("/v1/apps/mcp-demo/machines/m1/stop\""), result.out());
    assertTrue(result.out().contains("\"signal\": \"SIGINT\""), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
    fly.verify(0, getRequestedFor(urlPathEqualTo("/v1/apps/mcp-demo/machines/m1/stop")));
  }

  @Test
  void ops_lists_the_operations_and_the_parameters_of_those_that_match() {
    var all = api("--ops").out();
    var some = api("--ops", "Machines_wait").out();

    assertEquals(76, all.lines().count());
    assertTrue(
        all.contains("Machines_list                  GET    /v1/apps/{app_name}/machines\n"));
    assertTrue(some.contains("    query: [version, instance_id, from_event_id, timeout, state]\n"));
  }

  @Test
  void mistakes_are_told_before_anything_is_sent() {
    assertTrue(
        api("Machines_lst").err().contains("error: Machines_lst is no path and no operation"));
    assertTrue(api("/v1/apps", "--jq", ".[").err().contains("is no jq expression"));
    assertTrue(api("Machines_get_metadata_key", "-f", "machine_id=m1").err().contains("needs key"));
    assertEquals(2, api().exit());
    assertEquals(2, api("/v1/apps", "-f", "novalue").exit());
    assertEquals(0, fly.getAllServeEvents().size());
  }

  @Test
  void a_URL_is_no_path_and_a_search_without_a_result_says_so() {
    var url = api("https://example.com/v1/apps");
    var none = api("--ops", "nix");

    assertEquals(2, url.exit());
    assertTrue(url.err().contains("is a URL, and not a path"), url.err());
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("error: nix is no path and no operation"), none.err());
    assertEquals(0, fly.getAllServeEvents().size());
  }
}
