//SOURCES ../../Fly.java ../../FlyException.java ../../Template.java ../../TextFile.java
package fly.mcp.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import fly.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options for requests to an MCP server, and the messages made of them. */
public final class Task {
  @ArgGroup private Kind kind = new Kind();

  /** The kinds of things that a server lists. */
  enum Offer {
    TOOLS,
    RESOURCES,
    PROMPTS
  }

  static final class Kind {
    @Option(names = "--tool", paramLabel = "NAME", description = "Call this tool.")
    String tool;

    @Option(
        names = "--list",
        paramLabel = "WHAT",
        description = "List what the server offers: ${COMPLETION-CANDIDATES}.")
    Offer list;

    @Option(
        names = "--requests",
        paramLabel = "FILE",
        description = "Send your own JSON-RPC messages, one per line; - is stdin.")
    String requests;
  }

  @Option(names = "--args", paramLabel = "JSON", description = "The tool's arguments.")
  private String args;

  /** True if only the reply to the tool's call is for people. */
  public boolean isCall() {
    return kind.tool != null;
  }

  public boolean isList() {
    return kind.list != null;
  }

  /** The messages: those of --requests, or the shipped ones with the changes of the options. */
  public List<JsonNode> messages(String shipped) {
    if (args != null && kind.tool == null) {
      throw FlyException.usage(
          "--args are for no tool",
          "--tool names the tool that gets them",
          "--tool NAME --args JSON");
    }
    if (kind.requests != null) return read(kind.requests);
    var messages = parse(Template.text(shipped), shipped);
    if (kind.list != null) {
      var list = (ObjectNode) messages.get(2);
      list.put("method", kind.list.name().toLowerCase(Locale.ROOT) + "/list");
      return messages.subList(0, 3);
    }
    if (kind.tool == null) return messages;
    var params = Fly.JSON.createObjectNode().put("name", kind.tool);
    params.set("arguments", arguments(args == null ? "{}" : args));
    ((ObjectNode) messages.get(messages.size() - 1)).set("params", params);
    return messages;
  }

  /** The messages of a text, one in a line; the source is named in errors. */
  private static List<JsonNode> parse(String text, String source) {
    var messages = new ArrayList<JsonNode>();
    for (var line : text.lines().filter(line -> !line.isBlank()).toList()) {
      try {
        messages.add(Fly.JSON.readTree(line));
      } catch (JsonProcessingException e) {
        throw FlyException.usage(
            source + " holds a line that is not JSON", line, "one JSON-RPC message per line");
      }
    }
    if (!messages.isEmpty()) return messages;
    throw FlyException.usage(source + " holds no message", "it is empty", "one message per line");
  }

  /** The messages of a file; - is stdin. */
  private static List<JsonNode> read(String file) {
    if (file.equals("-")) return parse(TextFile.stdin(), "stdin");
    return parse(TextFile.read(Path.of(file)), file);
  }

  /** The arguments of a tool, which are a JSON object. */
  private static JsonNode arguments(String json) {
    try {
      if (Fly.JSON.readTree(json) instanceof ObjectNode object) return object;
    } catch (JsonProcessingException e) {
      // the same answer for both
    }
    throw FlyException.usage(
        "--args is no JSON object", json, "--args '{\"path\": \"/data\"}', in single quotes");
  }
}
