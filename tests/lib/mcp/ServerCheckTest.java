import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

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
