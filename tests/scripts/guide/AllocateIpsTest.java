import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.tomakehurst.wiremock.stubbing.Scenario;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class AllocateIpsTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String NONE =
      "{\"data\": {\"app\": {\"sharedIpAddress\": null, \"ipAddresses\": {\"nodes\": []}}}}";
  private static final String SHARED =
      "{\"data\": {\"allocateIpAddress\": {\"app\": {\"sharedIpAddress\": \"66.241.124.1\"}}}}";
  private static final String V6 =
      "{\"data\": {\"allocateIpAddress\": {\"ipAddress\": {\"id\": \"ip_1\", \"address\":"
          + " \"2a09:8280:1::1\", \"type\": \"v6\"}}}}";

  private static void app(String answer) {
    fly.stubFor(
        post("/graphql")
            .withRequestBody(matchingJsonPath("$.query", containing("app(name: $name)")))
            .withRequestBody(matchingJsonPath("$.variables.name", equalTo("mcp-demo")))
            .willReturn(okJson(answer)));
  }

  private static com.github.tomakehurst.wiremock.client.MappingBuilder mutation(String type) {
    return post("/graphql")
        .withRequestBody(matchingJsonPath("$.variables.input.type", equalTo(type)));
  }

  @Test
  void it_sends_the_guides_two_mutations_and_prints_a_line_for_each_address() {
    app(NONE);
    fly.stubFor(
        post("/graphql")
            .withRequestBody(
                equalToJson(
                    "{\"query\": \"mutation($input: AllocateIPAddressInput!) {"
                        + " allocateIpAddress(input: $input) { app { sharedIpAddress } } }\","
                        + " \"variables\": {\"input\": {\"appId\": \"mcp-demo\","
                        + " \"type\": \"shared_v4\", \"region\": \"\"}}}"))
            .willReturn(okJson(SHARED)));
    fly.stubFor(
        post("/graphql")
            .withRequestBody(
                equalToJson(
                    "{\"query\": \"mutation($input: AllocateIPAddressInput!) {"
                        + " allocateIpAddress(input: $input) { ipAddress {"
                        + " id address type region createdAt } } }\","
                        + " \"variables\": {\"input\": {\"appId\": \"mcp-demo\","
                        + " \"type\": \"v6\", \"region\": \"\"}}}"))
            .willReturn(okJson(V6)));

    var result = Script.run(new AllocateIps());

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "{\"app\":{\"sharedIpAddress\":\"66.241.124.1\"}}\n"
            + "{\"ipAddress\":{\"id\":\"ip_1\",\"address\":\"2a09:8280:1::1\",\"type\":\"v6\"}}\n",
        result.out());
    assertTrue(result.err().contains("Next: jbang fly-create-volume@catalog"), result.err());
  }

  @Test
  void an_address_that_is_there_already_is_success_and_costs_no_request() {
    app(
        "{\"data\": {\"app\": {\"sharedIpAddress\": \"66.241.124.1\", \"ipAddresses\":"
            + " {\"nodes\": [{\"address\": \"2a09:8280:1::1\", \"type\": \"v6\"}]}}}}");

    var result = Script.run(new AllocateIps());

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "{\"app\":{\"sharedIpAddress\":\"66.241.124.1\"}}\n"
            + "{\"ipAddress\":{\"address\":\"2a09:8280:1::1\",\"type\":\"v6\"}}\n",
        result.out());
    assertTrue(result.err().contains("has its shared_v4 address already"), result.err());
  }

  @Test
  void quietly_it_prints_bare_addresses() {
    app(NONE);
    fly.stubFor(mutation("shared_v4").willReturn(okJson(SHARED)));
    fly.stubFor(mutation("v6").willReturn(okJson(V6)));

    var result = Script.run(new AllocateIps(), "-q");

    assertEquals("66.241.124.1\n2a09:8280:1::1\n", result.out());
    assertEquals("", result.err());
  }

  @Test
  void an_address_of_your_own_is_told_to_cost() {
    app(NONE);
    fly.stubFor(
        mutation("v4")
            .willReturn(
                okJson(
                    "{\"data\": {\"allocateIpAddress\": {\"ipAddress\": {\"address\":"
                        + " \"137.66.1.1\"}}}}")));

    var result = Script.run(new AllocateIps(), "--type", "v4");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\"ipAddress\":{\"address\":\"137.66.1.1\"}}\n", result.out());
    assertTrue(result.err().contains("it costs about $2 a month"), result.err());
  }

  @Test
  void after_an_ambiguous_failure_it_looks_and_takes_what_is_there() {
    fly.stubFor(mutation("v6").willReturn(status(504)).inScenario("lost").willSetStateTo("there"));
    fly.stubFor(
        post("/graphql")
            .withRequestBody(matchingJsonPath("$.variables.name"))
            .inScenario("lost")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(okJson(NONE)));
    fly.stubFor(
        post("/graphql")
            .withRequestBody(matchingJsonPath("$.variables.name"))
            .inScenario("lost")
            .whenScenarioStateIs("there")
            .willReturn(
                okJson(
                    "{\"data\": {\"app\": {\"ipAddresses\": {\"nodes\": [{\"address\":"
                        + " \"2a09:8280:1::1\", \"type\": \"v6\"}]}}}}")));

    var result = Script.run(new AllocateIps(), "--type", "v6", "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("2a09:8280:1::1\n", result.out());
    fly.verify(
        1,
        postRequestedFor(urlEqualTo("/graphql"))
            .withRequestBody(matchingJsonPath("$.variables.input")));
  }

  @Test
  void by_REST_it_sends_one_field_and_prints_the_answer() {
    fly.stubFor(
        get("/v1/apps/mcp-demo/ip_assignments")
            .willReturn(okJson("{\"ips\": [{\"ip\": \"66.241.124.1\", \"shared\": true}]}")));
    fly.stubFor(
        post("/v1/apps/mcp-demo/ip_assignments")
            .withRequestBody(equalToJson("{\"type\": \"v6\"}"))
            .willReturn(okJson("{\"ip\": \"2a09:8280:1::1\", \"shared\": false}")));

    var result = Script.run(new AllocateIps(), "--rest");

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "{\"ip\":\"66.241.124.1\",\"shared\":true}\n"
            + "{\"ip\":\"2a09:8280:1::1\",\"shared\":false}\n",
        result.out());
  }

  @Test
  void by_REST_a_private_address_is_no_public_one() {
    fly.stubFor(
        get("/v1/apps/mcp-demo/ip_assignments")
            .willReturn(
                okJson("{\"ips\": [{\"ip\": \"fdaa:0:1::3\"}, {\"ip\": \"137.66.1.1\"}]}")));
    fly.stubFor(
        post("/v1/apps/mcp-demo/ip_assignments").willReturn(okJson("{\"ip\": \"2a09::1\"}")));

    var result = Script.run(new AllocateIps(), "--rest", "-q", "--type", "v6,private_v6,v4");

    assertEquals("2a09::1\nfdaa:0:1::3\n137.66.1.1\n", result.out());
  }

  @Test
  void no_such_app_is_told_with_the_step_that_is_missing() {
    fly.stubFor(
        post("/graphql")
            .willReturn(
                okJson(
                    "{\"data\": {\"app\": null}, \"errors\": [{\"message\": \"Could not find App"
                        + " \\\"mcp-demo\\\"\", \"extensions\": {\"code\": \"NOT_FOUND\"}}]}")));

    var result = Script.run(new AllocateIps());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: there is no such app"), result.err());
    assertTrue(result.err().contains("try: jbang fly-create-app@catalog"), result.err());
  }

  @Test
  void an_unknown_type_is_refused_before_anything_is_sent() {
    var result = Script.run(new AllocateIps(), "--type", "v6,v5");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: there is no address type v5"), result.err());
  }

  @Test
  void a_dry_run_prints_the_mutations_and_looks_at_nothing() {
    var result = Script.run(new AllocateIps(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertEquals(2, result.out().split("curl -i -X POST", -1).length - 1, result.out());
    assertTrue(result.out().contains("mutation($input: AllocateIPAddressInput!)"), result.out());
    assertFalse(result.out().contains("app(name"), result.out());
    assertEquals("", result.err());
  }
}
