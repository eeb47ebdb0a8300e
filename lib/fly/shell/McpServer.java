//SOURCES ../Access.java ../Fly.java ../FlyException.java ../Refusals.java ../Settings.java
//SOURCES ../mcp/check/Conversation.java ../mcp/check/ServerCheck.java ../mcp/proxy/Patience.java
//SOURCES ../mcp/proxy/StdioProxy.java Connected.java
package fly.shell;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Access;
import fly.Fly;
import fly.FlyException;
import fly.Refusals;
import fly.Settings;
import fly.mcp.check.Conversation;
import fly.mcp.check.ServerCheck;
import fly.mcp.proxy.Patience;
import fly.mcp.proxy.StdioProxy;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * An MCP server, called by name: {@code mcp().call("list_directory", Map.of("path", "/data"))}. A
 * session begins at the first call and is renewed after ten minutes.
 */
public final class McpServer implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofMinutes(10);

  /** The longest wait for a server that does not answer at all, such as a Machine that starts. */
  private static final Duration SILENCE = Duration.ofMinutes(1);

  private static final Patience PATIENCE = new Patience(SILENCE, Duration.ofSeconds(20));

  private static final String PROTOCOL = "2025-06-18";

  private final URI server;
  private final String app;
  private Conversation conversation;
  private ServerCheck check;
  private int id;

  /**
   * @param app the app that the server runs in, or null
   */
  McpServer(URI server, String app) {
    this.server = server;
    this.app = app;
  }

  /** The names of the server's tools. */
  public List<String> tools() {
    var names = new ArrayList<String>();
    var seen = new HashSet<JsonNode>();
    var params = Fly.JSON.createObjectNode();
    while (true) {
      var page = ask("tools/list", params);
      page.path("tools").forEach(tool -> names.add(tool.path("name").asText()));
      var cursor = page.path("nextCursor");
      if (!cursor.isTextual()) return names;
      if (!seen.add(cursor)) throw Refusals.endless("tools/list of " + server);
      params.set("cursor", page.path("nextCursor"));
    }
  }

  /** Calls a tool; its result as the protocol has it. */
  public JsonNode call(String tool, Map<String, ?> arguments) {
    var params = Fly.JSON.createObjectNode().put("name", tool);
    params.set("arguments", Fly.JSON.mapper().valueToTree(arguments));
    return ask("tools/call", params);
  }

  /** Calls a tool; the text of its result. */
  public String text(String tool, Map<String, ?> arguments) {
    var texts = new ArrayList<String>();
    for (var part : call(tool, arguments).path("content")) texts.add(part.path("text").asText());
    return String.join("\n", texts);
  }

  /** Any request of the protocol; its result. */
  public JsonNode ask(String method, JsonNode params) {
    connect();
    return request(method, params, TIMEOUT);
  }

  private JsonNode request(String method, JsonNode params, Duration longest) {
    var message = Fly.JSON.createObjectNode().put("jsonrpc", "2.0").put("id", id++);
    message.put("method", method).set("params", params);
    return check.ask(message, longest, reply -> {}).path("result");
  }

  private void connect() {
    if (conversation != null && conversation.age().compareTo(TIMEOUT.dividedBy(2)) < 0) return;
    close();
    if (app != null) requireAddress();
    conversation =
        new Conversation(
            server,
            StdioProxy.Transport.AUTO,
            headers(),
            TIMEOUT,
            PATIENCE,
            why -> System.err.println(why + "; waiting ..."),
            line -> {});
    check = new ServerCheck(conversation, TIMEOUT, stage -> {});
    var hello = Fly.JSON.createObjectNode().put("protocolVersion", PROTOCOL);
    hello.putObject("capabilities");
    hello.putObject("clientInfo").put("name", "fly-shell").put("version", "1");
    try {
      request("initialize", hello, SILENCE);
    } catch (FlyException e) {
      close(); // the next call begins anew
      throw e;
    }
    check.tell(
        Fly.JSON
            .createObjectNode()
            .put("jsonrpc", "2.0")
            .put("method", "notifications/initialized"));
  }

  /** An app without an address never answers, so waiting for it is of no use. */
  private void requireAddress() {
    JsonNode ips;
    try {
      ips = Connected.fly.get("/v1/apps/{app}/ip_assignments", app).path("ips");
    } catch (FlyException e) {
      return; // a caller without an API token may still use the server
    }
    if (!ips.isEmpty()) return;
    throw new FlyException(
        "the app %s has no IP address".formatted(app), "nobody can reach it", "fly-allocate-ips");
  }

  private Map<String, String> headers() {
    var token =
        app == null // then the caller has named the address
            ? Settings.FLY_MCP_BEARER_TOKEN.get()
            : Settings.FLY_MCP_BEARER_TOKEN.getFor(Settings.FLY_EDGE_URL);
    if (token == null) return Map.of();
    Access.requireSafe(server.toString());
    return Map.of("Authorization", "Bearer " + token);
  }

  /** Ends the session. */
  @Override
  public void close() {
    if (conversation != null) conversation.close();
    conversation = null;
  }
}
