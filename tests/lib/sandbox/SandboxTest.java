import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the sandbox answers, request by request: statuses and bodies. */
class SandboxTest {
  private static final HttpClient HTTP = Http.CLIENT;
  private static final String STATE_ONLY =
      "{\"region\": \"iad\", \"config\": {\"image\": \"nginx\"}}";
  private static SandboxServer sandbox;
  private static int apps;
  private String app;

  private record Answer(int status, JsonNode json, String text) {
    String error() {
      return json.path("error").asText();
    }
  }

  @BeforeAll
  static void start() {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
  }

  @AfterAll
  static void stop() {
    sandbox.close();
  }

  @BeforeEach
  void app() throws Exception {
    app = "app-" + ++apps;
    assertEquals(
        201,
        post("/v1/apps", "{\"app_name\": \"" + app + "\", \"org_slug\": \"personal\"}").status());
  }

  // Who may ask

  @Test
  void without_a_token_or_with_a_wrong_one_it_is_401() throws Exception {
    for (var token : new String[] {null, "Bearer nope", sandbox.token()}) {
      var answer = send("GET", "/v1/apps/" + app, null, token);

      assertEquals(401, answer.status());
      assertEquals("Authenticate: token validation error", answer.error());
    }
  }

  @Test
  void the_token_is_taken_in_every_form_in_which_clients_send_it() throws Exception {
    var schemes =
        new String[] {"Bearer ", "bearer ", "FlyV1 ", "flyv1 ", "Bearer FlyV1 ", "FlyV1 fm2_x,"};
    for (var scheme : schemes) {
      assertEquals(200, send("GET", "/v1/apps/" + app, null, scheme + sandbox.token()).status());
    }
    for (var list : new String[] {"%s,fo1_x", "fm2_x,%s,fm2_y"}) {
      var header = "FlyV1 " + list.formatted(sandbox.token());
      assertEquals(200, send("GET", "/v1/apps/" + app, null, header).status(), header);
    }
    assertEquals(401, send("GET", "/v1/apps/" + app, null, "FlyV1 fm2_x,fm2_y").status());
  }

  @Test
  void an_unknown_route_is_plain_text_even_before_the_token_is_asked_for() throws Exception {
    var answer = send("GET", "/v1/nowhere", null, null);

    assertEquals(404, answer.status());
    assertEquals("404 page not found\n", answer.text());
  }

  @Test
  void another_Host_is_refused_because_names_can_be_made_to_resolve_to_this_machine()
      throws Exception {
    assertEquals(
        "HTTP/1.1 403 Forbidden", statusLine("GET /v1/apps HTTP/1.1\r\nHost: evil.example\r\n"));
    assertEquals(
        "HTTP/1.1 403 Forbidden", statusLine("GET /edge/x/ HTTP/1.1\r\nHost: evil.example:80\r\n"));
  }

  @Test
  void a_web_page_of_another_origin_is_refused() throws Exception {
    var host = "Host: 127.0.0.1:" + sandbox.port() + "\r\n";

    assertEquals(
        "HTTP/1.1 403 Forbidden",
        statusLine(
            "POST /graphql HTTP/1.1\r\n"
                + host
                + "Origin: http://evil.example\r\nContent-Length: 0\r\n"));
  }

  @Test
  void it_listens_on_this_machine_only() throws Exception {
    for (var network : Collections.list(NetworkInterface.getNetworkInterfaces())) {
      for (var address : Collections.list(network.getInetAddresses())) {
        if (!address.isLoopbackAddress()) assertFalse(connects(address), address.toString());
      }
    }
  }

  @Test
  void each_sandbox_has_a_token_of_its_own() {
    try (var other = SandboxServer.start(SandboxConfig.onPort(0))) {
      assertNotEquals(sandbox.token(), other.token());
      assertTrue(other.token().matches("sandbox-[0-9a-f]{32}"), other.token());
    }
  }

  @Test
  void every_answer_has_a_request_id() throws Exception {
    var answer = raw("GET", "/v1/nowhere", null, null);

    assertTrue(
        answer.headers().firstValue("fly-request-id").orElse("").matches("[0-9A-Z]{26}-iad"));
  }

