import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.mcp.http.AccessGuard;
import fly.mcp.wrap.BridgeConfig;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Access, health, and the protocol of a request. */
class McpWrapAccessTest extends WrapFixture {
  @Test
  void pages_of_other_origins_and_other_names_for_us_are_refused() throws Exception {
    guard =
        new AccessGuard(null, null, null, true, Set.of("https://app.example"), Set.of("mcp.test"));
    wrap(SHELL_PROGRAM);

    assertEquals(403, status("Host: localhost\r\nOrigin: http://evil.example"));
    assertEquals(403, status("Host: localhost\r\nOrigin: null"));
    assertEquals(403, status("Host: evil.example"));
    assertEquals(200, status("Host: localhost\r\nOrigin: http://localhost:3000"));
    assertEquals(200, status("Host: 127.0.0.1:1234\r\nOrigin: https://app.example"));
    assertEquals(200, status("Host: mcp.test"));
  }

  @Test
  void a_page_that_may_come_is_let_in_by_its_browser_too() throws Exception {
    guard =
        new AccessGuard(
            "sesame", null, null, true, Set.of("https://app.example"), Set.of("mcp.test"));
    wrap(SHELL_PROGRAM);

    var asked =
        answer(
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
                + "Access-Control-Request-Method: POST\r\n"
                + "Access-Control-Request-Headers: authorization,mcp-session-id\r\n\r\n");
    assertEquals("HTTP/1.1 204 No Content", asked.get(0));
    assertTrue(asked.contains("Access-control-allow-origin: https://app.example"), asked + "");
    assertTrue(asked.contains("Access-control-allow-methods: GET, POST, DELETE"), asked + "");
    assertTrue(
        asked.contains("Access-control-allow-headers: authorization,mcp-session-id"), asked + "");

    var head = "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: ";
    var refused = answer(head + "https://app.example\r\n\r\n");
    assertEquals("HTTP/1.1 401 Unauthorized", refused.get(0));
    assertTrue(refused.contains("Access-control-allow-origin: https://app.example"), refused + "");
    assertTrue(refused.toString().contains("expose-headers: Mcp-Session-Id"), refused + "");

    var other = answer(head + "https://evil.example\r\n\r\n");
    assertEquals("HTTP/1.1 403 Forbidden", other.get(0));
    assertFalse(other.toString().contains("Access-control"), other + "");
  }

  /** Status line and headers. */
  private List<String> answer(String request) throws IOException {
    try (var socket = raw(request)) {
      var lines = reader(socket.getInputStream());
      var head = new ArrayList<String>();
      for (var line = lines.readLine(); !line.isEmpty(); line = lines.readLine()) head.add(line);
      return head;
    }
  }

  @Test
  void a_browser_is_told_what_this_is_and_takes_no_place() throws Exception {
    wrap(SHELL_PROGRAM);
    for (var accept : List.of("text/html,application/xml;q=0.9,*/*;q=0.8", "image/webp,*/*")) {
      var visit = request().header("Accept", accept).GET().build();

      var answer = client.send(visit, BodyHandlers.ofString());

      assertEquals(200, answer.statusCode());
      assertTrue(answer.body().startsWith("An MCP server"), answer.body());
    }
    assertEquals(200, getLines().statusCode());
  }

  @Test
  void either_credential_lets_in_and_none_reaches_the_program() throws Exception {
    guard = new AccessGuard("sesame", "ali", "baba", true, Set.of(), Set.of());
    wrap(SHELL_PROGRAM);

    for (var right : List.of("Bearer sesame", "bearer  sesame", "basic YWxpOmJhYmE=")) {
      assertEquals(200, status("Host: localhost\r\nAuthorization: " + right));
    }
    for (var wrong :
        List.of("Bearer x", "Basic x", "Basic sesame", "sesame", "Bearer YWxpOmJhYmE=")) {
      assertEquals(401, status("Host: localhost\r\nAuthorization: " + wrong));
    }
    var answer = client.send(request().GET().build(), BodyHandlers.ofString());
    assertEquals(
        "Bearer, Basic realm=\"MCP\", charset=\"UTF-8\"",
        answer.headers().firstValue("www-authenticate").orElse(""));
  }

