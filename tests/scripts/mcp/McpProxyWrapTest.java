import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.mcp.proxy.StdioProxy;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** fly-mcp-proxy in front of {@code fly mcp wrap}: POST 202, and bare lines on the one GET. */
class McpProxyWrapTest {
  private static final String RESULT = "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"wrap\":1}}";

  private final FakeMcp server = new FakeMcp();

  /** What came to the program's stdin. */
  private final List<String> stdin = new CopyOnWriteArrayList<>();

  private volatile Consumer<String> program = this::answer;
  private volatile FakeMcp.Events slot;

  @BeforeEach
  void wrap() {
    server.always(
        "GET",
        request -> {
          if (slot != null) {
            request.answer(409, "text/plain", "Another client is connected");
            return;
          }
          FakeMcp.Events mine;
          synchronized (this) { // who sees the stream open is heard on it
            mine = request.events();
            slot = mine;
          }
          mine.await(Await.LIMIT_MS);
          synchronized (this) {
            if (slot == mine) slot = null;
          }
        });
    for (var method : List.of("initialize", "notifications/initialized", "tools/call", "ping")) {
      server.always(method, this::post);
    }
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void post(FakeMcp.Request request) throws IOException {
    var lines = List.of(request.body.split("\n"));
    synchronized (stdin) { // the next message comes after this answer, and stands behind it here
      request.answer(202, null, "");
      stdin.addAll(lines);
    }
    lines.forEach(program);
  }

  private void answer(String line) {
    if (line.contains("\"id\":")) say(RESULT.formatted(id(line)));
  }

  private static String id(String line) {
    return line.replaceFirst(".*?\"id\":(\"[^\"]*\"|[^,}]*).*", "$1");
  }

  /** As the original does: what nobody listens to is thrown away. */
  private synchronized void say(String line) {
    var listener = slot;
    try {
      if (listener != null) listener.raw(line + "\n");
    } catch (IOException e) {
      slot = null;
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = StdioProxy.Transport.class,
      names = {"AUTO", "WRAP"})
  void calls_are_answered_on_the_one_stream(StdioProxy.Transport transport) throws Exception {
    try (var bridge = Bridge.to(server.url(), transport)) {
      bridge.send(Bridge.INITIALIZE);
      assertEquals(RESULT.formatted(0), bridge.line());
      bridge.send(Bridge.INITIALIZED).call("\"a\"");

      assertEquals(RESULT.formatted("\"a\""), bridge.line());
      assertNull(bridge.leave());
      assertEquals(1, server.all("GET").size());
      assertTrue(bridge.isQuiet(50));
    }
  }

  @Test
  void a_reply_to_the_handshake_that_was_thrown_away_is_asked_for_again_and_nothing_else()
      throws Exception {
    var first = new AtomicBoolean(true);
    program =
        line -> {
          if (!first.getAndSet(false)) answer(line); // nobody listens to the first reply
        };

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE);

      assertEquals(RESULT.formatted(0), bridge.line());
      assertTrue(bridge.isQuiet(100));
    }

    assertEquals("initialize", server.methods().get(0));
    assertEquals(List.of("initialize", "ping", "initialize"), methods());
  }

  @Test
  void a_reply_that_was_kept_is_not_asked_for_again() throws Exception {
    var kept = Executors.newSingleThreadExecutor();
    kept.submit(
        () -> {
          Await.until(() -> slot != null);
          return null;
        });
    program = line -> kept.submit(() -> answer(line));

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE);

