//SOURCES Fly.java FlyException.java Json.java Settings.java TextFile.java
package fly;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ContainerNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A request body kept as a JSON file, so that any field of the API can be used on the day Fly.io
 * adds it.
 *
 * <p>Templates are valid JSON. Strings may hold {@code ${NAME}} or {@code ${NAME:-default}}. They
 * are filled after parsing and stay strings, so that no value can break the JSON or add to it.
 */
public final class Template {
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)(?::-([^}]*))?}");

  private static final Pattern DUPLICATE = Pattern.compile("Duplicate field '(.*)'");

  /** The value of {@code --set} that means the empty string. */
  private static final String EMPTY = "\"\"";

  /**
   * Maps whose values are always strings, even if they look like numbers (Fly.io, Machine config).
   */
  private static final Set<String> TEXTS = Set.of("env", "metadata");

  private Template() {}

  /**
   * Reads {@code file}, or the template shipped with the script if that is null, and fills it.
   *
   * @param values come before the settings of the same name
   */
  public static ObjectNode load(String file, String shipped, Map<String, String> values) {
    var json =
        parse(
            file == null ? text(shipped) : TextFile.read(Path.of(file)),
            file == null ? shipped : file);
    var missing = new TreeSet<String>();
    fill(json, values, missing);
    if (missing.isEmpty()) return json;
    var exports = missing.stream().map(name -> "export " + name + "=...").toList();
    throw FlyException.usage(
        "the request body needs " + String.join(", ", missing),
        "%s names %s, and there is no value"
            .formatted(file == null ? shipped : file, "${" + String.join("}, ${", missing) + "}"),
        String.join("; ", exports));
  }

  /** The template shipped with the script, as it is. */
  public static String text(String shipped) {
    try (var json = Template.class.getResourceAsStream("/" + shipped)) {
      return new String(json.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Sets fields by dotted path, such as {@code config.services.0.autostop}; {@code \.} is a dot in
   * a name. A field keeps the type that it has; an empty value removes it, and {@code ""} is the
   * empty string.
   *
   * @param warn receives each field that was not there before
   */
  public static void set(ObjectNode json, Map<String, String> fields, Consumer<String> warn) {
    fields.forEach((path, value) -> set(json, path, value, warn));
  }

  private static void set(ObjectNode json, String path, String value, Consumer<String> warn) {
    var names = new ArrayList<String>();
    for (var name : path.split("(?<!\\\\)\\.", -1)) names.add(name.replace("\\.", "."));
    if (names.contains("")) throw notSet(path, "a name is missing in the path", "");
    ContainerNode<?> parent = json;
    for (var name : names.subList(0, names.size() - 1)) {
      var child = child(parent, name);
      if (child.isMissingNode() || child.isNull()) {
        if (value.isEmpty()) return;
        child = Fly.JSON.createObjectNode();
        put(parent, path, name, child);
      }
      if (!(child instanceof ContainerNode<?> container)) {
        throw notSet(path, name + " is " + type(child) + " and holds no fields", "");
      }
      parent = container;
    }
    var name = names.get(names.size() - 1);
    var old = child(parent, name);
    if (value.isEmpty()) {
      if (parent instanceof ObjectNode object) object.remove(name);
      else if (!old.isMissingNode()) ((ArrayNode) parent).remove(Integer.parseInt(name));
      return;
    }
    if (TEXTS.contains(name) && names.size() < 3) requireMap(path, value);
    if (old.isMissingNode()) warn.accept(path + " was not in the request body, and is now");
    var text = names.size() > 1 && TEXTS.contains(names.get(names.size() - 2));
    var string = value.equals(EMPTY) ? "" : value;
    put(parent, path, name, text ? TextNode.valueOf(string) : typed(path, value, old));
  }

  private static void requireMap(String path, String value) {
    if (value.startsWith("{")) return;
    throw notSet(
        path,
        "it is a JSON object, and \"" + value + "\" is not",
        "--set %s.%s".formatted(path, value.contains("=") ? value : "NAME=" + value));
  }

  private static JsonNode child(ContainerNode<?> parent, String name) {
    if (parent instanceof ObjectNode) return parent.path(name);
    return name.matches("\\d{1,4}")
        ? parent.path(Integer.parseInt(name))
        : com.fasterxml.jackson.databind.node.MissingNode.getInstance();
  }

  private static void put(ContainerNode<?> parent, String path, String name, JsonNode value) {
    if (parent instanceof ObjectNode object) {
      object.set(name, value);
      return;
    }
    var array = (ArrayNode) parent;
    if (!name.matches("\\d{1,4}") || Integer.parseInt(name) > array.size()) {
      throw notSet(
          path, "%s is no index of a list of %d".formatted(name, array.size()), "0 is the first");
    }
    if (Integer.parseInt(name) == array.size()) array.add(value);
    else array.set(Integer.parseInt(name), value);
  }

  private static JsonNode typed(String path, String value, JsonNode old) {
    if (old.isTextual()) return TextNode.valueOf(value.equals(EMPTY) ? "" : value);
    JsonNode json;
    try {
      json = Json.EXACT.readTree(value);
    } catch (JsonProcessingException e) {
      json = TextNode.valueOf(value);
    }
    var fits =
        old.isMissingNode()
            || old.isNull()
            || old.isIntegralNumber() && json.isIntegralNumber()
            || old.isFloatingPointNumber() && json.isNumber()
            || old.isBoolean() && json.isBoolean()
            || old.isObject() && json.isObject()
            || old.isArray() && json.isArray();
    if (fits) return json;
    throw notSet(path, "it is " + type(old) + ", and \"" + value + "\" is not", "");
  }

  private static String type(JsonNode node) {
    if (node.isIntegralNumber()) return "a whole number";
    if (node.isNumber()) return "a number";
    if (node.isBoolean()) return "true or false";
    if (node.isArray()) return "a JSON list";
    return node.isObject() ? "a JSON object" : "a string";
  }

  private static FlyException notSet(String path, String why, String hint) {
    return FlyException.usage(
        "cannot set " + path, why, hint.isEmpty() ? "look at it with --print-template" : hint);
  }

  private static void fill(JsonNode node, Map<String, String> values, TreeSet<String> missing) {
    if (node instanceof ObjectNode object) {
      for (var name : List.copyOf(object.properties())) {
        fill(name.getValue(), values, missing);
        if (name.getValue().isTextual()) {
          object.put(name.getKey(), filled(name.getValue().asText(), values, missing));
        }
      }
    } else if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        fill(array.get(i), values, missing);
        if (array.get(i).isTextual()) {
          array.set(i, TextNode.valueOf(filled(array.get(i).asText(), values, missing)));
        }
      }
    }
  }

  private static String filled(String text, Map<String, String> values, TreeSet<String> missing) {
    return VARIABLE
        .matcher(text)
        .replaceAll(
            variable -> {
              var value = values.get(variable.group(1));
              if (value == null) value = Settings.lookup(variable.group(1));
              if (value == null) value = variable.group(2);
              if (value == null) missing.add(variable.group(1));
              return Matcher.quoteReplacement(String.valueOf(value));
            });
  }

  private static ObjectNode parse(String text, String name) {
    try {
      if (Json.EXACT.readTree(text) instanceof ObjectNode object) return object;
      throw FlyException.usage(
          name + " is not a JSON object",
          "a request body is { ... }",
          "start from --print-template");
    } catch (JsonProcessingException e) {
      var where = e.getLocation();
      var twice = DUPLICATE.matcher(e.getOriginalMessage());
      if (twice.find()) {
        throw FlyException.usage(
            "%s has %s twice in one object".formatted(name, twice.group(1)),
            "the second is in line %d, and one of them would be lost".formatted(where.getLineNr()),
            "remove one of the two");
      }
      throw FlyException.usage(
          name + " is not JSON",
          "%s (line %d, column %d)"
              .formatted(
                  e.getOriginalMessage().replaceFirst(" \\(start marker.*", ""),
                  where.getLineNr(),
                  where.getColumnNr()),
          "start from --print-template");
    }
  }
}
