import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Control characters of an MCP server, which no terminal may obey. */
class TerminalEscapesTest {
  private static final String ESCAPED = "evil\\u001b]0;title\\u0007\\u009b2Jname";
  private static final String RAW = "evil\u001b]0;title\u0007\u009b2Jname";
  private static final String SHOWN = "evil^[]0;title^G<9b>2Jname";

  private final FakeMcp server = new FakeMcp();

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void isShown(FakeMcp.Act onInitialize) {
    isShown(SHOWN, onInitialize);
  }

  private void isShown(String shown, FakeMcp.Act onInitialize) {
    server.always("initialize", onInitialize);

    var result =
        Script.runOnTerminal(new CallMcp(), "-v", "--timeout", "60s", "--url", server.url());

    var text = (result.out() + result.err()).replaceAll("\u001b\\[[\\d;]*m", ""); // colours
    assertTrue(text.contains(shown), text);
    for (var c : List.of("\u001b", "\u0007", "\u009b")) assertFalse(text.contains(c), text);
  }

  @Test
  void a_servers_name_is_shown_and_not_obeyed() {
    isShown(
        request ->
            request.reply(
                "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"serverInfo\":"
                    + "{\"name\":\"%s\",\"version\":\"1\"}}".formatted(ESCAPED)));
  }

  @Test
  void an_error_of_a_server_is_shown_and_not_obeyed() {
    isShown(
        request ->
            request.answer(
                200,
                "application/json",
                "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":1,\"message\":\"%s\"}}"
                    .formatted(request.id(), ESCAPED)));
  }

  @Test
  void a_refusal_of_a_server_is_shown_and_not_obeyed() {
    isShown("evil.]0;title.2Jname", request -> request.answer(403, "text/plain", RAW));
  }
}
