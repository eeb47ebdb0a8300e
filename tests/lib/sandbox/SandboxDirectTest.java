import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests on the short way past filters and routes: no client can tell by which way one went. */
class SandboxDirectTest {
  private static final String MACHINES = "/v1/apps/demo/machines";
  private static final String MACHINE = "{\"skip_launch\":true,\"config\":{\"image\":\"nginx\"}}";
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws IOException {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    answer("POST", "/v1/apps", "", "{\"app_name\":\"demo\",\"org_slug\":\"personal\"}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  /** An answer on a connection of its own, as it came. */
  private String answer(String method, String path, String headers, String body)
      throws IOException {
    return sent(
        method
            + " "
            + path
            + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer "
            + sandbox.token()
            + "\r\n"
            + headers
            + (body.isEmpty() ? "" : "Content-Length: " + body.length() + "\r\n")
            + "\r\n",
        body);
  }

  private String sent(String head, String body) throws IOException {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  /** The answer without what differs from one request or Machine to the next. */
  private static String alike(String answer) {
    return answer
        .replaceAll("(Date|fly-request-id): .*", "$1: -")
        .replaceAll("[0-9A-Z]{26}", "ULID")
        .replaceAll("fdaa:[0-9a-f:]+", "IP")
        .replaceAll("20\\d\\d-\\d\\d-\\d\\dT[0-9:.]+Z", "TIME")
        .replaceAll("\"timestamp\":\\d+", "\"timestamp\":0")
        .replaceAll("\"id\":\"[0-9a-f]{14}\"", "\"id\":0")
        .replaceAll("\"name\":\"[a-z]+-[a-z]+-\\d+\"", "\"name\":0")
        .replaceAll("Content-Length: \\d+", "Content-Length: N");
  }

  private static String id(String answer) throws IOException {
    return Fly.JSON.readTree(answer.substring(answer.indexOf("\r\n\r\n"))).path("id").asText();
  }

  @Test
  void a_Machine_is_read_and_created_in_the_same_bytes_as_by_the_routes() throws IOException {
    var direct = answer("POST", MACHINES, "", MACHINE);
    var routed = answer("POST", MACHINES + "?by=routes", "", MACHINE);
    var path = MACHINES + "/" + id(direct);

    assertTrue(direct.startsWith("HTTP/1.1 200 OK\r\n"), direct);
    assertEquals(alike(routed), alike(direct));
    assertNotEquals(id(routed), id(direct));
    var read = answer("GET", path, "", "");
    assertEquals(
        answer("GET", path + "?by=routes", "", "").replaceAll("(Date|fly-request-id): .*", ""),
        read.replaceAll("(Date|fly-request-id): .*", ""));
    assertTrue(read.contains("-iad\r\n"), read);
  }

  @Test
  void a_refusal_is_the_same_by_both_ways() throws IOException {
    for (var body :
        List.of(
            "{", "[]", "null", "{\"config\":{}}", "{\"config\":1}", MACHINE + " ".repeat(20_000)))
      assertEquals(
          alike(answer("POST", MACHINES + "?by=routes", "", body)),
          alike(answer("POST", MACHINES, "", body)));
    for (var path : List.of("/none", "/", "", "/a/b", "/%6e"))
      assertEquals(
          alike(answer("GET", MACHINES + path + "?by=routes", "", "")),
          alike(answer("GET", MACHINES + path, "", "")));
    for (var header : List.of("Origin: http://example.com\r\n", "Origin: http://127.0.0.1\r\n"))
      assertEquals(
          alike(answer("POST", MACHINES + "?by=routes", header, MACHINE)),
          alike(answer("POST", MACHINES, header, MACHINE)));
    var without = "GET " + MACHINES + "/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    assertTrue(sent(without, "").startsWith("HTTP/1.1 401 "));
    var other = without.replace("127.0.0.1", "example.com");
    assertTrue(sent(other, "").startsWith("HTTP/1.1 403 "), sent(other, ""));
  }

  @Test
  void a_body_in_two_parts_makes_one_Machine() throws Exception {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      var out = socket.getOutputStream();
      var head =
          "POST "
              + MACHINES
              + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer "
              + sandbox.token()
              + "\r\nContent-Length: "
              + MACHINE.length()
              + "\r\n\r\n";
      out.write((head + MACHINE.substring(0, 10)).getBytes(StandardCharsets.US_ASCII));
      out.flush();
      Thread.sleep(100); // the first part alone reaches the sandbox, most times
      out.write(MACHINE.substring(10).getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);

      assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
    }
    var listed = answer("GET", MACHINES, "", "");
    assertEquals(1, Fly.JSON.readTree(listed.substring(listed.indexOf("\r\n\r\n"))).size());
  }

  @Test
  void faults_and_limits_that_are_switched_on_hit_the_next_request() throws Exception {
    var path = MACHINES + "/" + id(answer("POST", MACHINES, "", MACHINE));
    assertTrue(answer("GET", path, "", "").startsWith("HTTP/1.1 200 "));

    sandbox.faults().faults(List.of("GET /v1/apps/*/machines/* 503 x1"));

    assertTrue(answer("GET", path, "", "").startsWith("HTTP/1.1 503 "));
    assertTrue(answer("GET", path, "", "").startsWith("HTTP/1.1 200 "));
    sandbox.faults().faults(List.of());
    sandbox.faults().rateLimits(true);
    Await.until(() -> answer("GET", path, "", "").contains(" 429 "));
  }

  @Test
  void Machines_with_one_config_keep_its_order_and_share_no_later_change() throws IOException {
    var one =
        "{\"skip_launch\":true,\"config\":{\"image\":\"nginx\",\"env\":{\"A\":\"1\",\"B\":\"2\"}}}";
    var first = answer("POST", MACHINES, "", one);
    var second = answer("POST", MACHINES, "", one);
    var turned =
        answer(
            "POST",
            MACHINES,
            "",
            one.replace("\"A\":\"1\",\"B\":\"2\"", "\"B\":\"2\",\"A\":\"1\""));

    assertEquals(alike(first), alike(second));
    assertTrue(turned.contains("{\"B\":\"2\",\"A\":\"1\"}"), turned);
    answer("POST", MACHINES + "/" + id(second) + "/metadata/role", "", "{\"value\":\"x\"}");
    assertTrue(answer("GET", MACHINES + "/" + id(second), "", "").contains("\"role\":\"x\""));
    var path = MACHINES + "/" + id(first);
    assertEquals(alike(first), alike(answer("GET", path, "", "")));
    assertTrue(!answer("GET", path + "/versions", "", "").contains("role"));
  }
}
