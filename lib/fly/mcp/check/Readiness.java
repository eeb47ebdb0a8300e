//SOURCES ../../Access.java ../../Fly.java ../../Story.java Conversation.java ServerCheck.java
//SOURCES ../proxy/StdioProxy.java
package fly.mcp.check;

import fly.Access;
import fly.Fly;
import fly.Story;
import fly.mcp.proxy.StdioProxy;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** Waits until the MCP server of one Machine answers. */
public final class Readiness {
  private Readiness() {}

  /**
   * Opens a session, and returns once the server has answered.
   *
   * @param token the bearer token, or null
   * @throws fly.FlyException if it does not answer in time
   */
  public static void await(String url, String machine, String token, Duration time, Story story) {
    var headers = new LinkedHashMap<String, String>(Map.of("fly-force-instance-id", machine));
    if (token != null) {
      Access.requireSafe(url);
      headers.put("Authorization", "Bearer " + token);
    }
    var request = Fly.JSON.createObjectNode().put("jsonrpc", "2.0").put("id", 0);
    var params = request.put("method", "initialize").putObject("params");
    params.put("protocolVersion", "2024-11-05").putObject("capabilities");
    params.putObject("clientInfo").put("name", "fly-jbang").put("version", "1");
    try (var conversation =
        new Conversation(
            URI.create(url),
            StdioProxy.Transport.AUTO,
            headers,
            time,
            why -> story.say("%s; waiting ...", why),
            line -> {})) {
      new ServerCheck(conversation, time, stage -> {}).ask(request, reply -> {});
    }
  }
}