  @Test
  void the_health_is_that_of_the_program_and_takes_no_slot() throws Exception {
    restart = false;
    wrap(Program.command());

    assertEquals(200, healthz("GET").statusCode());
    assertEquals(200, healthz("HEAD").statusCode());
    assertEquals(200, getLines().statusCode());
    lines(call(1, "exit", "3"));
    Await.until(() -> healthz("GET").statusCode() != 200);
    assertEquals(503, healthz("GET").statusCode());
  }

  @Test
  void a_program_that_the_next_request_starts_again_is_in_good_health() throws Exception {
    wrap(Program.command());

    lines(call(1, "exit", "3"));
    Await.until(() -> log.toString().contains("(exit code 3): going"));

    assertEquals(200, healthz("GET").statusCode());
  }

  @Test
  void the_last_words_of_a_program_are_not_for_everybody() throws Exception {
    guard = new AccessGuard("sesame", null, null, true, Set.of(), Set.of());
    restart = false;
    wrap(List.of("sh", "-c", "echo a secret >&2; exit 3"));
    bridge.await();

    var health = healthz("GET");

    assertEquals(503, health.statusCode());
    assertFalse(health.body().contains("secret"), health.body());
    assertTrue(log.toString().contains("a secret"), log.toString());
  }

  @Test
  void what_clients_say_and_hear_can_be_watched() throws Exception {
    wrap(SHELL_PROGRAM);

    post(initialize(), call(7, "tools/call", "{\"name\":\"echo\",\"x\":\"secret\"}"));
    lines(call(8, "ping", "{}"));

    assertEquals(
        List.of(
            "-> initialize 0",
            "POST /: 200",
            "-> tools/call echo 7",
            "POST /: 200",
            "-> ping 8",
            "POST /: 202"),
        traced);
  }

  @Test
  void other_methods_are_answered_sanely() throws Exception {
    wrap(SHELL_PROGRAM);
    for (var method : List.of("HEAD", "PUT", "OPTIONS")) {
      var request = request().method(method, BodyPublishers.noBody()).build();
      var answer = client.send(request, BodyHandlers.ofString());

      assertEquals(method.equals("OPTIONS") ? 204 : 405, answer.statusCode());
      assertEquals("GET, POST, DELETE", answer.headers().firstValue("allow").orElse(""));
    }
  }

  @Test
  void each_request_tells_its_protocol() throws Exception {
    wrap(SHELL_PROGRAM);
    var ping = call(1, "ping", "{}");

    // Streamable HTTP, which misses the session.
    for (var accept :
        List.of(
            "application/json, text/event-stream",
            "text/event-stream;q=0.5,application/json;q=0.9")) {
      assertEquals(400, asked(BodyPublishers.ofString(ping), "Accept", accept));
    }
    assertEquals(400, asked(null, "Accept", "text/event-stream"));
    assertEquals(404, asked(BodyPublishers.ofString(ping), "Mcp-Session-Id", "x", "Accept", "*/*"));
    assertEquals(
        400,
        asked(
            BodyPublishers.ofString(ping), "MCP-Protocol-Version", "2025-06-18", "Accept", "*/*"));

    // The wrap's.
    for (var accept : List.of("*/*", "application/json", "text/event-stream", "text/plain")) {
      assertEquals(202, asked(BodyPublishers.ofString(ping), "Accept", accept));
    }
    for (var accept : List.of("*/*", "application/json", "application/json, text/event-stream")) {
      var status = asked(null, "Accept", accept);
      while (status == 409) status = asked(null, "Accept", accept); // until the last one is missed
      assertEquals(200, status);
    }
  }

  /** The status of a POST, or without a body of a GET. */
  private int asked(HttpRequest.BodyPublisher body, String... headers)
      throws IOException, InterruptedException {
    var request = request().headers(headers);
    if (body != null) request.header("Content-Type", "application/json").POST(body);
    var answer = client.send(request.build(), BodyHandlers.ofInputStream());
    answer.body().close();
    return answer.statusCode();
  }

  @Test
  void one_protocol_can_be_forced() throws Exception {
    protocol = BridgeConfig.Protocol.STREAMABLE;
    wrap(SHELL_PROGRAM);

    assertEquals(406, getLines().statusCode());
    assertEquals(406, lines(call(1, "echo", "1")).statusCode());
  }
}
