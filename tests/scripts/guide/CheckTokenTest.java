import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CheckTokenTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  @Test
  void it_tells_what_the_token_is_and_may_see_and_never_the_token() {
    fly.stubFor(
        get("/v1/tokens/current")
            .withHeader("Authorization", equalTo("Bearer " + FakeFly.TOKEN))
            .willReturn(okJson("{\"tokens\": [{\"org_slug\": \"personal\"}]}")));
    fly.stubFor(
        post("/graphql")
            .willReturn(
                okJson("{\"data\": {\"organizations\": {\"nodes\": [{\"slug\": \"acme\"}]}}}")));

    var result = Script.run(new CheckToken(), "-v");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("\"scheme\": \"Bearer\""), result.out());
    assertTrue(result.out().contains("\"shape\": \"opaque\""), result.out());
    assertTrue(result.out().contains("\"org_slug\": \"personal\""), result.out());
    assertTrue(result.out().contains("\"slug\": \"acme\""), result.out());
    assertTrue(result.err().contains("Next: jbang fly-select-hostname@catalog"), result.err());
    assertFalse((result.out() + result.err()).contains(FakeFly.TOKEN));
  }

  @Test
  void a_macaroon_goes_out_as_FlyV1_whatever_word_was_pasted_before_it() {
    System.setProperty("FLY_API_TOKEN", "Bearer FlyV1 " + FakeFly.MACAROON);
    fly.stubFor(
        get("/v1/tokens/current")
            .withHeader("Authorization", equalTo("FlyV1 " + FakeFly.MACAROON))
            .willReturn(okJson("{\"tokens\": []}")));
    fly.stubFor(post("/graphql").willReturn(status(403)));

    var result = Script.run(new CheckToken());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("\"shape\": \"macaroon\""), result.out());
    assertTrue(result.err().contains("whole: 1 macaroon, sent as"), result.err());
    assertTrue(result.out().contains("\"organizations\": []"), result.out());
    assertTrue(result.err().contains("It may not list organizations"), result.err());
    assertFalse((result.out() + result.err()).contains(FakeFly.MACAROON));
  }

  @Test
  void a_refused_token_ends_with_exit_code_4() {
    fly.stubFor(
        get("/v1/tokens/current")
            .willReturn(
                status(401).withBody("{\"error\": \"Authenticate: token validation error\"}")));

    var result = Script.run(new CheckToken());

    assertEquals(4, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: Fly.io did not accept the token"), result.err());
    assertTrue(result.err().contains("Authenticate: token validation error (401 from GET"));
    assertTrue(
        result
            .err()
            .endsWith(
                "  try: export FLY_API_TOKEN=... with a new token: https://fly.io/dashboard,"
                    + " Tokens\n"),
        result.err());
  }

  @Test
  void offline_it_still_tells_the_shape() {
    System.setProperty("FLY_API_HOSTNAME", "http://127.0.0.1:1");

    var result = Script.run(new CheckToken());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("FLY_API_TOKEN is whole: opaque"), result.err());
    assertTrue(result.err().contains("error: could not reach http://127.0.0.1:1"), result.err());
  }

  @Test
  void no_token_is_told_before_any_request() {
    System.clearProperty("FLY_API_TOKEN");

    var result = Script.run(new CheckToken());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: FLY_API_TOKEN is not set"), result.err());
    assertTrue(result.err().contains("export FLY_API_TOKEN=\"FlyV1 fm2_...\""), result.err());
  }

  @Test
  void half_a_token_is_told_before_any_request() {
    System.setProperty("FLY_API_TOKEN", "FlyV1 " + FakeFly.MACAROON + ",");

    var result = Script.run(new CheckToken());

    assertEquals(4, result.exit());
    assertTrue(result.err().contains("error: FLY_API_TOKEN is not a whole token"), result.err());
    assertFalse(result.err().contains(FakeFly.MACAROON), result.err());
  }

  @Test
  void a_dry_run_needs_no_token() {
    System.clearProperty("FLY_API_TOKEN");

    var result = Script.run(new CheckToken(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("/v1/tokens/current\""), result.out());
    assertTrue(result.out().contains("Bearer ${FLY_API_TOKEN}"), result.out());
  }
}
