import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.tomakehurst.wiremock.stubbing.Scenario;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CreateAppTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  @Test
  void it_sends_the_guides_body_and_prints_the_answer() {
    fly.stubFor(
        post("/v1/apps")
            .withHeader("Authorization", equalTo("Bearer " + FakeFly.TOKEN))
            .withRequestBody(
                equalToJson("{\"app_name\": \"mcp-demo\", \"org_slug\": \"personal\"}"))
            .willReturn(status(201).withBody("{\"id\": \"a1\", \"created_at\": 1}")));

    var result = Script.run(new CreateApp());

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"id\": \"a1\",\n  \"created_at\": 1\n}\n", result.out());
    assertTrue(result.err().contains("Next: jbang fly-allocate-ips@catalog"), result.err());
  }

  @Test
  void a_taken_name_is_told_with_the_way_out() {
    fly.stubFor(
        post("/v1/apps")
            .willReturn(
                status(422)
                    .withHeader("fly-request-id", "01J-iad")
                    .withBody(
                        "{\"error\": \"Validation failed: Name has already been taken\","
                            + " \"status\": \"name_taken\"}")));
    fly.stubFor(
        get("/v1/apps/mcp-demo")
            .willReturn(status(404).withBody("{\"error\": \"app not found\"}")));

    var result = Script.run(new CreateApp());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: the app name is taken"), result.err());
    assertTrue(result.err().contains("422 from POST http://localhost"), result.err());
    assertTrue(result.err().contains("request id 01J-iad"), result.err());
    assertTrue(
        result.err().contains("try: export APP_NAME=$(jbang fly-name-app@catalog)"), result.err());
  }

  @Test
  void an_app_that_is_there_already_and_yours_is_success() {
    fly.stubFor(post("/v1/apps").willReturn(status(422).withBody("{\"status\": \"name_taken\"}")));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(okJson("{\"id\": \"a1\"}")));

    var result = Script.run(new CreateApp(), "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("a1\n", result.out());
  }

  @Test
  void an_organization_that_is_not_there_is_named_with_the_command_that_lists_them() {
    fly.stubFor(
        post("/v1/apps")
            .willReturn(status(404).withBody("{\"error\": \"organization not found\"}")));

    var result = Script.run(new CreateApp(), "--org", "nope");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: there is no such organization"), result.err());
    assertTrue(result.err().contains("$(jbang fly-select-org@catalog)"), result.err());
  }

  @Test
  void after_an_ambiguous_failure_it_looks_before_it_sends_again() {
    fly.stubFor(post("/v1/apps").willReturn(status(504)));
    fly.stubFor(get("/v1/apps/mcp-demo").willReturn(okJson("{\"id\": \"a1\"}")));

    var result = Script.run(new CreateApp());

    assertEquals(0, result.exit(), result.err());
    fly.verify(1, postRequestedFor(urlEqualTo("/v1/apps")));
  }

  @Test
  void a_429_waits_as_long_as_it_says_and_repeats() {
    fly.stubFor(
        post("/v1/apps")
            .inScenario("limit")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(status(429).withHeader("Retry-After", "0"))
            .willSetStateTo("again"));
    fly.stubFor(
        post("/v1/apps")
            .inScenario("limit")
            .whenScenarioStateIs("again")
            .willReturn(okJson("{\"id\": \"a1\"}")));

    var result = Script.run(new CreateApp());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("limits the rate of requests; waiting 0.0 s"), result.err());
  }

  @Test
  void a_dry_run_prints_curl_and_needs_no_token() {
    System.clearProperty("FLY_API_TOKEN");

    var result = Script.run(new CreateApp(), "-n", "--app", "other");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("Authorization: Bearer ${FLY_API_TOKEN}"), result.out());
    assertTrue(result.out().contains("\"app_name\": \"other\""), result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN));
    assertEquals("", result.err());
  }
}
