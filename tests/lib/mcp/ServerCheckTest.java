import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.mcp.check.Conversation;
import fly.mcp.check.ServerCheck;
import fly.mcp.proxy.StdioProxy;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Questions to an MCP server, one by one, as fly-shell asks them. */
class ServerCheckTest {
  private static final Duration HOUR = Duration.ofHours(1);

  private static Conversation with(FakeMcp server) {
    return new Conversation(
        URI.create(server.url()), StdioProxy.Transport.AUTO, Map.of(), HOUR, why -> {}, line -> {});
  }

  private static JsonNode request(int id, String method) {
    return Fly.JSON.createObjectNode().put("jsonrpc", "2.0").put("id", id).put("method", method);
  }

  @Test
  void a_reply_that_cannot_be_read_is_a_failure_of_its_request_alone() throws Exception {
    var deep = "[".repeat(2_000) + "]".repeat(2_000); // JSON, and more than a reader here takes
    try (var server = new FakeMcp().once("tools/list", asked -> asked.reply(deep));
        var conversation = with(server)) {
      var check = new ServerCheck(conversation, HOUR, stage -> {});
      check.ask(request(0, "initialize"), reply -> {});

      var failure =
          assertThrows(
              FlyException.class,
              () -> check.ask(request(1, "tools/list"), Duration.ofSeconds(20), reply -> {}));

      assertTrue(failure.why.startsWith("the reply cannot be read: "), failure.why);
      check.ask(request(2, "prompts/list"), reply -> {});
    }
  }

  @Test
  void messages_that_never_end_do_not_delay_the_time_limit_of_a_reply() throws Exception {
    FakeMcp.Act floods =
        asked -> {
          var events = asked.events();
          while (true) { // until the client has left
            events.event("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
            Thread.sleep(20);
          }
        };
    try (var server = new FakeMcp().once("tools/list", floods);
        var conversation = with(server)) {
      var check = new ServerCheck(conversation, HOUR, stage -> {});
      check.ask(request(0, "initialize"), reply -> {});

      var failure =
          assertTimeoutPreemptively(
              Duration.ofMinutes(1),
              () ->
                  assertThrows(
                      FlyException.class,
                      () ->
                          check.ask(
                              request(1, "tools/list"), Duration.ofMillis(200), reply -> {})));

      assertEquals("no reply within 200ms", failure.why);
    }
  }

  @Test
  void a_server_that_never_answers_a_handshake_is_given_up_long_before_the_conversation_ends()
      throws Exception {
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        var conversation =
            new Conversation(
                URI.create("http://127.0.0.1:" + silent.getLocalPort() + "/mcp"),
                StdioProxy.Transport.AUTO,
                Map.of(),
                HOUR,
                why -> {},
                line -> {})) {
      var check = new ServerCheck(conversation, HOUR, stage -> {});
      var hello =
          Fly.JSON.readTree("{\"jsonrpc\": \"2.0\", \"id\": 0, \"method\": \"initialize\"}");

      var failure =
          assertThrows(
              FlyException.class, () -> check.ask(hello, Duration.ofMillis(200), reply -> {}));

      assertEquals("no connection to the MCP server", failure.what);
      assertEquals(ServerCheck.NO_CONNECTION, failure.exitCode);
    }
  }
}
