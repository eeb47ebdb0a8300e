import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CallMcpTest {
  private static final String TOOLS = "{\"tools\": [{\"name\": \"list_directory\"}]}";
  private static final String CONTENT =
      "{\"content\": [{\"type\": \"text\", \"text\": \"[DIR] lost+found\"}]}";

  private final FakeWrap wrap = new FakeWrap();

  @BeforeEach
  void settings() {
    Script.settings(wrap.url(), FakeFly.TOKEN);
    System.setProperty("FLY_EDGE_URL", wrap.url());
  }

  @AfterEach
  void stop() {
    wrap.close();
  }

  @Test
  void it_asks_what_the_guide_asks_and_prints_the_replies_one_per_line() throws Exception {
    var result = Script.run(new CallMcp(), "--transport", "wrap");

    assertEquals(0, result.exit(), result.err());
    var replies = result.out().lines().toList();
    assertEquals(3, replies.size(), result.out());
    for (int id = 0; id < 3; id++)
      assertEquals(id, Fly.JSON.readTree(replies.get(id)).get("id").asInt());
    assertTrue(replies.get(2).contains("lost+found"));
    assertEquals(
        List.of("initialize", "notifications/initialized", "tools/list", "tools/call"),
        wrap.methods());
    assertTrue(wrap.received.get(0).contains("\"protocolVersion\":\"2024-11-05\""));
  }

  @Test
  void the_reply_stream_is_open_before_anything_is_sent() {
    Script.run(new CallMcp(), "--transport", "wrap");

    assertEquals("GET", wrap.order.get(0));
    assertEquals("POST", wrap.order.get(1));
  }

  @Test
  void a_tool_of_your_own_is_called_with_your_arguments() {
    var result =
        Script.run(new CallMcp(), "--tool", "read_text_file", "--args", "{\"path\": \"/data/x\"}");

    assertEquals(0, result.exit(), result.err());
    var call = "{\"name\":\"read_text_file\",\"arguments\":{\"path\":\"/data/x\"}}";
    assertTrue(wrap.received.stream().anyMatch(line -> line.contains(call)), result.err());
  }

  @Test
  void arguments_that_are_no_JSON_object_are_refused_before_anything_is_sent() {
    var result = Script.run(new CallMcp(), "--tool", "x", "--args", "[1");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: --args is no JSON object"), result.err());
    assertTrue(wrap.order.isEmpty());
  }

  @Test
  void arguments_without_a_tool_are_refused_before_anything_is_sent() {
    var result = Script.run(new CallMcp(), "--args", "{}");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: --args are for no tool"), result.err());
    assertTrue(wrap.order.isEmpty());
  }

  @Test
  void your_own_lines_come_from_stdin() {
    var result =
        Script.runWithInput(
            // PowerShell's pipes begin with a byte order mark.
            "\ufeff{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/list\"}\n",
            new CallMcp(),
            "--requests",
            "-");

    assertEquals(0, result.exit(), result.err());
    assertEquals(
        "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":" + TOOLS.replace(" ", "") + "}\n",
        result.out());
  }

  @Test
  void it_waits_while_the_Machine_wakes_up() {
    wrap.firstStatuses.addAll(List.of(503, 502));

    var result = Script.run(new CallMcp());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("not awake yet; waiting ..."), result.err());
  }

  @Test
  void replies_are_matched_by_id_whatever_comes_between() {
    wrap.chatter =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\nnot json\n";

    var result = Script.run(new CallMcp());

    assertEquals(0, result.exit(), result.err());
    assertEquals(3, result.out().lines().count());
  }

  @Test
  void a_ping_of_the_server_is_answered() {
    wrap.chatter = "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"ping\"}\n";

    var result = Script.run(new CallMcp());

    assertEquals(0, result.exit(), result.err());
    assertTrue(wrap.received.contains("{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}"));
  }

  @Test
  void the_bearer_token_is_sent_and_never_shown() {
    wrap.token = "s3cret";
    System.setProperty("FLY_MCP_BEARER_TOKEN", "s3cret");

    var result = Script.run(new CallMcp(), "-v");

    assertEquals(0, result.exit(), result.err());
    assertFalse((result.out() + result.err()).contains("s3cret"));
  }

  @Test
  void a_missing_token_is_exit_code_4() {
    wrap.token = "s3cret";

    var result = Script.run(new CallMcp());

    assertEquals(4, result.exit());
    assertTrue(result.err().contains("try: export FLY_MCP_BEARER_TOKEN="), result.err());
  }

  @Test
  void nobody_there_is_exit_code_10() {
    wrap.close();

    var result = Script.run(new CallMcp(), "--timeout", "3");

    assertEquals(10, result.exit());
    assertTrue(result.err().contains("why: connection refused"), result.err());
  }

  @Test
  void a_taken_stream_says_so_and_what_to_do() {
    for (int i = 0; i < 60; i++) wrap.firstStatuses.add(409);

    var result = Script.run(new CallMcp(), "--timeout", "3");

    assertEquals(10, result.exit());
    assertTrue(result.err().contains("error: another client holds the reply stream"), result.err());
  }

  @Test
  void a_failed_initialize_is_exit_code_11_and_nothing_more_is_sent() throws Exception {
    wrap.answer = request -> error(request, "no such version");

    var result = Script.run(new CallMcp());

    assertEquals(11, result.exit());
    assertTrue(result.err().contains("no such version"), result.err());
    assertFalse(wrap.methods().contains("tools/list"));
  }

  @Test
  void a_failed_list_is_exit_code_12() {
    wrap.answer =
        request -> name(request).equals("tools/list") ? error(request, "no tools") : ok(request);

    assertEquals(12, Script.run(new CallMcp()).exit());
  }

  @Test
  void a_failed_call_is_exit_code_13() {
    wrap.answer =
        request ->
            name(request).equals("tools/call")
                ? result(
                    request,
                    "{\"isError\": true, \"content\": [{\"type\": \"text\", \"text\": \"Access"
                        + " denied\"}]}")
                : ok(request);

    var result = Script.run(new CallMcp());

    assertEquals(13, result.exit());
    assertTrue(result.err().contains("why: Access denied"), result.err());
  }

  @Test
  void a_reply_that_never_comes_ends_with_the_timeout() {
    wrap.answer = request -> name(request).equals("tools/call") ? "" : ok(request);

    var result = Script.run(new CallMcp(), "--timeout", "4"); // a busy machine shakes hands, too

    assertEquals(13, result.exit());
    assertTrue(result.err().contains("why: no reply"), result.err());
  }

  @Test
  void it_finds_out_by_itself_what_the_server_speaks() {
    try (var streamable = new FakeMcp()) {
      var result = Script.run(new CallMcp(), "--url", streamable.url(), "--list", "tools");

      assertEquals(0, result.exit(), result.err());
      assertEquals(2, result.out().lines().count(), result.out());
      assertTrue(result.err().contains("STREAMABLE"), result.err());
    }

    try (var sse = new FakeMcp()) {
      for (var method : List.of("initialize", "notifications/initialized", "tools/list")) {
        sse.always(method, request -> overSse(sse, request));
      }
      sse.always(
          "GET",
          request -> {
            var events = request.events().raw("event: endpoint\ndata: /post\n\n");
            sse.streams.add(events);
            events.await(Await.LIMIT_MS);
          });

      var result = Script.run(new CallMcp(), "--url", sse.url(), "--list", "tools");

      assertEquals(0, result.exit(), result.err());
      assertEquals(2, result.out().lines().count(), result.out());
      assertTrue(result.err().contains("SSE"), result.err());
    }

    var result = Script.run(new CallMcp(), "--list", "tools");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("WRAP"), result.err());
  }

  private static void overSse(FakeMcp sse, FakeMcp.Request request) throws Exception {
    if (!request.uri().getPath().equals("/post")) {
      request.answer(405, null, "");
      return;
    }
    request.answer(202, null, "");
    if (request.message.has("id")) sse.stream().event(request.result("{}"));
  }

  @Test
  void a_server_that_knows_no_handshake_any_more_is_asked_as_it_wants() throws Exception {
    try (var server = new FakeMcp()) {
      server.always(
          "initialize",
          request ->
              request.answer(
                  400,
                  "application/json",
                  FakeMcp.error("0", -32022, "Unsupported protocol version: 2024-11-05")
                      .replace("\"code\"", "\"data\":{\"supported\":[\"2026-07-28\"]},\"code\"")));
      server.always(
          "server/discover",
          request ->
              request.reply(
                  "{\"supportedVersions\":[\"2026-07-28\"],\"_meta\":{"
                      + "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"modern\",\"version\":\"1\"}}}"));

      var result = Script.run(new CallMcp(), "--url", server.url(), "--tool", "look");

      assertEquals(0, result.exit(), result.err());
      assertEquals(3, result.out().lines().count(), result.out());
      assertTrue(
          result.err().matches("(?s).*server/discover +\\d+\\.\\d ms  modern 1, MCP 2026-07-28.*"),
          result.err());
      assertEquals(
          List.of("initialize", "server/discover", "tools/list", "tools/call"), server.methods());
      for (var request : server.requests.subList(1, 4)) {
        assertEquals("2026-07-28", request.header("MCP-Protocol-Version"));
        assertEquals(request.name, request.header("Mcp-Method"));
        var meta = request.message.at("/params/_meta");
        assertEquals(
            "claude-ai", meta.path("io.modelcontextprotocol/clientInfo").path("name").asText());
        assertTrue(meta.path("io.modelcontextprotocol/clientCapabilities").isObject());
      }
      assertEquals("look", server.all("tools/call").get(0).header("Mcp-Name"));
    }
  }

  @Test
  void the_stages_are_told_with_what_they_took() {
    var result = Script.run(new CallMcp());

    for (var stage : List.of("connect", "authenticate", "initialize", "tools/list", "tools/call")) {
      assertTrue(result.err().matches("(?s).*\n  " + stage + ".* +\\d+\\.\\d ms.*"), result.err());
    }
  }

  @Test
  void a_list_is_read_to_its_last_page() {
    wrap.answer =
        request ->
            !name(request).equals("resources/list")
                ? ok(request)
                : request.at("/params/cursor").isTextual()
                    ? result(request, "{\"resources\":[{\"uri\":\"file:///2\"}]}")
                    : result(
                        request, "{\"resources\":[{\"uri\":\"file:///1\"}],\"nextCursor\":\"p2\"}");

    var result = Script.run(new CallMcp(), "--list", "resources");

    assertEquals(0, result.exit(), result.err());
    assertEquals(3, result.out().lines().count(), result.out());
    assertTrue(result.out().contains("file:///2"), result.out());
  }

  @Test
  void a_list_whose_pages_lead_in_a_circle_is_not_taken_for_whole() {
    wrap.answer =
        request ->
            !name(request).equals("resources/list")
                ? ok(request)
                : result(
                    request, "{\"resources\":[{\"uri\":\"file:///1\"}],\"nextCursor\":\"p1\"}");

    var result = Script.run(new CallMcp(), "--list", "resources");

    assertEquals(12, result.exit(), result.err());
    assertTrue(result.err().contains("error: a list has no end"), result.err());
  }

  @Test
  void a_report_tells_the_stages_and_the_replies() throws Exception {
    var result = Script.run(new CallMcp(), "--json");

    var report = Fly.JSON.readTree(result.out());
    assertTrue(report.path("ok").asBoolean(), result.out());
    assertEquals(
        List.of("connect", "authenticate", "initialize", "list", "call"),
        report.findValuesAsText("stage"));
    assertEquals(3, report.path("replies").size());
  }

  @Test
  void a_report_of_a_failure_tells_the_stage_and_the_exit_code() throws Exception {
    wrap.token = "s3cret";

    var result = Script.run(new CallMcp(), "--json");

    assertEquals(4, result.exit());
    var report = Fly.JSON.readTree(result.out());
    assertFalse(report.path("ok").asBoolean());
    assertEquals(List.of("connect", "authenticate"), report.findValuesAsText("stage"));
    assertEquals(4, report.at("/error/exit_code").asInt());
  }

  @Test
  void an_error_of_the_tool_is_told_apart_from_one_of_the_protocol() {
    wrap.answer =
        request ->
            name(request).equals("tools/call") ? error(request, "no such tool") : ok(request);
    assertTrue(
        Script.run(new CallMcp())
            .err()
            .contains("error: tools/call list_directory failed\n  why: no such tool (-32000)"));

    wrap.answer =
        request ->
            name(request).equals("tools/call")
                ? result(request, "{\"isError\":true,\"content\":[]}")
                : ok(request);
    assertTrue(
        Script.run(new CallMcp())
            .err()
            .contains("error: the tool list_directory reports an error"));
  }

  @Test
  void a_dry_run_prints_the_guides_shell_script() {
    var result = Script.run(new CallMcp(), "-n");

    assertEquals(0, result.exit());
    assertTrue(
        result.out().startsWith("curl -N \"" + wrap.url() + "\" &\nprocess_id=$!\nsleep 1\n"),
        result.out());
    assertTrue(wrap.order.isEmpty());
  }

  private static String name(JsonNode request) {
    return request.path("method").asText();
  }

  private static String ok(JsonNode request) {
    return switch (name(request)) {
      case "initialize" -> result(request, "{\"protocolVersion\": \"2024-11-05\"}");
      case "tools/list" -> result(request, TOOLS);
      default -> result(request, CONTENT);
    };
  }

  private static String result(JsonNode request, String result) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n".formatted(request.get("id"), result);
  }

  private static String error(JsonNode request, String message) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32000,\"message\":\"%s\"}}\n"
        .formatted(request.get("id"), message);
  }

  /** The wrap's protocol with trouble on demand. */
  private static final class FakeWrap {
    final List<String> order = new CopyOnWriteArrayList<>();
    final List<String> received = new CopyOnWriteArrayList<>();
    final Deque<Integer> firstStatuses = new ArrayDeque<>();
    final CountDownLatch closed = new CountDownLatch(1);
    Function<JsonNode, String> answer = CallMcpTest::ok;
    String chatter = "";
    String token;
    private final HttpServer server;
    private OutputStream replies;

    FakeWrap() {
      try {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      server.createContext("/", this::handle);
      server.setExecutor(
          Executors.newCachedThreadPool(
              task -> {
                var thread = new Thread(task);
                thread.setDaemon(true);
                return thread;
              }));
      server.start();
    }

    String url() {
      return "http://127.0.0.1:" + server.getAddress().getPort() + "/";
    }

    List<String> methods() throws IOException {
      var methods = new ArrayList<String>();
      for (var line : received) methods.add(Fly.JSON.readTree(line).path("method").asText());
      return methods;
    }

    private void handle(HttpExchange x) throws IOException {
      order.add(x.getRequestMethod());
      var sent = x.getRequestHeaders().getFirst("Authorization");
      if (token != null && !("Bearer " + token).equals(sent)) {
        refuse(x, 401);
      } else if (!firstStatuses.isEmpty()) {
        refuse(x, firstStatuses.pop());
      } else if (x.getRequestMethod().equals("GET")) {
        synchronized (received) { // a request that follows the head finds the stream
          x.sendResponseHeaders(200, 0);
          replies = x.getResponseBody();
          replies.flush();
        }
        try {
          closed.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        x.close();
      } else {
        var body = new String(x.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        var lines = body.lines().toList();
        synchronized (received) {
          var heard = replies != null; // else fly mcp wrap throws the reply away
          if (heard) received.addAll(lines);
          x.sendResponseHeaders(202, -1);
          x.close();
          if (heard) answer(lines);
        }
      }
    }

    private void answer(List<String> lines) throws IOException {
      replies.write(chatter.getBytes(StandardCharsets.UTF_8));
      for (var line : lines) {
        var message = Fly.JSON.readTree(line);
        if (message.has("id") && message.has("method")) {
          replies.write(answer.apply(message).getBytes(StandardCharsets.UTF_8));
        }
      }
      replies.flush();
    }

    private static void refuse(HttpExchange x, int status) throws IOException {
      var body = "{\"error\": \"not awake yet\"}".getBytes(StandardCharsets.UTF_8);
      x.sendResponseHeaders(status, body.length);
      x.getResponseBody().write(body);
      x.close();
    }

    void close() {
      closed.countDown();
      server.stop(0);
    }
  }
}
