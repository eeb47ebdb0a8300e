import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What nobody should send, the sandbox refuses, says why, and goes on. */
class SandboxBadInputTest {
  private static final String APP = "/v1/apps/mcp-demo";
  private static final int MOST_BYTES = 4 * 1024 * 1024;

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    var app = ask("POST", "/v1/apps", "{'app_name': 'mcp-demo', 'org_slug': 'personal'}");
    assertEquals(201, app.statusCode(), app.body());
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  @Test
  void what_is_no_JSON_is_refused_with_the_reason() throws Exception {
    for (var body : List.of("", "{", "{'a': }", "nonsense", "{'a': 1", "[".repeat(5_000))) {
      var answer = ask("POST", APP + "/machines", body);

      assertEquals(400, answer.statusCode(), body);
      assertTrue(error(answer).startsWith("invalid JSON: "), answer.body());
    }
    var neitherUtf8 = new byte[] {'{', '"', (byte) 0xff, (byte) 0xfe, '"', ':', '1', '}'};
    var norUtf32 = new byte[] {0, 0, 0, '{', 0x7f, 0x7f, 0x7f, 0x7f};
    for (var bytes : List.of(neitherUtf8, norUtf32)) {
      var answer = send("POST", APP + "/machines", BodyPublishers.ofByteArray(bytes));

      assertEquals(400, answer.statusCode(), answer.body());
      assertTrue(error(answer).startsWith("invalid JSON: "), answer.body());
    }
  }

  @Test
  void a_value_of_a_wrong_type_is_named_with_its_field() throws Exception {
    var wrong =
        List.of(
            "[]|request",
            "{'config': 5}|config",
            "{'config': {'image': 'nginx', 'env': {'A': 1}}}|config.env.A",
            "{'config': {'image': 'nginx', 'env': []}}|config.env",
            "{'config': {'image': 'nginx', 'guest': 'big'}}|config.guest",
            "{'config': {'image': 'nginx', 'init': {'cmd': 'ls'}}}|config.init.cmd",
            "{'config': {'image': 'nginx', 'mounts': {}}}|config.mounts",
            "{'config': {'image': 'nginx', 'files': 'x'}}|config.files",
            "{'config': {'image': 'nginx', 'services': 1}}|config.services",
            "{'config': {'image': 5}}|config.image",
            "{'name': 5, 'config': {'image': 'nginx'}}|name",
            "{'region': ['iad'], 'config': {'image': 'nginx'}}|region",
            "{'lease_ttl': '9', 'config': {'image': 'nginx'}}|lease_ttl",
            "{'lease_ttl': 1.5, 'config': {'image': 'nginx'}}|lease_ttl",
            "{'lease_ttl': 1e99, 'config': {'image': 'nginx'}}|lease_ttl",
            "{'skip_launch': 'yes', 'config': {'image': 'nginx'}}|skip_launch",
            "{'config': {'image': 'nginx', 'auto_destroy': 1}}|config.auto_destroy",
            "{'config': {'image': 'nginx', 'restart': 'always'}}|config.restart",
            "{'config': {'image': 'nginx', 'checks': {'a': {'port': '80'}}}}|config.checks.a.port",
            "{'config': {'image': 'nginx', 'processes': [{'cmd': [1]}]}}|config.processes.cmd",
            "{'config': {'image': 'nginx', 'services': [{'autostart': 'no'}]}}|autostart",
            "{'config': {'image': 'nginx', 'services': [{'ports': [{'port': '80'}]}]}}|ports.port");
    for (var line : wrong) {
      var parts = line.split("\\|");

      var answer = ask("POST", APP + "/machines", parts[0]);

      assertEquals(400, answer.statusCode(), line);
      assertTrue(error(answer).contains(parts[1]), answer.body());
    }
    assertEquals("[]", ask("GET", APP + "/machines", "").body());
  }