  // Bodies

  @Test
  void malformed_JSON_is_400() throws Exception {
    for (var body : new String[] {"{", "", "{} {}", "[]", "\"x\""}) {
      assertEquals(400, post("/v1/apps", body).status(), body);
    }
  }

  @Test
  void a_huge_body_is_413() throws Exception {
    var answer = post("/v1/apps", "{\"x\": \"" + "x".repeat(5_000_000) + "\"}");

    assertEquals(413, answer.status());
  }

  // Apps

  @Test
  void an_app_is_created_shown_listed_and_deleted() throws Exception {
    var shown = get("/v1/apps/" + app);
    assertEquals(app, shown.json().path("name").asText());
    assertEquals("pending", shown.json().path("status").asText());
    assertEquals("personal", shown.json().at("/organization/slug").asText());
    assertTrue(
        get("/v1/apps?org_slug=personal")
            .json()
            .path("apps")
            .findValuesAsText("name")
            .contains(app));

    assertEquals(202, send("DELETE", "/v1/apps/" + app).status());

    var gone = get("/v1/apps/" + app);
    assertEquals(404, gone.status());
    assertEquals("app not found", gone.error());
  }

  @Test
  void a_taken_name_is_422_with_its_status_as_a_string() throws Exception {
    var answer = post("/v1/apps", "{\"name\": \"" + app + "\", \"org_slug\": \"personal\"}");

    assertEquals(422, answer.status());
    assertEquals("Validation failed: Name has already been taken", answer.error());
    assertEquals("name_taken", answer.json().path("status").textValue());
  }

  @Test
  void a_name_that_Fly_does_not_take_is_400() throws Exception {
    for (var name : new String[] {"", "Capital", "with blank", "x".repeat(64), "../etc"}) {
      var answer = post("/v1/apps", "{\"app_name\": \"" + name + "\", \"org_slug\": \"personal\"}");
      assertEquals(400, answer.status(), name);
    }
  }

  // IP addresses

  @Test
  void addresses_of_GraphQL_and_REST_are_the_same() throws Exception {
    assertEquals(0, get("/v1/apps/" + app + "/ip_assignments").json().path("ips").size());

    var shared =
        graphql(
            "mutation($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) { app {"
                + " sharedIpAddress } ipAddress { id } } }",
            "{\"input\": {\"appId\": \"" + app + "\", \"type\": \"shared_v4\", \"region\": \"\"}}");
    var rest = post("/v1/apps/" + app + "/ip_assignments", "{\"type\": \"v6\"}");

    var address = shared.at("/data/allocateIpAddress/app/sharedIpAddress").asText();
    assertTrue(address.startsWith("66.241."), shared.toString());
    assertTrue(shared.at("/data/allocateIpAddress/ipAddress").isNull());
    assertTrue(rest.json().path("ip").asText().startsWith("2a09:8280:1::"), rest.text());
    assertEquals(2, get("/v1/apps/" + app + "/ip_assignments").json().path("ips").size());
    var listed =
        graphql(
            "query { app(name: \""
                + app
                + "\") { sharedIpAddress ipAddresses { nodes { address type } } } }",
            "{}");
    assertEquals(address, listed.at("/data/app/sharedIpAddress").asText());
    assertEquals("v6", listed.at("/data/app/ipAddresses/nodes/0/type").asText());

    assertEquals(204, send("DELETE", "/v1/apps/" + app + "/ip_assignments/" + address).status());
    assertEquals(1, get("/v1/apps/" + app + "/ip_assignments").json().path("ips").size());
  }

  @Test
  void GraphQL_keeps_to_aliases_and_tells_errors_inside_a_200() throws Exception {
    var answer =
        graphql(
            "query { one: app(name: \""
                + app
                + "\") { name } two: app(name: \"nobody\") { name } }",
            "{}");

    assertEquals(app, answer.at("/data/one/name").asText());
    assertTrue(answer.at("/data/two").isNull());
    assertEquals("Could not find App \"nobody\"", answer.at("/errors/0/message").asText());
    assertEquals("NOT_FOUND", answer.at("/errors/0/extensions/code").asText());
  }