      assertEquals(RESULT.formatted(0), bridge.line());
      assertEquals(1, methods().stream().filter("initialize"::equals).count());
    } finally {
      kept.shutdownNow();
    }
  }

  @Test
  void messages_that_wait_go_together_and_keep_their_order() throws Exception {
    var all = new CountDownLatch(1);
    server.always(
        "tools/call",
        request -> {
          Await.open(all);
          post(request);
        });

    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP).connected()) {
      for (int id = 1; id <= 20; id++) bridge.call(id);
      bridge.read();
      all.countDown();
      for (int id = 1; id <= 20; id++) assertEquals(id, bridge.next().path("id").asInt());

      assertTrue(server.all("tools/call").size() < 10, server.methods().toString());
    }
  }

  @Test
  void your_headers_are_on_the_stream_too() throws Exception {
    try (var bridge = Bridge.to(server.url(), Map.of("fly-force-instance-id", "m1"))) {
      bridge.connected().call(1).next();
    }

    for (var request : server.requests) {
      assertEquals("m1", request.header("fly-force-instance-id"), request.name);
    }
  }

  @Test
  void a_slot_that_somebody_else_has_is_told() throws Exception {
    server.always("GET", request -> request.answer(409, "text/plain", "Another client"));

    for (var transport : List.of(StdioProxy.Transport.AUTO, StdioProxy.Transport.WRAP)) {
      try (var bridge = Bridge.to(server.url(), transport)) {
        bridge.send(Bridge.INITIALIZE);

        var message = bridge.next().at("/error/message").asText();
        assertTrue(message.contains("HTTP 409") && message.contains("Another client"), message);
        assertEquals(1, bridge.ended().exitCode);
      }
    }
  }

  @Test
  void a_slot_that_an_earlier_client_has_just_left_is_waited_for() throws Exception {
    server.once("GET", request -> request.answer(409, "text/plain", "Another client"));

    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP)) {
      assertEquals(RESULT.formatted(0), bridge.send(Bridge.INITIALIZE).line());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = StdioProxy.Transport.class,
      names = {"AUTO", "WRAP"})
  void a_server_that_comes_late_is_waited_for(StdioProxy.Transport transport) throws Exception {
    server.stop();

    try (var bridge = Bridge.to(server.url(), transport)) {
      bridge.send(Bridge.INITIALIZE);
      assertTrue(bridge.isQuiet(500));
      server.start();

      assertEquals(RESULT.formatted(0), bridge.line());
    }
  }

  @Test
  void a_restart_is_survived_and_the_handshake_made_again_unseen() throws Exception {
    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP).connected()) {
      bridge.call(1).next();
      program = line -> {};
      bridge.call(2);
      Await.until(() -> stdin.size() == 4);
      server.stop();
      slot = null;
      program = this::answer;
      bridge.logged("connection refused (GET ");
      server.start();

      bridge.call(3);

      assertEquals(RESULT.formatted(3), bridge.line());
      assertEquals(
          List.of("initialize", "notifications/initialized", "tools/call"),
          methods().subList(4, 7));
      var lost = bridge.next();
      assertEquals(2, lost.path("id").asInt());
      assertTrue(lost.at("/error/message").asText().contains("not sent again"), lost.toString());
      assertTrue(bridge.isQuiet(50));
    }
  }

  @Test
  void a_line_that_was_cut_in_the_middle_is_not_glued_to_the_next_one() throws Exception {
    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP).connected()) {
      slot.raw("<html>\n: ping\n{\"jsonrpc\":\"2.0\",\"id\":1,\"res").cut();
      Await.until(() -> server.all("GET").size() >= 2);
      bridge.call(2);

      assertEquals(RESULT.formatted(2), bridge.line());
      assertTrue(bridge.isQuiet(50));
    }
  }

  @Test
  void lines_may_end_as_on_Windows_and_what_is_no_message_is_passed_over() throws Exception {
    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP).connected()) {
      slot.raw("\ufeff\r\n\r\n \nevent: message\ndata: {}\n42\n[]\nWelcome!\n");
      slot.raw("  " + RESULT.formatted("\"x\"") + "\r\n");
      bridge.call(2);

      assertEquals(2, bridge.next().path("id").asInt());
      assertTrue(bridge.isQuiet(100), "x was not asked for by this client: " + bridge.log);
    }
  }

  @Test
  void the_blanks_with_which_a_quiet_wrap_shows_that_it_lives_cost_no_reply() throws Exception {
    program = line -> say((line.contains("tools/call") ? "  " : "") + RESULT.formatted(id(line)));

    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP).connected()) {
      slot.raw(" ");
      bridge.call(1);

      assertEquals(1, bridge.next().path("id").asInt());
    }
  }

  @Test
  void what_the_program_asks_reaches_the_client() throws Exception {
    try (var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP).connected()) {
      var question = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"roots/list\"}";
      server.always("reply", this::post);
      say(question);
      assertEquals(question, bridge.line());
      bridge.send("{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"roots\":[]}}");

      Await.until(() -> stdin.toString().contains("roots"));
    }
  }

  private List<String> methods() {
    return stdin.stream()
        .map(line -> line.replaceFirst(".*\"method\":\"([^\"]*)\".*", "$1"))
        .toList();
  }

  /** Takes every reader, or refuses some; the newest one is heard. */
  private void readers(int refusedFrom, int refusedUntil) {
    server.always(
        "GET",
        request -> {
          var number = server.all("GET").size();
          if (number >= refusedFrom && number < refusedUntil) {
            request.answer(409, "text/plain", "Another client is connected");
            return;
          }
          FakeMcp.Events mine;
          synchronized (this) {
            mine = request.events();
            slot = mine;
          }
          mine.await(Await.LIMIT_MS);
        });
  }

  /** A bridge whose server has answered once, and then took a call and said nothing. */
  private Bridge silenced() throws Exception {
    program =
        line -> {
          if (!line.contains("silence")) answer(line);
        };
    var bridge = Bridge.to(server.url(), StdioProxy.Transport.WRAP, Duration.ofSeconds(7));
    bridge.connected().call(1).next();
    bridge.call(2, "{\"a\": \"silence\"}");
    assertEquals(-32001, bridge.next().at("/error/code").asInt());
    return bridge;
  }

  private long silences() {
    return stdin.stream().filter(line -> line.contains("silence")).count();
  }

  @Test
  void a_stream_that_says_nothing_until_a_deadline_is_opened_again() throws Exception {
    readers(9, 9);
    try (var bridge = silenced()) {
      assertEquals(RESULT.formatted(3), bridge.call(3).line());

      assertEquals(2, server.all("GET").size());
      assertEquals(1, silences());
    }
  }

  /** The original does not notice that its reader is gone before TCP gives up. */
  @Test
  void a_server_that_still_holds_the_dead_stream_is_asked_until_it_lets_go() throws Exception {
    readers(2, 4);
    try (var bridge = silenced()) {
      assertEquals(RESULT.formatted(3), bridge.call(3).line());

      assertEquals(4, server.all("GET").size());
      assertEquals(1, silences());
    }
  }

  @Test
  void a_server_that_holds_the_dead_stream_for_good_is_named_in_each_error() throws Exception {
    readers(2, Integer.MAX_VALUE);
    try (var bridge = silenced()) {
      var error = bridge.call(3).next().at("/error/message").asText();

      assertTrue(error.contains("HTTP 409") && error.contains("Another client"), error);
      assertTrue(error.contains("it may still hold the stream that this proxy has lost"), error);
      assertEquals(1, silences());
      assertEquals(1, stdin.stream().filter(line -> line.contains("\"id\":1,")).count());
    }
  }
}
