//SOURCES ../Fly.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** JSON as it is printed: some of its fields, and in colour. */
public final class JsonText {
  private static final String NAME = "1;34";
  private static final String STRING = "32";
  private static final String OTHER = "36";

  private JsonText() {}

  /**
   * The object, or each object of a list, with these fields only; one that is missing is null.
   *
   * @param names such as {@code id,state}; null or empty for all fields
   */
  static JsonNode fields(JsonNode json, String names) {
    var wanted = names == null ? List.<String>of() : names(names);
    return wanted.isEmpty() ? json : fields(json, wanted);
  }

  private static JsonNode fields(JsonNode json, List<String> names) {
    if (!json.isContainerNode()) return json;
    if (json.isArray()) {
      var all = Fly.JSON.createArrayNode();
      for (var item : json) all.add(fields(item, names));
      return all;
    }
    var some = Fly.JSON.createObjectNode();
    for (var name : names) some.set(name, json.get(name));
    return some;
  }

  /** The names of a list such as {@code id,state}. */
  static List<String> names(String list) {
    return Stream.of(list.split(",")).map(String::strip).filter(name -> !name.isEmpty()).toList();
  }

  /** The names of the object's fields, or of those of all objects in a list. */
  static Set<String> names(JsonNode json) {
    var names = new LinkedHashSet<String>();
    if (json.isObject()) json.fieldNames().forEachRemaining(names::add);
    else for (var item : json) names.addAll(names(item));
    return names;
  }

  /** The text of valid JSON with names, strings and other values in colours. */
  public static String coloured(String json) {
    var text = new StringBuilder(2 * json.length());
    for (int i = 0, end; i < json.length(); i = end) {
      var c = json.charAt(i);
      if (c == '"') {
        end = afterString(json, i);
        paint(text, isName(json, end) ? NAME : STRING, json, i, end);
      } else if (c == '-' || Character.isLetterOrDigit(c)) {
        end = i + 1;
        while (end < json.length() && isValue(json.charAt(end))) end++;
        paint(text, OTHER, json, i, end);
      } else {
        end = i + 1;
        text.append(c);
      }
    }
    return text.toString();
  }

  private static void paint(StringBuilder text, String colour, String json, int start, int end) {
    text.append("\033[").append(colour).append('m').append(json, start, end).append("\033[0m");
  }

  private static int afterString(String json, int start) {
    var end = start + 1;
    while (json.charAt(end) != '"') end += json.charAt(end) == '\\' ? 2 : 1;
    return end + 1;
  }

  private static boolean isName(String json, int after) {
    var next = after;
    while (next < json.length() && json.charAt(next) == ' ') next++;
    return next < json.length() && json.charAt(next) == ':';
  }

  private static boolean isValue(char c) {
    return Character.isLetterOrDigit(c) || c == '.' || c == '-' || c == '+';
  }
}
