import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fly-mcp-proxy makes of the lines of its client: nothing, if they are good. */
class McpProxyStdioTest {
  private final FakeMcp server = new FakeMcp();

  @AfterEach
  void stop() {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"jsonrpc\":\"2.0\",\"id\":12345678901234567890,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":-1.50E+400,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"m\",\"params\":{\"x\":1e2,\"y\":0.10}}",
        "{\"method\":\"m\",\"params\":{\"b\":[],\"a\":null},\"id\":\"a\\u0041\\/\",\"jsonrpc\":\"2.0\"}",
        "{ \"jsonrpc\" : \"2.0\", \"id\" : -7 , \"method\":\"m\", \"x-unknown\": {\"deep\": [[1]]}"
            + " }",
        "{\"jsonrpc\":\"2.0\",\"id\":\"\u00e4\u20ac\ud83d\ude00\",\"method\":\"m\"}"
      })
  void messages_pass_byte_for_byte_both_ways(String message) throws Exception {
    var reply =
        message.replace("\"method\":\"m\"", "\"result\":{\"n\":123456789012345678901.50,\"z\":{}}");
    server.once("m", request -> request.answer(200, "application/json", reply));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.send(message);

      assertEquals(reply, bridge.line());
      assertEquals(message, server.all("m").get(0).body);
    }
  }

  @Test
  void progress_tokens_are_the_clients_own() throws Exception {
    var progress =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
            + "\"params\":{\"progressToken\":\"t-1\",\"progress\":0.50}}";
    server.once(
        "tools/call",
        request -> {
          var events = request.events();
          for (int i = 0; i < 3; i++) events.event(progress);
          events.event(request.result("{}")).end();
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1, "{\"_meta\":{\"progressToken\":\"t-1\"}}");

      for (int i = 0; i < 3; i++) assertEquals(progress, bridge.line());
      assertEquals(1, bridge.next().path("id").asInt());
    }
  }

  @Test
  void a_reply_over_several_lines_becomes_one() throws Exception {
    server.once(
        "tools/call",
        request ->
            request.answer(
                200,
                "application/json; charset=utf-8",
                "{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": 1,\n  \"result\": {}\n}\n"));

    try (var bridge = Bridge.to(server.url()).connected()) {
      assertEquals(1, bridge.call(1).next().path("id").asInt());
      assertTrue(bridge.isQuiet(50));
    }
  }

  @Test
  void a_reply_whose_id_the_server_has_rounded_still_reaches_its_request() throws Exception {
    server.once(
        "tools/call",
        request ->
            request.answer(
                200,
                "application/json",
                "{\"jsonrpc\":\"2.0\",\"id\":12345678901234567000,\"result\":{}}"));

    try (var bridge = Bridge.to(server.url()).connected()) {
      assertTrue(bridge.call("12345678901234567890").next().has("result"));
      assertNull(bridge.leave());
    }
  }

  @Test
  void lines_that_are_no_requests_are_told_and_do_no_harm() throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.send("{not json");
      assertEquals(-32700, bridge.next().at("/error/code").asInt());
      bridge.raw(
          new byte[] {'{', '"', 'm', '"', ':', '"', (byte) 0xff, (byte) 0xfe, '"', '}', '\n'});
      assertEquals(-32700, bridge.next().at("/error/code").asInt());
      bridge.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"} {}");
      assertEquals(-32700, bridge.next().at("/error/code").asInt());
      bridge.send("{\"jsonrpc\":\"2.0\",\"id\":\"q\"}");
      var noMethod = bridge.next();
      assertEquals("q", noMethod.path("id").asText());
      assertEquals(-32600, noMethod.at("/error/code").asInt());
      bridge.send("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}");
      assertEquals(-32600, bridge.next().at("/error/code").asInt());
      bridge.send("[]");
      assertEquals(-32600, bridge.next().at("/error/code").asInt());
      bridge.send("42");
      assertEquals(-32600, bridge.next().at("/error/code").asInt());

      bridge.send("", "   ", "\r").call(1);

      assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}", bridge.line());
    }
  }

  @Test
  void two_requests_with_the_same_id_get_a_reply_each() throws Exception {
    server.once("tools/call", request -> request.reply("{\"first\":true}"));

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(7).call(7);

      var replies = bridge.next(2);
      assertEquals(
          1, replies.stream().filter(reply -> reply.at("/result/first").asBoolean()).count());
      assertEquals(2, replies.stream().filter(reply -> reply.path("id").asInt() == 7).count());
    }
  }

  @Test
  void the_last_line_needs_no_newline_and_lines_may_end_as_on_Windows() throws Exception {
    try (var bridge = Bridge.to(server.url())) {
      bridge.raw(("\ufeff" + Bridge.INITIALIZE + "\r\n").getBytes(StandardCharsets.UTF_8));
      bridge.raw("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".getBytes());

      assertNull(bridge.leave());
      assertEquals(2, bridge.next(2).size());
      assertEquals(Bridge.INITIALIZE, server.requests.get(0).body);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {70_000, 1 << 20, 16 << 20})
  void a_line_may_be_of_any_length(int length) throws Exception {
    var asked = "\"method\":\"large\",\"params\"";
    server.always(
        "large",
        request ->
            request.answer(200, "application/json", request.body.replace(asked, "\"result\"")));

    try (var bridge = Bridge.to(server.url()).connected()) {
      var line = "{\"jsonrpc\":\"2.0\",\"id\":1," + asked + ":\"" + "x".repeat(length) + "\"}";
      bridge.send(line);

      assertTrue(line.replace(asked, "\"result\"").equals(bridge.line()), "not the same");
      assertTrue(bridge.call(2).next().has("result"));
    }
  }

  @Test
  void what_a_server_says_and_what_fails_comes_in_whole_lines_even_at_the_same_time()
      throws Exception {
    var large = "y".repeat(200_000);
    server.always(
        "tools/call",
        request -> {
          if (request.message.path("id").asInt() % 2 == 0) {
            request.answer(500, "text/plain", "broken");
          } else {
            request.events().event(request.result("\"" + large + "\"")).end();
          }
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      for (int id = 0; id < 40; id++) bridge.call(id);

      var replies = bridge.next(40);
      assertEquals(40, replies.stream().map(reply -> reply.path("id").asInt()).distinct().count());
      assertEquals(20, replies.stream().filter(reply -> reply.has("error")).count());
    }
  }
}
