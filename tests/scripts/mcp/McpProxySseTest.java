import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.mcp.proxy.StdioProxy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** fly-mcp-proxy in front of a server of 2024-11-05: HTTP+SSE. */
class McpProxySseTest {
  private final FakeMcp server = new FakeMcp();
  private final AtomicInteger sessions = new AtomicInteger();
  private volatile FakeMcp.Events stream;

  /** Takes calls, and answers none. */
  private volatile boolean mute;

  @BeforeEach
  void sse() {
    server.always(
        "GET",
        request -> {
          var events = request.events();
          stream = events; // before anybody can send
          events.raw(
              "event: endpoint\ndata: /messages?session=" + sessions.incrementAndGet() + "\n\n");
          events.await(Await.LIMIT_MS);
        });
    for (var method :
        List.of("initialize", "notifications/initialized", "tools/call", "ping", "reply")) {
      server.always(method, this::post);
    }
  }

  private void post(FakeMcp.Request request) throws Exception {
    if (!request.uri().toString().equals("/messages?session=" + sessions.get())) {
      request.answer(request.uri().getPath().equals("/mcp") ? 405 : 404, "text/plain", "no");
      return;
    }
    request.answer(202, "text/plain", "Accepted");
    if (mute && request.name.equals("tools/call")) return;
    if (request.message.has("id") && request.message.has("method")) {
      stream.event(request.result("{\"sse\":1}"));
    }
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @ParameterizedTest
  @EnumSource(
      value = StdioProxy.Transport.class,
      names = {"AUTO", "SSE"})
  void messages_go_to_the_endpoint_and_replies_come_on_the_stream(StdioProxy.Transport transport)
      throws Exception {
    try (var bridge = Bridge.to(server.url(), transport).connected()) {
      bridge.call("\"a\"");

      assertEquals("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"sse\":1}}", bridge.line());
      assertNull(bridge.leave());
      assertEquals(1, server.all("GET").size());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = StdioProxy.Transport.class,
      names = {"AUTO", "SSE"})
  void a_server_that_comes_late_is_waited_for(StdioProxy.Transport transport) throws Exception {
    server.stop();

    try (var bridge = Bridge.to(server.url(), transport)) {
      bridge.send(Bridge.INITIALIZE);
      assertTrue(bridge.isQuiet(500));
      server.start();

      assertTrue(bridge.next().has("result"));
    }
  }

  @Test
  void a_restart_is_survived_and_the_handshake_made_again_unseen() throws Exception {
    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.SSE).connected()) {
      bridge.call(1).next();
      mute = true;
      bridge.call(2);
      Await.until(() -> server.all("tools/call").size() == 2);
      server.stop();
      mute = false;

      var lost = bridge.next();
      assertEquals(2, lost.path("id").asInt());
      assertTrue(lost.has("error"));
      bridge.call(3);
      server.start();
      assertEquals(3, bridge.next().path("id").asInt());
      assertEquals(2, server.all("initialize").size());
      assertEquals(Bridge.INITIALIZE, server.all("initialize").get(1).body);
      assertEquals(2, server.all("notifications/initialized").size());
      assertTrue(bridge.isQuiet(50));
    }
  }

  @Test
  void a_stream_whose_heartbeats_cease_is_opened_again_and_its_requests_fail_honestly()
      throws Exception {
    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.SSE).connected()) {
      mute = true;
      bridge.call(1);
      // Two that come alone are enough, but a busy machine may read several at once.
      for (int i = 0; i < 20 || server.all("tools/call").isEmpty(); i++) {
        stream.raw(":\n\n");
        Thread.sleep(100);
      }

      var failed = bridge.next();
      mute = false;
      var why = failed.at("/error/message").asText();
      assertTrue(why.contains("three heartbeats did not come"), why);
      assertTrue(why.contains("not sent again, because it may have taken effect"), why);
      Await.until(() -> sessions.get() == 2 && server.all("initialize").size() == 2);
      assertEquals(2, bridge.call(2).next().path("id").asInt());
      assertEquals(2, server.all("tools/call").size());
    }
  }

  @Test
  void an_endpoint_on_another_origin_is_not_used() throws Exception {
    try (var other = new FakeMcp();
        var bridge = Bridge.to(server.url(), Map.of("Authorization", "Bearer secret"))) {
      server.always(
          "GET",
          request ->
              request.events().raw("event: endpoint\ndata: " + other.url() + "\n\n").await(2_000));

      bridge.send(Bridge.INITIALIZE);
      bridge.leave();

      assertTrue(bridge.next().has("error"));
      assertTrue(other.requests.isEmpty());
    }
  }
}