  // Volumes

  @Test
  void a_volume_is_created_shown_and_deleted() throws Exception {
    var volume =
        post(
            "/v1/apps/" + app + "/volumes",
            "{\"name\": \"data\", \"region\": \"fra\", \"size_gb\": 2, \"encrypted\": null}");
    assertEquals(200, volume.status());
    assertEquals("created", volume.json().path("state").asText());
    assertTrue(volume.json().path("id").asText().matches("vol_[a-z0-9]{16}"));
    assertTrue(volume.json().path("attached_machine_id").isNull());
    var path = "/v1/apps/" + app + "/volumes/" + volume.json().path("id").asText();
    assertEquals(volume.json(), get(path).json());

    var deleted = send("DELETE", path);

    assertEquals("pending_destroy", deleted.json().path("state").asText());
    assertEquals(404, get("/v1/apps/" + app + "/volumes/vol_0000000000000000").status());
  }

  @Test
  void a_volume_that_Fly_does_not_take_is_400() throws Exception {
    for (var body :
        new String[] {
          "{\"name\": \"my-data\"}",
          "{\"name\": \"data\", \"region\": \"xyz\"}",
          "{\"name\": \"data\", \"size_gb\": 0}",
          "{\"name\": \"data\", \"size_gb\": \"1\"}"
        }) {
      assertEquals(400, post("/v1/apps/" + app + "/volumes", body).status(), body);
    }
  }

  // Machines

  @Test
  void a_Machine_is_born_created_and_gets_started() throws Exception {
    var machine = post(machines(), STATE_ONLY);

    assertEquals(200, machine.status());
    assertEquals("created", machine.json().path("state").asText());
    assertTrue(machine.json().path("id").asText().matches("[0-9a-f]{14}"));
    assertTrue(machine.json().path("instance_id").asText().matches("[0-9A-Z]{26}"));
    assertEquals("ok", machine.json().path("host_status").asText());
    assertEquals("nginx", machine.json().at("/config/image").asText());
    assertEquals(200, await(id(machine), "started", 60).status());
    assertEquals("started", get(machines() + "/" + id(machine)).json().path("state").asText());
    assertEquals("deployed", get("/v1/apps/" + app).json().path("status").asText());
  }

  @Test
  void with_skip_launch_it_stays_created() throws Exception {
    var machine = post(machines(), "{\"skip_launch\": true, \"config\": {\"image\": \"nginx\"}}");

    var late = await(id(machine), "started", 1);

    assertEquals(408, late.status());
    assertEquals(
        "deadline_exceeded: machine failed to reach desired state, started, currently created",
        late.error());
  }

  @Test
  void it_stops_suspends_and_starts_again() throws Exception {
    var id = id(post(machines(), STATE_ONLY));
    await(id, "started", 60);

    assertEquals(200, action(id, "suspend").status());
    assertEquals(200, await(id, "suspended", 60).status());
    assertEquals("suspended", action(id, "start").json().path("previous_state").asText());
    assertEquals(200, await(id, "started", 60).status());
    assertEquals(200, action(id, "stop").status());
    assertEquals(200, await(id, "stopped", 60).status());
    assertEquals("stopped", action(id, "start").json().path("previous_state").asText());

    await(id, "started", 60);
    var events = get(machines() + "/" + id).json().path("events").findValuesAsText("type");
    assertEquals("start", events.get(0));
    assertEquals("launch", events.get(events.size() - 1));
    assertTrue(events.contains("suspend") && events.contains("stop"), events.toString());
  }

  @Test
  void a_stopped_Machine_cannot_be_suspended() throws Exception {
    var id = id(post(machines(), STATE_ONLY));
    await(id, "started", 60);
    action(id, "stop");
    await(id, "stopped", 60);

    var answer = action(id, "suspend");

    assertEquals(412, answer.status());
    assertTrue(
        answer.error().startsWith("failed_precondition: unable to suspend machine"),
        answer.error());
  }

