import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class SelectHostnameTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  @Test
  void inside_the_private_network_it_is_the_internal_address() {
    System.clearProperty("FLY_API_HOSTNAME");
    fly.stubFor(get("/v1/apps").willReturn(status(401)));
    var script = new SelectHostname();
    script.internal = fly.baseUrl();

    var result = Script.run(script);

    assertEquals(0, result.exit(), result.err());
    assertEquals(fly.baseUrl() + "\n", result.out());
    assertTrue(result.err().contains("you are inside the private network"), result.err());
  }

  @Test
  void outside_it_is_the_public_address() {
    System.clearProperty("FLY_API_HOSTNAME");
    var script = new SelectHostname();
    script.internal = "http://127.0.0.1:1";

    var result = Script.run(script);

    assertEquals(0, result.exit(), result.err());
    assertEquals("https://api.machines.dev\n", result.out());
    assertTrue(result.err().contains("you are outside the private network"), result.err());
    assertTrue(result.err().contains("Next: export APP_NAME=$(jbang fly-name-app@catalog)"));
  }

  @Test
  void an_address_that_is_set_is_asked_and_kept() {
    fly.stubFor(get("/v1/apps").willReturn(status(404)));

    var result = Script.run(new SelectHostname(), "-q");

    assertEquals(0, result.exit(), result.err());
    assertEquals(fly.baseUrl() + "\n", result.out());
    assertEquals("", result.err());
  }

  @Test
  void an_address_that_is_set_and_does_not_answer_is_an_error() {
    System.setProperty("FLY_API_HOSTNAME", "http://127.0.0.1:1");

    var result = Script.run(new SelectHostname());

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: could not reach http://127.0.0.1:1"), result.err());
    assertTrue(result.err().contains("try: unset FLY_API_HOSTNAME"), result.err());
  }

  @Test
  void an_address_where_the_token_would_travel_in_the_clear_is_refused() {
    System.setProperty("FLY_API_HOSTNAME", "http://api.machines.dev");

    var result = Script.run(new SelectHostname());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("must not travel in the clear to api.machines.dev"));
    assertFalse(result.err().contains(FakeFly.TOKEN));
  }
}
