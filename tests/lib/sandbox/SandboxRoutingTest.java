import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Which app and which Machine a request is for. The Machines are state only, so that the edge names
 * the one that it has chosen.
 */
class SandboxRoutingTest {
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    api("POST", "/v1/apps", "{\"app_name\":\"shop\",\"org_slug\":\"personal\"}");
    api("POST", "/v1/apps/shop/ip_assignments", "{\"type\":\"shared_v4\"}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private String send(String method, String path, String host, String headers, String body)
      throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var request =
          "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s"
              .formatted(method, path, host, headers, body.length(), body);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  private String get(String path, String host, String headers) throws IOException {
    return send("GET", path, host, headers, "");
  }

  private String api(String method, String path, String body) throws IOException {
    var authorization = "Authorization: Bearer " + sandbox.token() + "\r\n";
    var answer = send(method, path, "127.0.0.1:" + sandbox.port(), authorization, body);
    assertTrue(answer.startsWith("HTTP/1.1 20"), answer);
    return answer.substring(answer.indexOf("\r\n\r\n") + 4);
  }

  /** Its id. */
  private String machine(String region) throws IOException {
    var body =
        """
        {"region":"%s","config":{"image":"nginx","services":[{"protocol":"tcp","internal_port":80,
        "autostart":true,"ports":[{"port":80,"handlers":["http"],"force_https":true}]}]}}\
        """
            .formatted(region);
    var answer = api("POST", "/v1/apps/shop/machines", body);
    var id = answer.replaceAll("(?s).*?\"id\":\\s*\"(\\w+)\".*", "$1");
    api("GET", "/v1/apps/shop/machines/" + id + "/wait?state=started", "");
    return id;
  }

  private static void assertChosen(String id, String answer) {
    assertTrue(answer.contains("Machine " + id + " runs the image nginx"), answer);
  }

  private static void assertStatus(int status, String answer) {
    assertEquals(status, Integer.parseInt(answer.split(" ", 3)[1]), answer);
  }

  @Test
  void an_app_answers_to_its_names_at_every_path_and_method() throws Exception {
    var id = machine("fra");

    assertChosen(id, get("/", "shop.fly.dev", ""));
    assertChosen(id, get("/", "SHOP.localhost:" + sandbox.port(), ""));
    assertChosen(id, get("/v1/apps", "shop.fly.dev", ""));
    assertChosen(id, send("POST", "/sandbox/stop", "shop.fly.dev", "", "{}"));
    assertChosen(id, send("PATCH", "/a/b?c=d", "shop.localhost", "", "{}"));
    assertChosen(id, get("/edge/shop/a", "127.0.0.1", ""));
  }

  @Test
  void a_name_of_no_app_is_refused() throws Exception {
    machine("fra");

    for (var host :
        new String[] {"other.fly.dev", "other.localhost", "fly.dev", "a.shop.fly.dev"}) {
      assertStatus(403, get("/", host, ""));
    }
    assertStatus(403, get("/", "shop.evil.example", ""));
  }

  @Test
  void a_web_page_of_another_origin_is_refused_at_an_app_too() throws Exception {
    machine("fra");

    assertStatus(403, get("/", "shop.fly.dev", "Origin: http://evil.example\r\n"));
  }

  @Test
  void a_client_may_force_a_Machine_or_prefer_a_region() throws Exception {
    var fra = machine("fra");
    var ams = machine("ams");

    for (var id : new String[] {fra, ams}) {
      var forced = "fly-force-instance-id: " + id + "\r\n";
      assertChosen(id, get("/", "shop.fly.dev", forced));
    }
    assertChosen(fra, get("/", "shop.fly.dev", "fly-prefer-region: sin, fra,ams\r\n"));
    assertChosen(ams, get("/", "shop.fly.dev", "fly-prefer-region: ams\r\n"));
  }

  @Test
  void a_client_may_force_a_region_or_prefer_a_Machine() throws Exception {
    var fra = machine("fra");
    var ams = machine("ams");

    for (var id : new String[] {fra, ams}) {
      var preferred = "fly-prefer-instance-id: " + id + "\r\n";
      assertChosen(id, get("/", "shop.fly.dev", preferred));
    }
    assertChosen(ams, get("/", "shop.fly.dev", "fly-force-region: sin,ams\r\n"));
    var nowhere = get("/", "shop.fly.dev", "fly-force-region: sin\r\n");
    assertStatus(503, nowhere);
    assertTrue(nowhere.contains("the app shop has no Machine in sin"), nowhere);
  }

  @Test
  void where_no_Machine_may_serve_the_answer_says_why() throws Exception {
    var id = machine("fra");
    var stopped = "/v1/apps/shop/machines/" + id;
    api("POST", stopped + "/cordon", "");
    assertNobody("no Machine that serves requests: create one");
    api("POST", stopped + "/uncordon", "");
    update(stopped, "[]");
    assertNobody("has a service in its config, so nothing leads there");
    update(stopped, "[{\"protocol\":\"tcp\",\"internal_port\":80,\"ports\":[{\"port\":80}]}]");
    api("POST", stopped + "/stop", "{}");
    api("GET", stopped + "/wait?state=stopped", "");
    assertNobody("is started, and none has a service with autostart");
  }

  private void update(String machine, String services) throws IOException {
    api("POST", machine, "{\"config\":{\"image\":\"nginx\",\"services\":" + services + "}}");
    api("GET", machine + "/wait?state=started", "");
  }

  private void assertNobody(String reason) throws IOException {
    var answer = get("/", "shop.fly.dev", "");
    assertStatus(503, answer);
    assertTrue(answer.contains(reason), answer);
  }

  @Test
  void a_forced_Machine_that_is_gone_has_no_substitute() throws Exception {
    machine("fra");

    var answer = get("/", "shop.fly.dev", "fly-force-instance-id: 00000000000000\r\n");

    assertStatus(503, answer);
    assertTrue(answer.contains("as fly-force-instance-id demands"), answer);
  }

  @Test
  void a_cordoned_Machine_gets_nothing() throws Exception {
    var fra = machine("fra");
    var ams = machine("ams");
    api("POST", "/v1/apps/shop/machines/" + fra + "/cordon", "");

    var answer = get("/", "shop.fly.dev", "fly-prefer-region: fra\r\n");

    assertChosen(ams, answer);
  }

  @Test
  void plain_HTTP_is_sent_to_HTTPS_where_the_request_says_that_it_is_plain() throws Exception {
    machine("fra");
    var plain = "X-Forwarded-Proto: http\r\n";

    var byHost = get("/a%20b?c=d", "shop.localhost:" + sandbox.port(), plain);
    var byPath = get("/edge/shop/a", "127.0.0.1", plain);

    assertStatus(301, byHost);
    assertTrue(byHost.contains("Location: https://shop.localhost/a%20b?c=d\r\n"), byHost);
    assertTrue(byPath.contains("Location: https://shop.fly.dev/a\r\n"), byPath);
  }

  @Test
  void an_answer_tells_that_it_came_through_the_edge() throws Exception {
    var id = machine("fra");

    var answer = get("/", "shop.fly.dev", "");

    assertChosen(id, answer);
    assertTrue(answer.contains("Server: Fly/"), answer);
    assertTrue(answer.contains("Via: 1.1 fly.io\r\n"), answer);
    assertTrue(answer.toLowerCase().contains("\r\nfly-request-id: "), answer);
  }
}
