//SOURCES ../Count.java ../FlyException.java ../TextFile.java
package fly.fleet;

import fly.Count;
import fly.FlyException;
import fly.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A table in a file: the first line names the columns; values may be quoted (RFC 4180). */
public final class Csv {
  private Csv() {}

  /** The rows, each by column. */
  public static List<Map<String, String>> read(String file) {
    var lines = parse(file, TextFile.read(Path.of(file)));
    if (lines.isEmpty()) {
      throw FlyException.usage(file + " is empty", "its first line names the columns", "");
    }
    var columns = lines.get(0).stream().map(String::strip).toList();
    for (var column : columns) {
      if (List.of("INDEX", "NAME").contains(column)) {
        throw FlyException.usage(
            "a column of %s cannot be called %s".formatted(file, column),
            "${%s} is the Machine's own in the request body".formatted(column),
            "another name, such as USER_" + column);
      }
      if (columns.indexOf(column) != columns.lastIndexOf(column)) {
        throw FlyException.usage(
            "%s has the column %s twice".formatted(file, column),
            "one of the two would be lost",
            "another name for one of them");
      }
      if (column.matches("\\w+")) continue;
      throw FlyException.usage(
          "\"" + column + "\" is no name for a column",
          "${NAME} in the request body takes letters, digits and underscores",
          "name the columns in the first line of " + file);
    }
    var rows = new ArrayList<Map<String, String>>();
    for (var line : lines.subList(1, lines.size())) {
      if (line.size() != columns.size()) {
        throw FlyException.usage(
            "row %d of %s has %s".formatted(rows.size() + 1, file, Count.of(line.size(), "value")),
            "its first line names " + Count.of(columns.size(), "column"),
            "quote a value that holds a comma");
      }
      var row = new LinkedHashMap<String, String>();
      for (int i = 0; i < columns.size(); i++) row.put(columns.get(i), line.get(i));
      rows.add(row);
    }
    return rows;
  }

  private static List<List<String>> parse(String file, String text) {
    var lines = new ArrayList<List<String>>();
    var line = new ArrayList<String>();
    var value = new StringBuilder();
    var quoted = false;
    for (int i = 0; i < text.length(); i++) {
      var c = text.charAt(i);
      if (quoted && c == '"' && i + 1 < text.length() && text.charAt(i + 1) == '"') {
        value.append(c);
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (quoted || c != ',' && c != '\n' && c != '\r') {
        value.append(c);
      } else if (c == ',') {
        line.add(value.toString());
        value.setLength(0);
      } else if (c == '\n') {
        end(lines, line, value);
        line = new ArrayList<>();
        value.setLength(0);
      }
    }
    if (quoted) {
      throw FlyException.usage(
          "a quoted value of %s has no end".formatted(file),
          "the value that begins in row %d takes in the rest of the file".formatted(lines.size()),
          "close its quote; a quote inside a quoted value is written twice");
    }
    end(lines, line, value);
    return lines;
  }

  /** Leaves out empty lines. */
  private static void end(List<List<String>> lines, List<String> line, StringBuilder value) {
    if (line.isEmpty() && value.toString().isBlank()) return;
    line.add(value.toString());
    lines.add(line);
  }
}
