import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SelectOrgTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String ORGANIZATIONS =
      "{\"data\": {\"organizations\": {\"nodes\": [{\"slug\": \"personal\", \"name\": \"Ada\"},"
          + " {\"slug\": \"acme\", \"name\": \"Acme Inc.\"}]}}}";

  @Test
  void it_lists_what_the_token_can_see_and_prints_the_personal_one() {
    fly.stubFor(
        post("/graphql")
            .withRequestBody(matchingJsonPath("$.query", containing("organizations")))
            .willReturn(okJson(ORGANIZATIONS)));
    System.clearProperty("ORG");

    var result = Script.run(new SelectOrg());

    assertEquals(0, result.exit(), result.err());
    assertEquals("personal\n", result.out());
    assertTrue(result.err().contains("  acme (Acme Inc.)"), result.err());
  }

  @Test
  void it_prints_the_one_that_is_asked_for() {
    fly.stubFor(post("/graphql").willReturn(okJson(ORGANIZATIONS)));

    var result = Script.run(new SelectOrg(), "--org", "acme", "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals("acme\n", result.out());
    assertEquals("", result.err());
  }

  @Test
  void one_that_the_token_cannot_see_is_told_with_those_that_it_can() {
    fly.stubFor(post("/graphql").willReturn(okJson(ORGANIZATIONS)));

    var result = Script.run(new SelectOrg(), "--org", "other");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: the token cannot see the organization other"));
    assertTrue(result.err().contains("why: it can see personal, acme"), result.err());
  }

  @Test
  void a_token_that_may_not_list_organizations_is_asked_for_its_own() {
    fly.stubFor(
        post("/graphql")
            .willReturn(
                okJson(
                    "{\"data\": null, \"errors\": [{\"message\": \"Not authorized\","
                        + " \"extensions\": {\"code\": \"UNAUTHORIZED\"}}]}")));
    fly.stubFor(
        get("/v1/tokens/current")
            .willReturn(
                okJson("{\"tokens\": [{\"org_slug\": \"acme\", \"organization\": \"Acme\"}]}")));

    var result = Script.run(new SelectOrg());

    assertEquals(0, result.exit(), result.err());
    assertEquals("acme\n", result.out());
    assertTrue(result.err().contains("belongs to acme, not to your personal"), result.err());
  }

  @Test
  void a_refused_token_ends_with_exit_code_4() {
    fly.stubFor(post("/graphql").willReturn(status(401)));
    fly.stubFor(get("/v1/tokens/current").willReturn(status(401)));

    var result = Script.run(new SelectOrg());

    assertEquals(4, result.exit());
    assertEquals("", result.out());
    assertFalse(result.err().contains(FakeFly.TOKEN), result.err());
  }

  @Test
  void a_dry_run_prints_the_query_as_curl() {
    var result = Script.run(new SelectOrg(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().startsWith("curl -i -X POST"), result.out());
    assertTrue(result.out().contains("/graphql\""), result.out());
    assertEquals("", result.err());
  }
}
