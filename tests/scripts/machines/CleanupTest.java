import static com.github.tomakehurst.wiremock.client.WireMock.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CleanupTest {
  @RegisterExtension static FakeFly fly = new FakeFly();

  private static final String APP = "/v1/apps/mcp-demo";
  private static final String MACHINE = APP + "/machines/148ed127f22387";

  private static void app() {
    fly.stubFor(get(APP).willReturn(okJson("{\"id\": \"a1\", \"name\": \"mcp-demo\"}")));
    fly.stubFor(
        get(APP + "/machines")
            .willReturn(okJson("[{\"id\": \"148ed127f22387\", \"state\": \"started\"}]")));
    fly.stubFor(
        get(APP + "/volumes")
            .willReturn(okJson("[{\"id\": \"vol_1\", \"name\": \"data\", \"size_gb\": 1}]")));
    fly.stubFor(
        get(APP + "/ip_assignments").willReturn(okJson("{\"ips\": [{\"ip\": \"66.241.1.1\"}]}")));
    fly.stubFor(
        get(MACHINE + "/wait?state=destroyed&timeout=60").willReturn(okJson("{\"ok\": true}")));
  }

  @Test
  void without_confirmation_it_lists_what_would_go() {
    app();

    var result = Script.run(new Cleanup());

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(
        result
            .err()
            .contains(
                """
                This would be destroyed:
                  Machine 148ed127f22387 (started)
                  volume vol_1 (data, 1 GB, with all its data)
                  IP address 66.241.1.1
                  app mcp-demo
                """),
        result.err());
    assertTrue(result.err().contains("try: jbang fly-cleanup@catalog --confirm mcp-demo"));
    fly.verify(0, deleteRequestedFor(anyUrl()));
  }

  @Test
  void a_volume_that_is_still_filled_would_go_too_and_one_that_goes_already_is_not_listed() {
    app();
    fly.stubFor(
        get(APP + "/volumes")
            .willReturn(
                okJson(
                    """
                    [{"id": "vol_1", "name": "fork", "size_gb": 1, "state": "hydrating"},
                     {"id": "vol_2", "name": "old", "size_gb": 1, "state": "pending_destroy"}]
                    """)));

    var result = Script.run(new Cleanup());

    assertTrue(result.err().contains("volume vol_1 (fork"), result.err());
    assertFalse(result.err().contains("vol_2"), result.err());
  }

  @Test
  void another_name_is_no_confirmation() {
    app();

    var result = Script.run(new Cleanup(), "--confirm", "mcp-demo2");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("--confirm says mcp-demo2, and the app is mcp-demo"));
    fly.verify(0, deleteRequestedFor(anyUrl()));
  }

  @Test
  void confirmed_it_destroys_Machines_then_volumes_then_the_app() {
    app();
    fly.stubFor(delete(MACHINE + "?force=true").willReturn(okJson("{\"ok\": true}")));
    fly.stubFor(delete(APP + "/volumes/vol_1").willReturn(okJson("{\"id\": \"vol_1\"}")));
    fly.stubFor(delete(APP).willReturn(status(202)));

    var result = Script.run(new Cleanup(), "--confirm", "mcp-demo");

    assertEquals(0, result.exit(), result.err());
    assertEquals("{\n  \"id\": \"a1\",\n  \"name\": \"mcp-demo\"\n}\n", result.out());
    var order =
        fly.getAllServeEvents().stream()
            .map(event -> event.getRequest())
            .filter(request -> request.getMethod().value().equals("DELETE"))
            .map(request -> request.getUrl())
            .toList();
    assertEquals(java.util.List.of(APP, APP + "/volumes/vol_1", MACHINE + "?force=true"), order);
  }

  @Test
  void what_is_gone_already_is_fine() {
    app();
    fly.stubFor(delete(MACHINE + "?force=true").willReturn(status(404)));
    fly.stubFor(get(MACHINE + "/wait?state=destroyed&timeout=60").willReturn(status(404)));
    fly.stubFor(delete(APP + "/volumes/vol_1").willReturn(status(404)));
    fly.stubFor(delete(APP).willReturn(status(404)));

    var result = Script.run(new Cleanup(), "-q", "--confirm", "mcp-demo");

    assertEquals(0, result.exit(), result.err());
    assertEquals("a1\n", result.out());
    assertEquals("", result.err());
  }

  @Test
  void an_app_that_is_gone_is_success() {
    fly.stubFor(get(APP).willReturn(status(404).withBody("{\"error\": \"app not found\"}")));

    var result = Script.run(new Cleanup());

    assertEquals(0, result.exit(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains("There is no app mcp-demo (any more)."), result.err());
  }

  @Test
  void what_cannot_be_destroyed_is_told_and_the_rest_goes_on() {
    app();
    fly.stubFor(delete(MACHINE + "?force=true").willReturn(status(409).withBody("held")));
    fly.stubFor(delete(APP + "/volumes/vol_1").willReturn(okJson("{\"id\": \"vol_1\"}")));

    var result = Script.run(new Cleanup(), "--confirm", "mcp-demo");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("warning: Fly.io refused the request: held (409 from"));
    assertTrue(result.err().contains("error: not everything is gone"), result.err());
    fly.verify(1, deleteRequestedFor(urlEqualTo(APP + "/volumes/vol_1")));
    fly.verify(0, deleteRequestedFor(urlEqualTo(APP)));
  }

  @Test
  void a_dry_run_reads_and_prints_each_request_in_its_order() {
    app();

    var result = Script.run(new Cleanup(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        List.of(
            "DELETE " + MACHINE + "?force=true",
            "GET " + MACHINE + "/wait?state=destroyed&timeout=60",
            "DELETE " + APP + "/volumes/vol_1",
            "DELETE " + APP),
        Pattern.compile("-X (\\w+) [^/]*\"https?://[^/]+(/[^\"]+)\"", Pattern.DOTALL)
            .matcher(result.out())
            .results()
            .map(request -> request.group(1) + " " + request.group(2))
            .toList(),
        result.out());
    assertFalse(result.out().contains(FakeFly.TOKEN), result.out());
    fly.verify(0, deleteRequestedFor(anyUrl()));
  }

  @Test
  void a_dry_run_of_an_app_that_is_gone_says_so() {
    fly.stubFor(get(APP).willReturn(status(404).withBody("{\"error\": \"app not found\"}")));

    var result = Script.run(new Cleanup(), "-n");

    assertEquals(0, result.exit(), result.err());
    assertEquals("There is no app mcp-demo (any more).\n", result.err());
  }
}
