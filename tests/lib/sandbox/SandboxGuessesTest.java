import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import fly.sandbox.model.Guesses;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is not known of Fly.io: each point in the likeliest way, and in the other. */
class SandboxGuessesTest {

  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    api("POST", "/apps", "{\"app_name\":\"shop\",\"org_slug\":\"personal\"}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private void guess(String name, String value) {
    sandbox.guesses().choose(name, value);
  }

  private HttpResponse<String> api(String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, BodyPublishers.ofString(body))
            .timeout(Await.LIMIT)
            .build();
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode json(HttpResponse<String> answer) throws Exception {
    return Fly.JSON.readTree(answer.body());
  }

  /** Its path. */
  private String machine(boolean launch) throws Exception {
    var body = "{\"skip_launch\":%b,\"config\":{\"image\":\"nginx\"}}".formatted(!launch);
    var created = json(api("POST", "/apps/shop/machines", body));
    var path = "/apps/shop/machines/" + created.path("id").asText();
    if (launch) await(path, "started", created.path("instance_id").asText());
    return path;
  }

  private void await(String machine, String state, String version) throws Exception {
    var path = machine + "/wait?timeout=20&state=" + state + "&version=" + version;
    assertEquals(200, api("GET", path, "").statusCode());
  }

  private String state(String machine) throws Exception {
    return json(api("GET", machine, "")).path("state").asText();
  }

  @Test
  void start_of_a_started_Machine() throws Exception {
    var machine = machine(true);

    assertEquals(200, api("POST", machine + "/start", "").statusCode());
    guess("start-started", "409");
    assertEquals(409, api("POST", machine + "/start", "").statusCode());
  }

  @Test
  void stop_of_a_Machine_that_was_never_started() throws Exception {
    var one = machine(false);
    var other = machine(false);

    assertEquals(200, api("POST", one + "/stop", "").statusCode());
    guess("stop-created", "412");
    assertEquals(412, api("POST", other + "/stop", "").statusCode());
  }

  @Test
  void restart_of_a_stopped_Machine() throws Exception {
    var machine = machine(false);
    api("POST", machine + "/stop", "");
    await(machine, "stopped", "");

    assertEquals(412, api("POST", machine + "/restart", "").statusCode());
    guess("restart-stopped", "start");
    for (var down : List.of(machine, machine(false))) {
      assertEquals(200, api("POST", down + "/restart", "").statusCode());
      await(down, "started", "");
    }
  }

  @Test
  void where_a_Machine_rests_that_is_not_launched() throws Exception {
    assertEquals("created", state(machine(false)));
    guess("skip-launch", "stopped");
    assertEquals("stopped", state(machine(false)));
  }

  @Test
  void waiting_for_stopped_without_a_version() throws Exception {
    var machine = machine(false);
    api("POST", machine + "/stop", "");

    assertEquals(200, api("GET", machine + "/wait?state=stopped", "").statusCode());
    guess("wait-stopped", "version");
    assertEquals(400, api("GET", machine + "/wait?state=stopped", "").statusCode());
  }

  @Test
  void how_long_a_lease_lasts() throws Exception {
    assertTrue(leaseSeconds(machine(false)) <= 31);
    guess("lease-ttl", "30m");
    assertTrue(leaseSeconds(machine(false)) > 60);
  }

  private long leaseSeconds(String machine) throws Exception {
    var lease = json(api("POST", machine + "/lease", ""));
    return lease.at("/data/expires_at").asLong() - Instant.now().getEpochSecond();
  }

  @Test
  void an_organization_that_one_cannot_see() throws Exception {
    assertEquals(404, api("GET", "/apps?org_slug=others", "").statusCode());
    guess("unknown-org", "403");
    assertEquals(403, api("GET", "/apps?org_slug=others", "").statusCode());
  }

  @Test
  void what_creating_an_app_answers() throws Exception {
    var body = "{\"app_name\":\"%s\",\"org_slug\":\"personal\"}";

    assertEquals("one", json(api("POST", "/apps", body.formatted("one"))).path("name").asText());
    guess("create-app", "id");
    var documented = json(api("POST", "/apps", body.formatted("three")));
    assertEquals(2, documented.size(), documented.toString());
    assertTrue(documented.path("created_at").isNumber(), documented.toString());
    guess("create-app", "nothing");
    assertEquals("", api("POST", "/apps", body.formatted("two")).body());
    assertEquals(200, api("GET", "/apps/two", "").statusCode());
  }

  @Test
  void putting_metadata() throws Exception {
    var path = machine(false) + "/metadata";
    api("PUT", path, "{\"metadata\":{\"a\":\"1\"}}");

    api("PUT", path, "{\"metadata\":{\"b\":\"2\"}}");
    assertEquals("{\"a\":\"1\",\"b\":\"2\"}", api("GET", path, "").body());
    guess("metadata-put", "replace");
    api("PUT", path, "{\"metadata\":{\"c\":\"3\"}}");
    assertEquals("{\"c\":\"3\"}", api("GET", path, "").body());
  }

