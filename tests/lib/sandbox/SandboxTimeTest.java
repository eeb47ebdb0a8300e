import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import fly.sandbox.model.Clock;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What takes minutes, at once: the sandbox goes by a clock that the test moves on. */
class SandboxTimeTest {
  private final HttpClient http = Http.CLIENT;
  private final Clock.Virtual time = new Clock.Virtual(Instant.parse("2026-01-01T00:00:00Z"));
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).at(time));
    send("POST", "/apps", "{\"app_name\":\"shop\",\"org_slug\":\"personal\"}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private CompletableFuture<HttpResponse<String>> sendAsync(
      String method, String path, String body) {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, BodyPublishers.ofString(body))
            .build();
    return http.sendAsync(request, HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> send(String method, String path, String body) throws Exception {
    return Await.value(sendAsync(method, path, body));
  }

  private JsonNode get(String path) throws Exception {
    return Fly.JSON.readTree(send("GET", path, "").body());
  }

  /** Its path; it has started. */
  private String machine() throws Exception {
    var body =
        """
        {"config":{"image":"nginx","services":[{"protocol":"tcp","internal_port":80,
        "autostart":true,"autostop":"stop","ports":[{"port":80}]}]}}\
        """;
    var created = Fly.JSON.readTree(send("POST", "/apps/shop/machines", body).body());
    var path = "/apps/shop/machines/" + created.path("id").asText();
    become(path, "started");
    return path;
  }

  private void become(String machine, String state) throws Exception {
    var there = send("GET", machine + "/wait?timeout=60&state=" + state, "");
    assertEquals(200, there.statusCode(), there.body());
  }

  @Test
  void an_idle_Machine_stops_after_five_minutes() throws Exception {
    var machine = machine();
    time.advance(Duration.ofMinutes(4));
    assertEquals("started", get(machine).path("state").asText());

    for (var i = 0; i < 3; i++) time.advance(Duration.ofMinutes(3));

    become(machine, "stopped");
  }

  @Test
  void a_lease_ends_when_its_time_is_over() throws Exception {
    var machine = machine();
    send("POST", machine + "/lease", "{\"ttl\":3600}");

    time.advance(Duration.ofMinutes(59));
    assertEquals(409, send("POST", machine + "/stop", "").statusCode());
    time.advance(Duration.ofMinutes(2));
    assertEquals(200, send("POST", machine + "/stop", "").statusCode());
  }

  @Test
  void a_destroyed_Machine_is_told_of_for_a_while_and_then_is_no_more() throws Exception {
    var machine = machine();
    send("DELETE", machine + "?force=true", "");
    become(machine, "destroyed");
    assertEquals("destroyed", get(machine).path("state").asText());

    time.advance(Duration.ofHours(3));

    assertEquals(404, send("GET", machine, "").statusCode());
    assertEquals("[]", get("/apps/shop/machines?include_deleted=true").toString());
  }

  @Test
  void a_wait_is_over_after_its_time_and_not_before() throws Exception {
    var machine = machine();
    var waiting = sendAsync("GET", machine + "/wait?state=suspended&timeout=60", "");
    time.advance(Duration.ofSeconds(1)); // it may not have come yet, and begins then
    TimeUnit.MILLISECONDS.sleep(200);
    assertFalse(waiting.isDone());

    passUntilDone(waiting, Duration.ofSeconds(59));
    assertEquals(408, waiting.get().statusCode());
  }

  @Test
  void a_start_takes_the_time_that_was_asked_for() throws Exception {
    var machine = machine();
    send("POST", machine + "/stop", "");
    become(machine, "stopped");
    sandbox.faults().latency("start=10m");

    send("POST", machine + "/start", "");

    time.advance(Duration.ofMinutes(9));
    assertEquals("starting", get(machine).path("state").asText());
    time.advance(Duration.ofMinutes(2));
    become(machine, "started");
  }

  @Test
  void a_rate_limit_gives_its_tokens_back_with_time() throws Exception {
    var machine = machine();
    sandbox.faults().rateLimits(true);
    for (var i = 0; i < 3; i++)
      assertEquals(200, send("POST", machine + "/start", "").statusCode());
    assertEquals(429, send("POST", machine + "/start", "").statusCode());

    time.advance(Duration.ofSeconds(2));

    assertEquals(200, send("POST", machine + "/start", "").statusCode());
    assertEquals(200, send("POST", machine + "/start", "").statusCode());
    assertEquals(429, send("POST", machine + "/start", "").statusCode());
  }

  @Test
  void reading_a_Machine_and_deleting_apps_have_limits_of_their_own() throws Exception {
    var machine = machine();
    for (var i = 0; i <= 100; i++)
      send("POST", "/apps", "{\"app_name\":\"a%d\",\"org_slug\":\"personal\"}".formatted(i));
    sandbox.faults().rateLimits(true);

    for (var i = 0; i < 10; i++) assertEquals(200, send("GET", machine, "").statusCode());
    assertEquals(429, send("GET", machine, "").statusCode());
    for (var i = 0; i < 100; i++) assertEquals(202, send("DELETE", "/apps/a" + i, "").statusCode());
    assertEquals(429, send("DELETE", "/apps/a100", "").statusCode());

    time.advance(Duration.ofSeconds(1));

    for (var i = 0; i < 5; i++) assertEquals(200, send("GET", machine, "").statusCode());
    assertEquals(429, send("GET", machine, "").statusCode());
    assertEquals(202, send("DELETE", "/apps/a100", "").statusCode());
  }

  @Test
  void an_answer_of_the_API_takes_the_time_that_was_asked_for() throws Exception {
    sandbox.faults().latency("api=10m");

    var answer = sendAsync("GET", "/platform/regions", "");

    TimeUnit.MILLISECONDS.sleep(200);
    assertFalse(answer.isDone());
    passUntilDone(answer, Duration.ofMinutes(10));
    assertEquals(200, answer.get().statusCode());
  }

  @Test
  void a_slow_body_takes_a_tenth_of_a_second_for_each_of_its_first_bytes() throws Exception {
    var whole = send("GET", "/platform/regions", "");
    sandbox.faults().faults(List.of("GET /v1/platform/regions slow"));

    var slow = sendAsync("GET", "/platform/regions", "");

    var tenths = passUntilDone(slow, Duration.ofMillis(100));
    assertTrue(tenths >= 100, tenths + " tenths of a second");
    assertEquals(whole.body(), slow.get().body());
  }

  @Test
  void a_request_that_times_out_is_silent_for_two_minutes_and_then_reset() throws Exception {
    sandbox.faults().faults(List.of("GET /v1/platform/regions timeout"));

    var silent = sendAsync("GET", "/platform/regions", "");

    passUntilDone(silent, Duration.ofMinutes(2));
    assertTrue(silent.isCompletedExceptionally());
  }

  /** Returns how often it let so much time pass. */
  private int passUntilDone(CompletableFuture<?> answer, Duration step) throws Exception {
    for (var passed = 0; passed < 10_000; passed++) {
      TimeUnit.MILLISECONDS.sleep(5);
      if (answer.isDone()) return passed;
      time.advance(step);
    }
    throw new AssertionError("it is never answered");
  }
}