  @Test
  void a_running_Machine_is_destroyed_by_force_only() throws Exception {
    var id = id(post(machines(), STATE_ONLY));
    await(id, "started", 60);

    var refused = send("DELETE", machines() + "/" + id);
    assertEquals(412, refused.status());
    assertEquals(
        "failed_precondition: unable to destroy machine, not currently stopped, suspended, failed"
            + " or created",
        refused.error());

    assertEquals(200, send("DELETE", machines() + "/" + id + "?force=true").status());
    assertEquals(200, await(id, "destroyed", 60).status());
    assertEquals(0, get(machines()).json().size());
    assertEquals(1, get(machines() + "?include_deleted=true").json().size());
    assertEquals(404, send("DELETE", machines() + "/" + id + "?force=true").status());
  }

  @Test
  void an_unknown_Machine_is_404() throws Exception {
    for (var answer :
        new Answer[] {get(machines() + "/00000000000000"), action("00000000000000", "start")}) {
      assertEquals(404, answer.status());
      assertEquals("not_found: machine not found", answer.error());
    }
  }

  @Test
  void a_second_Machine_of_the_same_name_is_409_and_tells_the_first_ones_id() throws Exception {
    var body = "{\"name\": \"one\", \"config\": {\"image\": \"nginx\"}}";
    var id = id(post(machines(), body));

    var answer = post(machines(), body);

    assertEquals(409, answer.status());
    assertTrue(
        answer.error().contains("machine ID " + id + " already exists with name \"one\""),
        answer.error());
  }

  @Test
  void a_config_that_Fly_does_not_take_is_400() throws Exception {
    for (var config :
        new String[] {
          "{}",
          "{\"image\": \"\"}",
          "{\"image\": \"x\", \"env\": {\"A\": 1}}",
          "{\"image\": \"x\", \"guest\": {\"cpus\": 1}}",
          "{\"image\": \"x\", \"guest\": {\"cpu_kind\": \"shared\", \"cpus\": 3}}",
          "{\"image\": \"x\", \"guest\": {\"cpu_kind\": \"shared\", \"cpus\": 1, \"memory_mb\":"
              + " 128}}",
          "{\"image\": \"x\", \"guest\": {\"cpu_kind\": \"shared\", \"cpus\": 1, \"memory_mb\":"
              + " \"lots\"}}",
          "{\"image\": \"x\", \"mounts\": [{\"volume\": \"a\", \"path\": \"/a\"}, {\"volume\":"
              + " \"b\", \"path\": \"/b\"}]}",
          "{\"image\": \"x\", \"mounts\": [{\"volume\": \"a\", \"path\": \"/../a\"}]}",
          "{\"image\": \"x\", \"services\": [{\"autostart\": \"yes\"}]}",
          "{\"image\": \"x\", \"init\": {\"cmd\": \"npx\"}}"
        }) {
      var answer = post(machines(), "{\"config\": " + config + "}");
      assertEquals(400, answer.status(), config);
      assertFalse(answer.error().isEmpty(), config);
    }
  }

  @Test
  void a_wait_of_no_or_too_many_seconds_is_400() throws Exception {
    var id = id(post(machines(), STATE_ONLY));

    for (var timeout : new String[] {"0", "61", "x"}) {
      var answer = get(machines() + "/" + id + "/wait?timeout=" + timeout);
      assertEquals(400, answer.status());
      assertTrue(answer.error().contains("value must be inside range [1s, 1m0s]"), answer.error());
    }
  }

  @Test
  void a_hundred_waits_take_no_hundred_threads() throws Exception {
    var id = id(post(machines(), "{\"skip_launch\": true, \"config\": {\"image\": \"nginx\"}}"));
    var threads = Thread.activeCount();
    var waits =
        IntStream.range(0, 100)
            .mapToObj(
                i ->
                    HTTP.sendAsync(
                        request(
                            "GET",
                            machines() + "/" + id + "/wait?timeout=30",
                            null,
                            "Bearer " + sandbox.token()),
                        HttpResponse.BodyHandlers.ofString()))
            .toList();
    Fly.pause(500);
    var more = Thread.activeCount() - threads;

    action(id, "start");

    for (CompletableFuture<HttpResponse<String>> wait : waits)
      assertEquals(200, wait.join().statusCode());
    assertTrue(more < waits.size(), more + " more threads");
  }

