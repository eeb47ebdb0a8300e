import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import fly.sandbox.model.Clock;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Lists: of an app, and of an organization, with filters and pages. */
class SandboxListsTest {
  private static final Instant MIDNIGHT = Instant.parse("2026-01-01T00:00:00Z");

  private final Clock.Virtual time = new Clock.Virtual(MIDNIGHT);
  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).at(time));
    for (var app : List.of("one", "two")) {
      api("POST", "/apps", "{'name': '" + app + "', 'org_slug': 'personal'}");
    }
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private JsonNode api(String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .timeout(Await.LIMIT)
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, BodyPublishers.ofString(body.replace('\'', '"')));
    var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    assertEquals(2, answer.statusCode() / 100, path + ": " + answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  private JsonNode get(String path) throws Exception {
    return api("GET", path, "");
  }

  /** It is only created; returns its path. */
  private String machine(String app, String name, String more) throws Exception {
    var body = "{'name': '%s', 'skip_launch': true, 'config': {'image': 'nginx'%s}}";
    var created = api("POST", "/apps/" + app + "/machines", body.formatted(name, more));
    return "/apps/" + app + "/machines/" + created.path("id").asText();
  }

  private static List<String> names(JsonNode rows) {
    return rows.findValuesAsText("name");
  }

  @Test
  void certificates_come_in_pages_by_hostname() throws Exception {
    var all = "/apps/one/certificates";
    for (var i = 30; i > 0; i--) {
      api("POST", all + "/acme", "{'hostname': 'n%02d.example.com'}".formatted(i));
    }

    var first = get(all);
    var last = get(all + "?cursor=" + first.path("next_cursor").asText());
    var some = get(all + "?filter=n1&limit=4&cursor=n12.example.com");

    assertEquals(25, first.path("certificates").size());
    assertEquals(30, first.path("total_count").asInt());
    assertEquals("n26.example.com", last.at("/certificates/0/hostname").asText());
    assertEquals(5, last.path("certificates").size());
    assertTrue(last.path("next_cursor").isMissingNode(), last.toString());
    assertEquals("n13.example.com", some.at("/certificates/0/hostname").asText());
    assertEquals("n16.example.com", some.path("next_cursor").asText());
  }

  @Test
  void pages_lose_nothing_and_repeat_nothing_in_the_order_of_changes() throws Exception {
    var names = new ArrayList<String>();
    for (var i = 0; i < 9; i++) {
      // Times of all widths: 00:00:00Z, 00:00:00.500Z, 00:00:00.500100Z ...
      time.advance(Duration.ofNanos(i % 3 == 0 ? 500_000_000 : i % 3 == 1 ? 100_000 : 499_900_000));
      names.add("m" + i);
      machine(i % 2 == 0 ? "one" : "two", "m" + i, "");
    }

    var seen = new ArrayList<String>();
    String cursor = "";
    for (var page = 0; page < 9 && cursor != null; page++) {
      var query =
          cursor.isEmpty() ? "" : "&cursor=" + URLEncoder.encode(cursor, StandardCharsets.UTF_8);
      var answer = get("/orgs/personal/machines?limit=2" + query);
      seen.addAll(names(answer.path("machines")));
      assertEquals(
          answer.at("/machines").get(answer.at("/machines").size() - 1).path("id"),
          answer.path("last_machine_id"));
      cursor = answer.path("next_cursor").asText(null);
    }

    assertEquals(names, seen);
  }

  @Test
  void what_has_changed_since_is_told_again() throws Exception {
    var first = machine("one", "first", "");
    api("POST", "/apps/one/volumes", "{'name': 'old', 'region': 'iad'}");
    var volume = api("POST", "/apps/one/volumes", "{'name': 'data', 'region': 'iad'}").path("id");
    time.advance(Duration.ofSeconds(1));
    machine("two", "second", "");
    time.advance(Duration.ofSeconds(1));
    var since = "?updated_after=" + get("/orgs/personal/machines").path("last_updated_at").asText();
    assertEquals(List.of(), names(get("/orgs/personal/machines" + since).path("machines")));

    time.advance(Duration.ofSeconds(1));
    api("POST", first + "/metadata/a", "{'value': 'b'}");
    api("PUT", "/apps/one/volumes/" + volume.asText() + "/extend", "{'size_gb': 9}");

    assertEquals(List.of("first"), names(get("/orgs/personal/machines" + since).path("machines")));
    assertEquals(List.of("data"), names(get("/orgs/personal/volumes" + since).path("volumes")));
    var offset = "?updated_after=2026-01-01T01:00:00%2B01:00";
    assertEquals(2, get("/orgs/personal/machines" + offset).path("machines").size());
  }

  @Test
  void they_are_filtered_by_state_region_metadata_and_what_is_gone() throws Exception {
    machine("one", "db", ", 'metadata': {'role': 'db'}");
    machine("one", "plain", "");
    var stopped = machine("one", "stopped", "");
    api("POST", stopped + "/stop", "");
    get(stopped + "/wait?state=stopped");
    var gone = machine("one", "gone", "");
    api("DELETE", gone, "");
    get(gone + "/wait?state=destroyed");
    var fra = "{'name': 'far', 'region': 'fra', 'skip_launch': true, 'config': {'image': 'x'}}";
    api("POST", "/apps/two/machines", fra);

    var of = "/apps/one/machines";
    assertEquals(3, get(of).size());
    assertEquals(4, get(of + "?include_deleted=true").size());
    assertEquals(List.of("db"), names(get(of + "?metadata.role=db")));
    assertEquals(0, get(of + "?metadata.role=").size());
    assertEquals(List.of("stopped"), names(get(of + "?state=stopped,started")));
    assertEquals(0, get(of + "?region=fra").size());
    var all = "/orgs/personal/machines";
    assertEquals(4, get(all).path("machines").size());
    assertEquals(5, get(all + "?include_deleted=true").path("machines").size());
    assertEquals(List.of("far"), names(get(all + "?region=fra").path("machines")));
    assertEquals(List.of("stopped"), names(get(all + "?state=stopped").path("machines")));
    assertTrue(get(all).at("/machines/0/config/image").isTextual());
    assertTrue(get(all + "?summary=true").at("/machines/0/config").isMissingNode());
  }

  @Test
  void a_deleted_volume_is_in_the_list_of_its_app_and_only_on_request_in_the_organizations()
      throws Exception {
    var id = api("POST", "/apps/one/volumes", "{'name': 'data', 'region': 'iad'}").path("id");
    assertEquals(1, get("/apps/one").path("volume_count").asInt());
    api("DELETE", "/apps/one/volumes/" + id.asText(), "");

    assertEquals("pending_destroy", get("/apps/one/volumes").at("/0/state").asText());
    assertEquals(0, get("/apps/one").path("volume_count").asInt());
    assertEquals(0, get("/orgs/personal/volumes").path("volumes").size());
    var all = get("/orgs/personal/volumes?include_deleted=true&summary=true").path("volumes");
    assertEquals(id, all.at("/0/id"));
    assertTrue(all.at("/0/blocks").isMissingNode());
  }

  @Test
  void addresses_are_never_the_same() throws Exception {
    var seen = new ArrayList<String>();
    for (var i = 0; i < 40; i++) {
      for (var type : List.of("v4", "v6", "private_v6")) {
        var ip = api("POST", "/apps/one/ip_assignments", "{'type': '" + type + "'}").path("ip");
        seen.add(ip.asText());
        if (i % 3 == 0) api("DELETE", "/apps/one/ip_assignments/" + seen.remove(0), "");
      }
    }
    var left = get("/apps/one/ip_assignments").path("ips").findValuesAsText("ip");
    assertEquals(seen, left);
    assertEquals(left.size(), left.stream().distinct().count());
  }
}
