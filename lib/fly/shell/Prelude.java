//SOURCES ../Fly.java ../FlyException.java ../Settings.java ../Template.java Connected.java McpServer.java
package fly.shell;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.Template;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The functions that every snippet can call by their bare names. */
public final class Prelude {
  private static final int BAR = 40;

  /** The words after the file on the command line. */
  public static List<String> args = List.of();

  private Prelude() {}

  /** The imports of every snippet. */
  static String imports() {
    var client = "import static " + Connected.class.getName() + ".fly;\n";
    return Template.text("imports.jsh") + client;
  }

  /** Prints the help: variables, functions and commands. */
  public static void help() {
    System.out.print(Template.text("shell-help.txt"));
  }

  /** The app of this session, from {@code APP_NAME}. */
  public static String app() {
    return Settings.APP_NAME.require();
  }

  /** The organization of this session, from {@code ORG}. */
  public static String org() {
    return Settings.ORG.require();
  }

  /** A JSON text, parsed; any other value, such as a map or a record, as JSON. */
  public static JsonNode json(Object value) {
    if (!(value instanceof String text)) return Fly.JSON.mapper().valueToTree(value);
    try {
      return Fly.JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw FlyException.usage("not JSON: " + text, e.getOriginalMessage(), "json(\"{...}\")");
    }
  }

  /** A request body, its variables filled from the settings: a file of yours, or a shipped one. */
  public static ObjectNode template(String name) {
    return template(name, Map.of());
  }

  /**
   * A request body, its variables filled.
   *
   * @param values come before the settings of the same names
   */
  public static ObjectNode template(String name, Map<String, String> values) {
    return Template.load(Files.exists(Path.of(name)) ? name : null, name, values);
  }

  /** The MCP server at this address. */
  public static McpServer mcp(String url) {
    return new McpServer(URI.create(url), null);
  }

  /** The MCP server of the app of this session. */
  public static McpServer mcp() {
    return new McpServer(URI.create(Settings.edgeUrl(app())), app());
  }

  /** Prints a value: JSON indented, the elements of a collection one a line. */
  public static void print(Object value) {
    if (value instanceof JsonNode json) System.out.println(Fly.pretty(json));
    else if (value instanceof Iterable<?> all) all.forEach(Prelude::print);
    else System.out.println(value);
  }

  /** Prints one bar a row, the longest for the largest number. */
  public static void bars(Map<?, ? extends Number> rows) {
    var widest = rows.keySet().stream().mapToInt(key -> key.toString().length()).max().orElse(0);
    var most = rows.values().stream().mapToDouble(Number::doubleValue).max().orElse(0);
    rows.forEach(
        (key, number) -> {
          var length = most <= 0 ? 0 : (int) Math.round(BAR * number.doubleValue() / most);
          var line = "%-" + Math.max(1, widest) + "s %s %s";
          System.out.println(line.formatted(key, "#".repeat(Math.max(0, length)), number));
        });
  }
}