  @Test
  void what_goes_with_a_429() throws Exception {
    sandbox.faults().rateLimits(true);

    assertTrue(limited().headers().firstValue("Retry-After").isEmpty());
    guess("retry-after", "1");
    assertEquals("1", limited().headers().firstValue("Retry-After").orElseThrow());
  }

  private HttpResponse<String> limited() throws Exception {
    var answer = api("GET", "/apps?org_slug=personal", "");
    for (var i = 0; i < 100 && answer.statusCode() != 429; i++) {
      answer = api("POST", "/apps", "{}");
    }
    assertEquals(429, answer.statusCode());
    return answer;
  }

  @Test
  void deleting_metadata_that_is_not_there() throws Exception {
    var key = machine(false) + "/metadata/key";

    assertEquals(204, api("DELETE", key, "").statusCode());
    guess("metadata-absent", "404");
    assertEquals(404, api("DELETE", key, "").statusCode());
  }

  @Test
  void suspending_what_cannot_be_suspended() throws Exception {
    for (var unfit :
        List.of(
            "\"schedule\":\"daily\"",
            "\"init\":{\"swap_size_mb\":512}",
            "\"guest\":{\"cpu_kind\":\"shared\",\"cpus\":2,\"memory_mb\":4096}")) {
      guess("suspend-unfit", "412");
      var body = "{\"config\":{\"image\":\"nginx\",%s}}".formatted(unfit);
      var id = json(api("POST", "/apps/shop/machines", body)).path("id").asText();
      var machine = "/apps/shop/machines/" + id;
      await(machine, "started", "");

      assertEquals(412, api("POST", machine + "/suspend", "").statusCode(), unfit);
      guess("suspend-unfit", "stop");
      assertEquals(200, api("POST", machine + "/suspend", "").statusCode());
      await(machine, "stopped", "");
    }
  }

  @Test
  void where_a_Machine_rests_that_crashes_again_and_again() throws Exception {
    var broken =
        "{\"config\":{\"image\":\"flyio/mcp\",\"init\":{\"exec\":[\"false\"]},"
            + "\"restart\":{\"policy\":\"on-failure\",\"max_retries\":1}}}";
    for (var state : List.of("stopped", "failed")) {
      guess("gave-up", state);
      var id = json(api("POST", "/apps/shop/machines", broken)).path("id").asText();

      await("/apps/shop/machines/" + id, state, "");
    }
  }

  @Test
  void a_Machine_that_was_destroyed() throws Exception {
    var machine = machine(false);
    api("DELETE", machine, "");
    await(machine, "destroyed", "");

    assertEquals("destroyed", state(machine));
    guess("destroyed", "404");
    assertEquals(404, api("GET", machine, "").statusCode());
    assertEquals(404, api("GET", machine + "/wait?state=destroyed", "").statusCode());
    var all = json(api("GET", "/apps/shop/machines?include_deleted=true", ""));
    assertEquals(1, all.size());
  }

  @Test
  void a_volume_of_another_region_and_one_that_grows() throws Exception {
    var volume = "{\"name\":\"data\",\"region\":\"fra\",\"size_gb\":1}";
    var id = json(api("POST", "/apps/shop/volumes", volume)).path("id").asText();
    var mounts = "\"mounts\":[{\"volume\":\"data\",\"path\":\"/data\"}]";
    var body = "{\"region\":\"iad\",\"config\":{\"image\":\"nginx\"," + mounts + "}}";
    var extend = "/apps/shop/volumes/" + id + "/extend";

    assertEquals(412, api("POST", "/apps/shop/machines", body).statusCode());
    assertEquals(
        "false", json(api("PUT", extend, "{\"size_gb\":2}")).path("needs_restart").asText());
    guess("volume-region", "400");
    guess("volume-extend", "restart");
    assertEquals(400, api("POST", "/apps/shop/machines", body).statusCode());
    assertEquals(
        "true", json(api("PUT", extend, "{\"size_gb\":3}")).path("needs_restart").asText());
  }

  @Test
  void an_address_of_a_type_or_region_that_there_is_not() throws Exception {
    var path = "/apps/shop/ip_assignments";
    for (var wrong : List.of("{\"type\":\"v5\"}", "{\"type\":\"v4\",\"region\":\"xyz\"}")) {
      guess("ip-unknown", "400");
      assertEquals(400, api("POST", path, wrong).statusCode(), wrong);
      guess("ip-unknown", "422");
      assertEquals(422, api("POST", path, wrong).statusCode(), wrong);
    }
  }

  @Test
  void they_are_listed_and_others_are_refused() {
    var listed = Script.run(new Sandbox(), "--guesses");

    assertEquals(0, listed.exit(), listed.err());
    for (var row : Guesses.table()) assertTrue(listed.out().contains(row.get(0)), listed.out());
    var guesses = sandbox.guesses();
    assertThrows(FlyException.class, () -> guesses.choose("lease-ttl", "for ever"));
    assertThrows(FlyException.class, () -> guesses.choose("nonsense", "x"));
  }
}
