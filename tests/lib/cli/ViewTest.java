import static com.github.tomakehurst.wiremock.client.WireMock.delete;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Results on a terminal, and the same results in a pipe. */
class ViewTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  @Test
  void an_object_without_a_view_of_its_own_is_a_field_a_line() {
    fly.stubFor(delete("/v1/apps/mcp-demo/ip_assignments/66.241.124.1").willReturn(okJson("{}")));

    var view = Script.runOnTerminal(new ReleaseIp(), "66.241.124.1");
    var json = Script.runOnTerminal(new ReleaseIp(), "66.241.124.1", "--json");

    assertEquals(0, view.exit(), view.err());
    assertEquals("ip        66.241.124.1\nreleased  yes\n", view.out());
    assertTrue(json.plain().contains("\"released\": true"), json.out());
  }

  @Test
  void a_token_shows_the_names_of_its_organizations() {
    fly.stubFor(
        get("/v1/tokens/current")
            .willReturn(okJson("{\"tokens\": [{\"organization\": \"acme\", \"apps\": []}]}")));
    fly.stubFor(
        post("/graphql")
            .willReturn(
                okJson(
                    "{\"data\": {\"organizations\": {\"nodes\": [{\"slug\": \"acme\"},"
                        + " {\"slug\": \"b\"}]}}}")));

    var view = Script.runOnTerminal(new CheckToken());
    var piped = Script.run(new CheckToken());

    assertEquals(0, view.exit(), view.err());
    assertTrue(view.out().contains("tokens         acme\norganizations  acme, b\n"), view.out());
    assertTrue(piped.out().startsWith("{\n"), piped.out());
  }

  @Test
  void of_many_results_each_is_a_line() {
    for (var id : new String[] {"148ed127f22387", "91857266c77078"}) {
      fly.stubFor(delete("/v1/apps/mcp-demo/machines/" + id).willReturn(okJson("{\"ok\": true}")));
    }
    String[] ids = {"148ed127f22387", "91857266c77078", "--parallel", "1"};

    var view = Script.runOnTerminal(new DestroyMachine(), ids);
    var piped = Script.run(new DestroyMachine(), ids);

    assertEquals(0, view.exit(), view.err());
    assertTrue(view.out().contains("id 148ed127f22387, ok yes\n"), view.out());
    assertTrue(piped.out().contains("{\"id\":\"91857266c77078\",\"ok\":true}\n"), piped.out());
  }
}