  @Test
  void a_value_of_a_wrong_type_is_refused_wherever_there_is_a_body() throws Exception {
    var nginx = "{'skip_launch': true, 'config': {'image': 'nginx'}}";
    var machine = json(ask("POST", APP + "/machines", nginx)).path("id").asText();
    var at = APP + "/machines/" + machine;
    var volume =
        APP
            + "/volumes/"
            + json(ask("POST", APP + "/volumes", "{'name': 'data'}")).path("id").asText();
    for (var line :
        List.of(
            "POST /v1/apps {'name': 'x', 'org_slug': 1}",
            "POST " + at + "/stop []",
            "POST " + at + "/stop {'timeout': true}",
            "POST " + at + "/stop {'signal': 2}",
            "POST " + at + "/signal {'signal': 15}",
            "POST " + at + "/exec {'cmd': ['true']}",
            "POST " + at + "/exec {'command': 'true'}",
            "POST " + at + "/exec {'command': ['true'], 'timeout': '5'}",
            "POST " + at + "/lease {'ttl': '5'}",
            "POST " + at + "/metadata/a {'value': 1}",
            "PATCH " + at + "/metadata {'metadata': {'a': 1}}",
            "PUT " + at + "/memory {'limit_mb': '1'}",
            "POST " + APP + "/volumes {'name': 5}",
            "POST " + APP + "/volumes {'name': 'a', 'encrypted': 'yes'}",
            "POST " + APP + "/volumes {'name': 'a', 'snapshot_retention': 61}",
            "POST " + APP + "/volumes {'name': 'a', 'fstype': 'ntfs'}",
            "POST " + APP + "/volumes {'name': 'a', 'snapshot_id': 5}",
            "PUT " + volume + " {'snapshot_retention': '9'}",
            "PUT " + volume + " {'snapshot_retention': 0}",
            "PUT " + volume + " {'auto_backup_enabled': 1}",
            "PUT " + volume + "/extend {'size_gb': '9'}",
            "PUT " + volume + "/extend {'size_gb': 501}",
            "POST " + APP + "/secrets {'values': {'A': 1}}",
            "POST " + APP + "/secrets/A {'value': {}}",
            "POST " + APP + "/ip_assignments {'type': 4}",
            "POST " + APP + "/certificates/acme {'hostname': 5}",
            "POST " + APP + "/deploy_token {'expiry': 5}",
            "POST /v1/platform/placements {'org_slug': 'personal', 'count': 'x'}")) {
      var parts = line.split(" ", 3);

      var answer = ask(parts[0], parts[1], parts[2]);

      assertEquals(400, answer.statusCode(), line + ": " + answer.body());
      assertFalse(error(answer).isEmpty(), line);
    }
    assertEquals("{}", ask("GET", at + "/metadata", "").body());
    assertEquals("[]", json(ask("GET", APP + "/secrets", "")).path("secrets").toString());
  }

  @Test
  void a_deleted_volume_takes_no_change() throws Exception {
    var volume =
        APP
            + "/volumes/"
            + json(ask("POST", APP + "/volumes", "{'name': 'data'}")).path("id").asText();
    ask("DELETE", volume, "");

    assertEquals(412, ask("PUT", volume + "/extend", "{'size_gb': 9}").statusCode());
    assertEquals(412, ask("PUT", volume, "{'snapshot_retention': 9}").statusCode());
    assertEquals(412, ask("POST", volume + "/snapshots", "").statusCode());
    assertEquals(200, ask("DELETE", volume, "").statusCode());
  }

  @Test
  void without_a_token_an_unknown_method_is_no_route_and_central_routes_say_no_in_their_own_way()
      throws Exception {
    for (var method : List.of("PUT", "PATCH", "DELETE")) {
      var request = HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/apps"));
      request.method(method, BodyPublishers.ofString("{}"));
      var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
      assertEquals(404, answer.statusCode(), method);
      assertEquals("404 page not found\n", answer.body());
    }
    for (var path : List.of(APP + "/certificates", APP + "/ip_assignments/1.2.3.4")) {
      for (var method : List.of("GET", "DELETE")) {
        if (path.endsWith("s") == method.equals("DELETE")) continue;
        var request = HttpRequest.newBuilder(URI.create(sandbox.url() + path));
        request.method(method, BodyPublishers.noBody()).header("Authorization", "Bearer x");
        var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(401, answer.statusCode(), path);
        assertEquals("{\"message\":\"Unauthorized\"}", answer.body());
      }
    }
  }

  @Test
  void an_unknown_route_is_answered_as_by_Gos_router_in_plain_text() throws Exception {
    for (var path : List.of("/v1/nothing", "/v2/apps", APP + "/machines/x/y/z", "/nothing")) {
      var answer = ask("GET", path, "");

      assertEquals(404, answer.statusCode(), path);
      assertEquals("404 page not found\n", answer.body());
      assertTrue(contentType(answer).startsWith("text/plain"), contentType(answer));
    }
  }

