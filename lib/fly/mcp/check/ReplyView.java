//SOURCES ../../Count.java ../../Fly.java
package fly.mcp.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import fly.Count;
import fly.Fly;
import java.util.StringJoiner;

/** A reply of an MCP server in a few lines, for people at a terminal; a pipe gets the JSON. */
public final class ReplyView {
  private ReplyView() {}

  /** The view, such as {@code 14 tools: read_file, ...}; the JSON of a reply of another kind. */
  public static String of(JsonNode reply) {
    var error = reply.path("error");
    if (error.isObject()) {
      return "error %s: %s".formatted(error.path("code").asText(), error.path("message").asText());
    }
    var result = reply.path("result");
    var server = result.path("serverInfo");
    if (server.isObject()) {
      return "%s %s, MCP %s"
          .formatted(
              server.path("name").asText(),
              server.path("version").asText(),
              result.path("protocolVersion").asText());
    }
    for (var kind : new String[] {"tools", "resources", "prompts"}) {
      if (result.path(kind).isArray()) return list(kind, result.path(kind));
    }
    return result.path("content").isArray() ? content(result.path("content")) : reply.toString();
  }

  /** A reply from its line of JSON. */
  public static JsonNode read(String line) {
    try {
      return Fly.JSON.readTree(line);
    } catch (JsonProcessingException e) {
      return TextNode.valueOf(line);
    }
  }

  /** True for the reply to a tool's call. */
  public static boolean isCall(JsonNode reply) {
    return reply.has("error") || reply.at("/result/content").isArray();
  }

  private static String list(String kind, JsonNode things) {
    var names = new StringJoiner(", ");
    for (var thing : things) names.add(thing.path("name").asText(thing.path("uri").asText()));
    var count = Count.of(things.size(), kind.replaceFirst("s$", ""));
    return things.isEmpty() ? "no " + kind : count + ": " + names;
  }

  private static String content(JsonNode parts) {
    var text = new StringJoiner(System.lineSeparator());
    for (var part : parts) {
      text.add(
          part.has("text") ? part.path("text").asText() : "(" + part.path("type").asText() + ")");
    }
    return text.toString();
  }
}
