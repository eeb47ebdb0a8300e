package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The columns of a table: for each heading the part of a JSON object to show below it. */
public final class Columns {
  private final Map<String, Function<JsonNode, String>> cells = new LinkedHashMap<>();

  private Columns() {}

  /** The first column, which names the thing: -q prints it alone. */
  public static Columns of(String heading, String pointer) {
    return new Columns().and(heading, pointer);
  }

  /** A column with a value of the object, such as {@code /config/image}. */
  public Columns and(String heading, String pointer) {
    return and(heading, thing -> text(thing.at(pointer)));
  }

  /** A column with a text that is made of the object. */
  public Columns and(String heading, Function<JsonNode, String> cell) {
    cells.put(heading, cell);
    return this;
  }

  List<String> headings() {
    return List.copyOf(cells.keySet());
  }

  List<List<String>> rows(Iterable<JsonNode> things) {
    var rows = new ArrayList<List<String>>();
    for (var thing : things) {
      rows.add(cells.values().stream().map(cell -> cell.apply(thing)).toList());
    }
    return rows;
  }

  static String text(JsonNode value) {
    if (value.isBoolean()) return value.asBoolean() ? "yes" : "no";
    return value.asText("");
  }
}
