import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.mcp.proxy.StdioProxy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** fly-mcp-proxy in front of a server that speaks Streamable HTTP. */
class McpProxyStreamableTest {
  private static final String CHANGED =
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";

  private final FakeMcp server = new FakeMcp();

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void the_first_request_that_a_server_sees_is_the_clients_own_initialize_and_there_is_one_session()
      throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1).next();

      assertNull(bridge.leave());
    }

    assertEquals("initialize", server.methods().get(0));
    assertEquals(Bridge.INITIALIZE, server.requests.get(0).body);
    assertEquals(1, server.all("initialize").size());
    assertEquals(1, server.all("notifications/initialized").size());
    server.some("DELETE");
    assertEquals("DELETE", server.methods().get(server.methods().size() - 1));
  }

  @Test
  void session_and_revision_are_sent_from_the_handshake_on_and_your_headers_always()
      throws Exception {
    var headers = Map.of("X-Mine", "yes", "fly-force-instance-id", "1234");
    try (var bridge = Bridge.to(server.url(), headers).connected()) {
      server.stream();
      bridge.call(1).next();
      bridge.leave();
    }

    var handshake = server.requests.get(0);
    assertNull(handshake.header("Mcp-Session-Id"));
    assertNull(handshake.header("MCP-Protocol-Version"));
    server.some("DELETE");
    for (var request : server.requests) {
      assertEquals("yes", request.header("X-Mine"), request.name);
      assertEquals("1234", request.header("fly-force-instance-id"), request.name);
      if (request == handshake) continue;
      assertEquals("session-1", request.header("Mcp-Session-Id"), request.name);
      assertEquals("2025-06-18", request.header("MCP-Protocol-Version"), request.name);
    }
    for (var method : List.of("GET", "DELETE", "tools/call")) {
      assertEquals(1, server.all(method).size(), method);
    }
    assertEquals("application/json, text/event-stream", handshake.header("Accept"));
  }

  @Test
  void neither_a_stream_nor_a_thread_outlives_the_client() throws Exception {
    var before = Thread.getAllStackTraces().keySet();
    server.once( // without a session, which a DELETE would end
        "initialize",
        request -> request.reply("{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}"));
    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1).next();
      var stream = server.stream();

      assertNull(bridge.leave());

      Await.until(() -> isClosed(stream));
      Await.until(() -> left(before).isEmpty(), () -> left(before) + " run still");
      assertEquals(1, server.all("GET").size());
    }
  }

  private static boolean isClosed(FakeMcp.Events stream) {
    try {
      stream.raw(":\n\n");
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private static List<Thread> left(Set<Thread> before) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("mcp-") && !before.contains(thread))
        .toList();
  }

  @Test
  void an_answer_whose_body_does_not_come_holds_no_connection() throws Exception {
    try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var bridge =
            Bridge.to(
                "http://127.0.0.1:" + server.getLocalPort(),
                StdioProxy.Transport.STREAMABLE,
                Duration.ofSeconds(1))) {
      bridge.send(Bridge.INITIALIZE);
      try (var accepted = server.accept()) {
        assertTrue(isClosedAfterItsHead(accepted));
        assertTrue(bridge.next().has("error"));
      }
    }
  }

  private static boolean isClosedAfterItsHead(Socket accepted) throws IOException {
    accepted.setSoTimeout(Await.LIMIT_MS);
    var head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n";
    try {
      accepted.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      accepted.getInputStream().readAllBytes();
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (SocketException e) {
      return true; // reset
    }
  }

  @Test
  void what_a_server_says_right_after_the_handshake_is_heard() throws Exception {
    server.once(
        "notifications/initialized",
        request -> {
          if (!server.all("GET").isEmpty()) server.stream().event(CHANGED);
          request.answer(202, null, "");
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      assertEquals(CHANGED, bridge.line());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {405, 501, 200})
  void a_server_that_offers_no_stream_of_its_own_is_not_asked_again(int status) throws Exception {
    server.always("GET", request -> request.answer(status, "text/html", "<p>Hello</p>"));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1).next();
      server.some("GET");
      Thread.sleep(400);

      assertEquals(1, server.all("GET").size());
    }
  }

  @Test
  void a_server_whose_stream_ends_at_once_is_asked_ever_less() throws Exception {
    var times = new CopyOnWriteArrayList<Long>();
    server.always(
        "GET",
        request -> {
          times.add(System.nanoTime());
          request.events().end();
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      Await.until(() -> times.size() >= 4);

      var third = TimeUnit.NANOSECONDS.toMillis(times.get(3) - times.get(2));
      assertTrue(third >= 900, "after " + third + " ms");
    }
  }

  @Test
  void a_reply_may_come_on_the_servers_own_stream() throws Exception {
    server.once("tools/call", request -> request.answer(202, null, ""));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);
      Await.until(() -> server.methods().contains("tools/call"));
      server.stream().event("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");

      assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", bridge.line());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32603,\"message\":\"it is"
            + " broken\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32603,\"message\":\"it is broken\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":{\"code\":-1,\"message\":\"it is broken\"}}",
        "[]"
      })
  void an_answer_that_holds_no_reply_is_an_error_for_its_request(String answer) throws Exception {
    for (var status : List.of(200, 400)) {
      server.once("tools/call", request -> request.answer(status, "application/json", answer));

      try (var bridge = Bridge.to(server.url()).connected()) {
        var error = bridge.call(1).next();

        assertEquals(1, error.path("id").asInt());
        var message = error.at("/error/message").asText();
        assertTrue(
            message.matches("(the answer to tools/call|HTTP 400) .*(it is broken|\\[])"), message);
      }
    }
  }

  @Test
  void a_reply_may_come_as_a_stream_with_other_messages_before_it() throws Exception {
    server.once(
        "tools/call",
        request ->
            request
                .events()
                .raw("\ufeff: a comment\r\n\r\nevent: strange\ndata: {\"method\":\"no\"}\n\n")
                .event("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}")
                .raw("data: {\"jsonrpc\":\"2.0\",\ndata:  \"id\":7,\r\ndata: \"result\":{}}\r\r")
                .end());

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(7);

      assertEquals("notifications/progress", bridge.next().path("method").asText());
      assertEquals(7, bridge.next().path("id").asInt());
      assertTrue(bridge.isQuiet(100));
    }
  }

  @Test
  void a_server_may_ask_on_any_stream_and_gets_the_clients_answer_as_it_was_given()
      throws Exception {
    var answered = new CountDownLatch(1);
    server.always(
        "reply",
        request -> {
          request.answer(202, null, "");
          answered.countDown();
        });
    server.once(
        "tools/call",
        request -> {
          var events = request.events();
          events.event(
              "{\"jsonrpc\":\"2.0\",\"id\":\"s-1\",\"method\":\"sampling/createMessage\"}");
          answered.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
          events.event(request.result("{}")).end();
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);
      assertEquals("sampling/createMessage", bridge.next().path("method").asText());
      var answer = "{\"result\":{\"role\" : \"user\"},\"id\":\"s-1\",\"jsonrpc\":\"2.0\"}";
      bridge.send(answer);
      assertEquals(1, bridge.next().path("id").asInt());

      for (var method : List.of("elicitation/create", "roots/list", "ping")) {
        server.stream().event("{\"jsonrpc\":\"2.0\",\"id\":99,\"method\":\"" + method + "\"}");
        assertEquals(method, bridge.next().path("method").asText());
        bridge.send("{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}");
      }
      Await.until(() -> server.all("reply").size() == 4);
      assertEquals(answer, server.all("reply").get(0).body);
    }
  }

  @Test
  void a_session_that_is_over_is_opened_again_with_the_clients_own_words() throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      server.stream();
      bridge.call(1).next();
      server.forget();

      bridge.call(2);

      assertEquals("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}", bridge.line());
      assertEquals(2, server.all("initialize").size());
      assertEquals(Bridge.INITIALIZE, server.all("initialize").get(1).body);
      assertNull(server.all("initialize").get(1).header("Mcp-Session-Id"));
      assertEquals(2, server.all("notifications/initialized").size());
      assertEquals(2, server.executed.size());
      Await.until(
          () ->
              server.all("GET").stream()
                  .anyMatch(get -> "session-2".equals(get.header("Mcp-Session-Id"))));
      assertTrue(bridge.isQuiet(200));
    }
  }

  @Test
  void a_server_need_not_end_the_stream_on_which_it_opens_a_session() throws Exception {
    var never = new CountDownLatch(1);
    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1).next();
      server.forget();
      server.once(
          "initialize",
          request -> {
            server.newSession(request);
            request.events().event(request.result("{\"protocolVersion\":\"2025-06-18\"}"));
            never.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
          });

      assertTrue(bridge.call(2).next().has("result"));
    } finally {
      never.countDown();
    }
  }

  @Test
  void many_calls_that_find_the_session_over_open_one_new_session() throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(0).next();
      server.forget();

      for (int id = 1; id <= 10; id++) bridge.call(id);

      assertEquals(10, bridge.next(10).stream().filter(reply -> reply.has("result")).count());
      assertEquals(2, server.all("initialize").size());
      assertEquals(11, server.executed.size());
    }
  }

  @Test
  void a_reply_stream_that_is_cut_is_resumed_where_it_was_and_not_before_the_server_wants_it()
      throws Exception {
    var cut = new AtomicLong();
    server.once(
        "tools/call",
        request -> {
          var events = request.events().raw("retry: 300\nid: e-1\ndata:\n\n");
          cut.set(System.nanoTime());
          events.cut();
        });
    var resumed = new AtomicLong();
    server.always(
        "GET",
        request -> {
          if (request.header("Last-Event-ID") == null) {
            request.answer(405, null, "");
            return;
          }
          resumed.set(System.nanoTime());
          request.events().event("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"late\":true}}").end();
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);

      assertTrue(bridge.next().at("/result/late").asBoolean());
      var asked = server.all("GET").stream().filter(r -> r.header("Last-Event-ID") != null);
      assertEquals(List.of("e-1"), asked.map(r -> r.header("Last-Event-ID")).toList());
      assertEquals(1, server.all("tools/call").size());
      var waited = TimeUnit.NANOSECONDS.toMillis(resumed.get() - cut.get());
      assertTrue(waited >= 250, "after " + waited + " ms");
    }
  }

  @Test
  void a_reply_stream_that_is_cut_for_good_is_an_error_for_its_request() throws Exception {
    server.once("tools/call", request -> request.events().raw(": nothing yet\n\n").cut());

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);

      var error = bridge.next();
      assertEquals(1, error.path("id").asInt());
      assertTrue(error.at("/error/message").asText().contains("stream"), error.toString());
      assertEquals(1, server.all("tools/call").size());
    }
  }

  @Test
  void the_servers_own_stream_comes_back_after_each_cut_without_loss_or_repetition()
      throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      for (int n = 1; n <= 3; n++) {
        server.stream()
            .raw("retry: 400\n")
            .event("e-" + n, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/n" + n + "\"}");
        assertEquals("notifications/n" + n, bridge.next().path("method").asText());
        var streams = server.streams.size();
        var cut = System.nanoTime();
        server.stream().cut();
        Await.until(() -> server.streams.size() > streams);
        var waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - cut);
        assertTrue(waited >= 350, "after " + waited + " ms");
      }

      assertEquals(
          List.of("none", "e-1", "e-2", "e-3"),
          server.all("GET").stream()
              .map(
                  get -> get.header("Last-Event-ID") == null ? "none" : get.header("Last-Event-ID"))
              .toList());
      assertTrue(bridge.isQuiet(100));
    }
  }

  @Test
  void what_is_no_JSON_RPC_on_a_stream_does_not_reach_the_client() throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      server.stream()
          .raw("<html>\n<p>Bad gateway</p>\n\ndata: {\"jsonrpc\":\n\ndata: 42\n\n: ping\n\n")
          .raw("data: {\"jsonrpc\":\"2.0\",\"meth")
          .cut();
      bridge.call(1);

      assertEquals(1, bridge.next().path("id").asInt());
      assertTrue(bridge.isQuiet(100));
    }
  }

  @Test
  void a_500_is_one_JSON_RPC_error_whatever_its_text_holds() throws Exception {
    server.once("tools/call", request -> request.answer(500, "text/plain", "a \"quote\"\nand\\n"));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call("\"x\"");

      var error = bridge.next();
      assertEquals("x", error.path("id").asText());
      assertEquals(-32000, error.at("/error/code").asInt());
      var message = error.at("/error/message").asText();
      assertTrue(message.contains("HTTP 500") && message.contains("a \"quote\" and"), message);
      assertTrue(bridge.isQuiet(100));
      assertEquals(1, server.all("tools/call").size());
    }
  }

  @Test
  void an_error_that_is_a_JSON_RPC_reply_passes_as_it_is_whatever_the_status() throws Exception {
    var error =
        "{\"id\":5,\"error\":{\"code\":-32601,\"message\":\"no\",\"x\":1},\"jsonrpc\":\"2.0\"}";
    server.once("tools/call", request -> request.answer(400, "application/json", error));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(5);

      assertEquals(error, bridge.line());
    }
  }

  @Test
  void a_502_or_503_in_the_middle_is_waited_out_and_the_tool_runs_once() throws Exception {
    server.once("tools/call", request -> request.retryAfter(503, "1"));
    server.once("tools/call", request -> request.retryAfter(502, null));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);

      assertTrue(bridge.next().has("result"));
      assertEquals(3, server.all("tools/call").size());
      assertEquals(1, server.executed.size());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_call_that_the_server_has_died_of_is_not_sent_again_though_the_gateway_says_502(
      boolean listening) throws Exception {
    if (!listening) server.always("GET", request -> request.answer(405, null, ""));
    server.once(
        "tools/call",
        request -> {
          server.executed.add(request.body);
          server.forget();
          for (var stream : server.streams) stream.cut();
          request.answer(502, "text/plain", "bad gateway");
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      if (listening) server.stream();
      bridge.call(1);

      var message = bridge.next().at("/error/message").asText();
      assertTrue(message.contains("not sent again"), message);
      assertEquals(1, server.executed.size());
      assertTrue(bridge.call(2).next().has("result"));
    }
  }

  @Test
  void a_call_whose_connection_is_cut_is_not_sent_again() throws Exception {
    server.once(
        "tools/call",
        request -> {
          server.executed.add(request.body);
          request.cut();
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);

      var message = bridge.next().at("/error/message").asText();
      assertTrue(message.contains("not sent again"), message);
      assertEquals(1, server.executed.size());
      assertTrue(bridge.call(2).next().has("result"));
    }
  }

  @Test
  void slow_calls_hold_up_nobody() throws Exception {
    var all = new CountDownLatch(20);
    server.always(
        "tools/call",
        request -> {
          all.countDown();
          all.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
          request.reply("{\"together\":" + (all.getCount() == 0) + "}");
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      for (int id = 1; id <= 20; id++) bridge.call(id);
      bridge.send("{\"jsonrpc\":\"2.0\",\"id\":\"quick\",\"method\":\"ping\"}");

      var replies = bridge.next(21);
      assertEquals(21, replies.size());
      assertTrue(
          replies.stream()
              .filter(reply -> reply.path("id").isInt())
              .allMatch(reply -> reply.at("/result/together").asBoolean()));
    }
  }

  @Test
  void notifications_keep_their_order_and_what_follows_them_comes_after() throws Exception {
    server.always(
        "notifications/n",
        request -> {
          Thread.sleep(request.message.at("/params/n").asInt() % 2 == 0 ? 20 : 0);
          request.answer(202, null, "");
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      for (int n = 0; n < 10; n++) {
        bridge.send(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/n\",\"params\":{\"n\":" + n + "}}");
      }
      bridge.call(1).next();

      var order = new ArrayList<Integer>();
      for (var request : server.all("notifications/n")) {
        order.add(request.message.at("/params/n").asInt());
      }
      assertEquals(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), order);
      var methods = server.methods();
      assertTrue(methods.indexOf("tools/call") > methods.lastIndexOf("notifications/n"));
    }
  }

  @Test
  void a_cancellation_goes_out_after_its_call_and_a_missing_reply_is_no_error() throws Exception {
    var cancelled = new CountDownLatch(1);
    server.once(
        "tools/call",
        request -> {
          cancelled.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
          request.events().end(); // no reply: it was cancelled
        });
    server.once(
        "notifications/cancelled",
        request -> {
          cancelled.countDown();
          request.answer(202, null, "");
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      var cancel =
          "{\"params\":{\"requestId\" :"
              + " \"c\"},\"method\":\"notifications/cancelled\",\"jsonrpc\":\"2.0\"}";
      bridge.call("\"c\"").send(cancel);
      server.some("notifications/cancelled");

      assertTrue(bridge.isQuiet(300));
      assertNull(bridge.leave());
      var methods = server.methods();
      assertTrue(
          methods.indexOf("tools/call") < methods.indexOf("notifications/cancelled"),
          methods.toString());
      assertEquals(cancel, server.all("notifications/cancelled").get(0).body);
    }
  }

  @Test
  void a_request_of_2026_07_28_carries_what_it_is_about_in_headers() throws Exception {
    var meta = "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}";
    try (var bridge = Bridge.to(server.url())) {
      bridge.send(
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" + meta + "}}",
          "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
              + meta
              + "}}",
          "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"resources/read\",\"params\":{\"uri\":\"x:\\u00e4\","
              + meta
              + "}}");
      bridge.next(3);
      bridge.leave();
    }

    for (var request : server.requests) {
      assertEquals("2026-07-28", request.header("MCP-Protocol-Version"));
      assertEquals(request.name, request.header("Mcp-Method"));
      assertNull(request.header("Mcp-Session-Id"));
    }
    assertNull(server.all("server/discover").get(0).header("Mcp-Name"));
    assertEquals("t", server.all("tools/call").get(0).header("Mcp-Name"));
    assertEquals("=?base64?eDrDpA==?=", server.all("resources/read").get(0).header("Mcp-Name"));
    assertFalse(server.methods().contains("GET") || server.methods().contains("DELETE"));
  }

  /** A call of 2026-07-28, where a server is told of a cancellation by a closed connection. */
  private static String modern(int id, String method) {
    return ("{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{\"name\":\"slow\","
            + "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}")
        .formatted(id, method);
  }

  /** Answers, and writes until nobody is there; before that it may say nothing for a while. */
  private static FakeMcp.Act untilNobodyListens(CountDownLatch begun, CountDownLatch gone) {
    return request -> {
      begun.countDown();
      try {
        var events = request.events();
        while (true) {
          events.raw(": I live\n\n");
          Thread.sleep(20);
        }
      } catch (IOException e) {
        gone.countDown();
      }
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"tools/call", "subscriptions/listen"})
  void a_request_of_2026_07_28_is_cancelled_by_hanging_up(String method) throws Exception {
    var begun = new CountDownLatch(1);
    var gone = new CountDownLatch(1);
    server.once(method, untilNobodyListens(begun, gone));

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(modern(1, "server/discover")).next();
      bridge.send(modern(2, method));
      begun.await();
      bridge.send(
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");

      Await.open(gone);
      assertTrue(bridge.send(modern(3, "tools/call")).next().has("result"));
      assertNull(bridge.leave());
      assertTrue(bridge.isQuiet(100));
      assertEquals(List.of("server/discover", method, "tools/call"), server.methods());
    }
  }

  @Test
  void a_request_of_2026_07_28_is_cancelled_even_before_its_answer_begins() throws Exception {
    var begun = new CountDownLatch(1);
    var cancelled = new CountDownLatch(1);
    var gone = new CountDownLatch(1);
    server.once(
        "tools/call",
        request -> {
          begun.countDown();
          cancelled.await();
          untilNobodyListens(begun, gone).on(request);
        });

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(modern(2, "tools/call"));
      begun.await();
      bridge.send(
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
      assertTrue(bridge.send(modern(3, "tools/call")).next().has("result"));
      cancelled.countDown();

      Await.open(gone);
      assertTrue(bridge.isQuiet(100));
    }
  }

  @Test
  void a_request_of_2026_07_28_whose_time_is_up_is_cancelled() throws Exception {
    var begun = new CountDownLatch(1);
    var gone = new CountDownLatch(1);
    server.always("tools/call", untilNobodyListens(begun, gone));

    try (var bridge = Bridge.to(server.url(), Duration.ofSeconds(1))) {
      // A busy machine may need the whole second until the server has the call.
      for (int id = 1; begun.getCount() > 0; id++) {
        var late = bridge.send(modern(id, "tools/call")).next();
        assertEquals(-32001, late.at("/error/code").asInt(), late.toString());
      }

      Await.open(gone);
      assertTrue(bridge.isQuiet(100));
    }
  }

  @Test
  void a_call_of_2026_07_28_waits_for_a_server_that_is_away_and_is_told_what_fails()
      throws Exception {
    server.stop();

    try (var bridge = Bridge.to(server.url(), Map.of("X-Mine", "yes"))) {
      bridge.send(modern(1, "tools/call"));
      bridge.logged("waiting: ");
      assertTrue(bridge.isQuiet(500));
      server.once("tools/call", request -> request.retryAfter(503, "1"));
      server.start();

      assertTrue(bridge.next().has("result"));
      var called = server.all("tools/call").get(1);
      assertEquals("yes", called.header("X-Mine"));
      assertEquals("slow", called.header("Mcp-Name"));
      assertEquals("application/json", called.header("Content-Type"));
      assertEquals(modern(1, "tools/call"), called.body);
      server.once("tools/call", FakeMcp.Request::cut);
      var message = bridge.send(modern(2, "tools/call")).next().at("/error/message").asText();
      assertTrue(message.contains("not sent again"), message);
    }
  }

  @Test
  void a_method_that_a_modern_server_does_not_know_is_its_own_404() throws Exception {
    server.once(
        "strange",
        request ->
            request.answer(
                404, "application/json", FakeMcp.error("1", -32601, "Method not found")));

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"strange\",\"params\":{\"_meta\":"
              + "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}");

      assertEquals(FakeMcp.error("1", -32601, "Method not found"), bridge.line());
      assertEquals(List.of("strange"), server.methods());
    }
  }

  @Test
  void a_redirect_to_another_origin_gets_the_message_but_no_credentials() throws Exception {
    try (var other = new FakeMcp()) {
      server.always(
          "initialize",
          request -> {
            request.exchange.getResponseHeaders().set("Location", other.url());
            request.answer(307, null, "");
          });

      try (var bridge =
          Bridge.to(server.url(), Map.of("Authorization", "Bearer s3cret", "X-Key", "s3cret"))) {
        bridge.send(Bridge.INITIALIZE);

        assertTrue(bridge.next().has("result"));
        assertEquals("Bearer s3cret", server.requests.get(0).header("Authorization"));
        assertNull(other.requests.get(0).header("Authorization"));
        assertNull(other.requests.get(0).header("X-Key"));
        assertEquals(Bridge.INITIALIZE, other.requests.get(0).body);
        assertFalse(bridge.log.toString().contains("s3cret"));
      }
    }
  }

  @Test
  void a_redirect_within_the_origin_keeps_them() throws Exception {
    var redirected = new AtomicBoolean();
    server.once(
        "initialize",
        request -> {
          redirected.set(true);
          request.exchange.getResponseHeaders().set("Location", "/elsewhere");
          request.answer(308, null, "");
        });

    try (var bridge = Bridge.to(server.url(), Map.of("Authorization", "Bearer t"))) {
      bridge.send(Bridge.INITIALIZE);

      assertTrue(bridge.next().has("result") && redirected.get());
      assertEquals("/elsewhere", server.requests.get(1).uri().getPath());
      assertEquals("Bearer t", server.requests.get(1).header("Authorization"));
    }
  }

  @Test
  void a_batch_passes_where_the_server_speaks_2025_03_26_and_nowhere_else() throws Exception {
    var batch =
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"b\"}]";
    var replies =
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}]";
    try (var bridge = Bridge.to(server.url()).connected()) {
      assertEquals(-32600, bridge.send(batch).next().at("/error/code").asInt());
    }

    server.once("initialize", request -> request.reply("{\"protocolVersion\":\"2025-03-26\"}"));
    server.always("GET", request -> request.answer(405, null, ""));
    try (var bridge = Bridge.to(server.url()).connected()) {
      server.once("reply", request -> request.answer(200, "application/json", replies));

      assertEquals(replies, bridge.send(batch).line());
    }
  }

  @Test
  void streamable_HTTP_can_be_asked_for() throws Exception {
    server.always("initialize", request -> request.answer(404, "text/plain", "not here"));

    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.STREAMABLE)) {
      bridge.send(Bridge.INITIALIZE);

      assertTrue(bridge.next().at("/error/message").asText().contains("not here"));
      assertEquals(1, bridge.ended().exitCode);
      assertEquals(List.of("initialize"), server.methods());
    }
  }
}