  @Test
  void a_body_that_is_too_large_is_refused_with_the_limit() throws Exception {
    var large = new byte[MOST_BYTES + 1];
    var known = BodyPublishers.ofByteArray(large);
    var chunked = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(large));
    for (var body : List.of(known, chunked)) {
      var answer = send("POST", APP + "/machines", body);

      assertEquals(413, answer.statusCode(), answer.body());
      assertEquals("the body is larger than 4 MiB", error(answer));
    }
    assertEquals(200, ask("GET", APP, "").statusCode());
  }

  @Test
  void a_refusal_is_heard_by_who_is_still_sending() throws Exception {
    for (var length : new int[] {100_000, 8_000_000}) {
      try (var socket = new Socket("127.0.0.1", sandbox.port())) {
        socket.setSoTimeout(Await.LIMIT_MS);
        var out = socket.getOutputStream();
        var head =
            "POST /v1/apps HTTP/1.1\r\n"
                + "Host: 127.0.0.1\r\n"
                + "Connection: close\r\n"
                + "Content-Length: %d\r\n\r\n";
        out.write(head.formatted(length).getBytes(StandardCharsets.US_ASCII));
        for (var sent = 0; sent < length; sent += 100_000) {
          out.write(new byte[100_000]);
          out.flush();
          if (sent == 0) TimeUnit.MILLISECONDS.sleep(100); // it has been refused by now: no token
        }
        var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(answer.startsWith("HTTP/1.1 401 "), answer);
      }
    }
  }

  @Test
  void no_name_and_no_id_is_a_path() throws Exception {
    var tricks =
        List.of(
            "%2e%2e", "..%2f..", "%2e%2e%2fx", "a%00b", "x".repeat(4_000), "%ff", "%5c..", ";x");
    for (var trick : tricks) {
      for (var path : List.of("/v1/apps/", APP + "/machines/", APP + "/volumes/")) {
        for (var method : List.of("GET", "DELETE")) {
          var status = raw(method, path + trick, "127.0.0.1:" + sandbox.port());
          assertTrue(status >= 400 && status < 500, status + " " + method + " " + path + trick);
        }
      }
    }
    for (var name : List.of("..", "a/b", "../x", "a\\\\u0000b", "x".repeat(64), "A", "-a", "")) {
      var app = "{'app_name': '%s', 'org_slug': 'personal'}".formatted(name);
      assertEquals(400, ask("POST", "/v1/apps", app).statusCode(), name);
    }
    for (var name : List.of("..", "a/b", "a-b", "x".repeat(31), "")) {
      var volume = "{'name': '%s'}".formatted(name);
      assertEquals(400, ask("POST", APP + "/volumes", volume).statusCode(), name);
    }
    assertEquals(200, ask("GET", APP, "").statusCode());
  }

  @Test
  void files_and_mounts_have_no_way_up_and_no_other_root() throws Exception {
    var volume = json(ask("POST", APP + "/volumes", "{'name': 'data'}")).path("id").asText();
    var paths =
        List.of(
            "", "/", "//", "data", "../x", "/../x", "/data/../../x", "/x\\\\..\\\\y", "/a\\u0000b");
    for (var path : paths) {
      var file = "{'files': [{'guest_path': '%s', 'raw_value': 'eA=='}]".formatted(path);
      var mount = "{'mounts': [{'volume': '%s', 'path': '%s'}]".formatted(volume, path);
      for (var config : List.of(file, mount)) {
        var body = "{'config': %s, 'image': 'flyio/mcp'}}".formatted(config);

        var answer = ask("POST", APP + "/machines", body);

        assertEquals(400, answer.statusCode(), body);
        assertTrue(error(answer).contains("must be absolute"), answer.body());
      }
    }
    var free = json(ask("GET", APP + "/volumes/" + volume, "")).path("attached_machine_id");
    assertTrue(free.isNull(), free.toString());
  }

  @Test
  void an_id_leads_nowhere_in_another_app() throws Exception {
    var other = "/v1/apps/other";
    ask("POST", "/v1/apps", "{'app_name': 'other', 'org_slug': 'personal'}");
    var volume = json(ask("POST", APP + "/volumes", "{'name': 'data'}")).path("id").asText();
    var nginx = "{'skip_launch': true, 'config': {'image': 'nginx'}}";
    var machine = json(ask("POST", APP + "/machines", nginx)).path("id").asText();
    var mount = "'mounts': [{'volume': '%s', 'path': '/data'}]".formatted(volume);

    for (var method : List.of("GET", "DELETE")) {
      assertEquals(404, ask(method, other + "/machines/" + machine, "").statusCode());
      assertEquals(404, ask(method, other + "/volumes/" + volume, "").statusCode());
    }
    assertEquals(404, ask("POST", other + "/machines/" + machine + "/start", "").statusCode());
    for (var answer :
        List.of(
            ask("POST", other + "/machines", "{'config': {'image': 'nginx', " + mount + "}}"),
            ask(
                "POST",
                other + "/volumes",
                "{'source_volume_id': '" + volume + "', 'name': 'x'}"))) {
      assertEquals(400, answer.statusCode(), answer.body());
      assertEquals("volume not found", error(answer));
    }
    assertEquals(200, ask("GET", APP + "/machines/" + machine, "").statusCode());
    assertEquals(200, ask("GET", APP + "/volumes/" + volume, "").statusCode());
  }

  @Test
  void another_Host_is_refused_and_so_is_a_web_page_of_another_origin() throws Exception {
    var port = sandbox.port();
    for (var host : List.of("evil.example", "evil.example:" + port, "127.0.0.1.evil.example")) {
      assertEquals(403, raw("GET", APP, host), host);
      assertEquals(403, raw("DELETE", APP, host), host);
    }
    for (var origin : List.of("https://evil.example", "null", "http://localhost.evil.example")) {
      for (var method : List.of("GET", "POST", "OPTIONS", "DELETE")) {
        var answer = send(method, APP, BodyPublishers.noBody(), "Origin", origin);

        assertEquals(403, answer.statusCode(), method + " from " + origin);
        assertNoCors(answer);
      }
    }
    assertEquals(200, ask("GET", APP, "").statusCode());
  }

  @Test
  void no_answer_lets_a_web_page_of_another_origin_read_it() throws Exception {
    assertNoCors(ask("GET", APP, ""));
    assertNoCors(ask("GET", "/v1/nothing", ""));
    assertNoCors(
        send("GET", APP, BodyPublishers.noBody(), "Origin", "http://localhost:" + sandbox.port()));
  }

  @Test
  void a_form_of_a_web_page_that_poses_as_text_changes_nothing() throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + APP + "/volumes"))
            .header("Content-Type", "text/plain")
            .header("Origin", "https://evil.example")
            .POST(BodyPublishers.ofString("{\"name\": \"data\"}"));

    var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());

    assertEquals(403, answer.statusCode());
    for (var path : List.of("/sandbox/stop", "/sandbox/trouble")) {
      var control = HttpRequest.newBuilder(URI.create(sandbox.url() + path));
      control.header("Content-Type", "text/plain").POST(BodyPublishers.ofString("{}"));
      var refused = http.send(control.build(), HttpResponse.BodyHandlers.ofString());
      assertEquals(401, refused.statusCode(), path);
    }
    assertEquals("[]", ask("GET", APP + "/volumes", "").body());
  }

  private HttpResponse<String> ask(String method, String path, String body) throws Exception {
    return send(method, path, BodyPublishers.ofString(body.replace('\'', '"')));
  }

  private HttpResponse<String> send(
      String method, String path, HttpRequest.BodyPublisher body, String... headers)
      throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .timeout(Await.LIMIT)
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, body);
    if (headers.length > 0) request.headers(headers);
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** The status of what no well-behaved client sends. */
  private int raw(String method, String path, String host) throws IOException {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var request =
          "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n"
              .formatted(method, path, host, sandbox.token());
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      var lines = new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1);
      var status = new BufferedReader(lines).readLine();
      assertNotNull(status, path);
      return Integer.parseInt(status.split(" ")[1]);
    }
  }

  private static void assertNoCors(HttpResponse<String> answer) {
    for (var name : answer.headers().map().keySet()) {
      assertFalse(name.toLowerCase().startsWith("access-control-"), name);
    }
  }

  private static String contentType(HttpResponse<String> answer) {
    return answer.headers().firstValue("Content-Type").orElse("");
  }

  private static JsonNode json(HttpResponse<String> answer) throws IOException {
    return Fly.JSON.readTree(answer.body());
  }

  private static String error(HttpResponse<String> answer) throws IOException {
    return json(answer).path("error").asText();
  }
}