  // Volumes of Machines

  @Test
  void a_volume_serves_one_Machine_of_its_region() throws Exception {
    var volume =
        post("/v1/apps/" + app + "/volumes", "{\"name\": \"data\", \"region\": \"iad\"}")
            .json()
            .path("id")
            .asText();
    var body =
        "{\"region\": \"%s\", \"config\": {\"image\": \"x\", \"mounts\": [{\"volume\": \"%s\","
            + " \"path\": \"/data\"}]}}";

    var elsewhere = post(machines(), body.formatted("fra", "data"));
    var unknown = post(machines(), body.formatted("iad", "other"));
    var first = post(machines(), body.formatted("iad", "data"));
    var second = post(machines(), body.formatted("iad", volume));

    assertEquals(412, elsewhere.status());
    assertTrue(
        elsewhere.error().contains("is in the wrong region (\"iad\" != \"fra\")"),
        elsewhere.error());
    assertEquals(400, unknown.status());
    assertEquals("volume not found", unknown.error());
    assertEquals(200, first.status());
    assertEquals(volume, first.json().at("/config/mounts/0/volume").asText());
    assertEquals(412, second.status());
    assertEquals(
        "failed_precondition: volume already claimed by machine " + id(first), second.error());
    var bound = send("DELETE", "/v1/apps/" + app + "/volumes/" + volume);
    assertEquals(412, bound.status());
    assertEquals(
        "failed_precondition: volume is currently bound to machine: " + id(first), bound.error());

    send("DELETE", machines() + "/" + id(first) + "?force=true");
    await(id(first), "destroyed", 60);
    assertEquals(200, post(machines(), body.formatted("iad", volume)).status());
  }

  // How the tests ask

  private String machines() {
    return "/v1/apps/" + app + "/machines";
  }

  private static String id(Answer machine) {
    return machine.json().path("id").asText();
  }

  private Answer await(String id, String state, int seconds) throws Exception {
    return get(machines() + "/" + id + "/wait?state=" + state + "&timeout=" + seconds);
  }

  private Answer action(String id, String name) throws Exception {
    return send("POST", machines() + "/" + id + "/" + name);
  }

  private static JsonNode graphql(String query, String variables) throws Exception {
    var body = Fly.JSON.createObjectNode().put("query", query);
    body.set("variables", Fly.JSON.readTree(variables));
    var answer = post("/graphql", body.toString());
    assertEquals(200, answer.status());
    return answer.json();
  }

  private static Answer get(String path) throws Exception {
    return send("GET", path);
  }

  private static Answer post(String path, String body) throws Exception {
    return send("POST", path, body, "Bearer " + sandbox.token());
  }

  private static Answer send(String method, String path) throws Exception {
    return send(method, path, null, "Bearer " + sandbox.token());
  }

  private static Answer send(String method, String path, String body, String authorization)
      throws Exception {
    var answer = raw(method, path, body, authorization);
    var json =
        answer.headers().firstValue("Content-Type").orElse("").startsWith("application/json");
    return new Answer(
        answer.statusCode(),
        json ? Fly.JSON.readTree(answer.body()) : Fly.JSON.createObjectNode(),
        answer.body());
  }

  private static HttpResponse<String> raw(
      String method, String path, String body, String authorization) throws Exception {
    return HTTP.send(
        request(method, path, body, authorization), HttpResponse.BodyHandlers.ofString());
  }

  private static HttpRequest request(
      String method, String path, String body, String authorization) {
    var publisher =
        body == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(body);
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path)).method(method, publisher);
    if (authorization != null) request.header("Authorization", authorization);
    return request.build();
  }

  private static String statusLine(String head) throws IOException {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      socket
          .getOutputStream()
          .write((head + "Connection: close\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .findFirst()
          .orElse("");
    }
  }

  private static boolean connects(InetAddress address) {
    try (var socket = new Socket(address, sandbox.port())) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }
}
