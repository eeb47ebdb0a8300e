//SOURCES ../Fly.java Columns.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** A result in a few lines, for people at a terminal; a pipe gets the JSON. */
final class View {
  private View() {}

  /** The view: of a Machine, a volume or an app in words, of another object a field a line. */
  static String of(JsonNode json) {
    if (json.has("id") && json.has("config") && json.has("state")) return machine(json);
    if (json.has("id") && json.has("size_gb")) return volume(json);
    if (json.has("id") && (json.has("organization") || json.has("created_at"))) return app(json);
    if (!address(json).isEmpty() && !json.has("released")) return "Address " + address(json);
    return json.isObject() ? String.join(System.lineSeparator(), fields(json)) : Fly.pretty(json);
  }

  /** The view in one line. */
  static String line(JsonNode json) {
    var view = of(json).lines().toList();
    var plain = json.isObject() && view.equals(fields(json));
    return plain ? String.join(", ", view).replaceAll(" +", " ") : view.get(0);
  }

  /** The address in an answer that allocates one; empty in any other. */
  static String address(JsonNode answer) {
    for (var path : List.of("/ip", "/app/sharedIpAddress", "/ipAddress/address")) {
      if (answer.at(path).isTextual()) return answer.at(path).asText();
    }
    return "";
  }

  private static List<String> fields(JsonNode json) {
    var widest = json.properties().stream().mapToInt(field -> field.getKey().length()).max();
    var lines = new ArrayList<String>();
    for (var field : json.properties()) {
      lines.add(
          ("%-" + widest.getAsInt() + "s  %s").formatted(field.getKey(), field(field.getValue())));
    }
    return lines.isEmpty() ? List.of("done") : lines;
  }

  private static String field(JsonNode value) {
    if (value.isBoolean()) return Columns.text(value);
    if (value.isValueNode()) return value.asText();
    if (!value.isArray()) return value.toString();
    var items = new StringJoiner(", ");
    for (var item : value) items.add(item.isValueNode() ? item.asText() : label(item));
    return items.length() == 0 ? "none" : items.toString();
  }

  /** The name of a thing in a list. */
  private static String label(JsonNode thing) {
    for (var name : List.of("name", "slug", "organization", "id")) {
      if (thing.path(name).isTextual()) return text(thing, name);
    }
    return thing.toString();
  }

  private static String machine(JsonNode machine) {
    var config = machine.path("config");
    var lines = new ArrayList<String>();
    var name = text(machine, "name");
    var named = name.isEmpty() || name.startsWith("launch-") ? "" : " (" + name + ")";
    lines.add(
        "Machine %s%s: %s in %s"
            .formatted(
                text(machine, "id"), named, text(machine, "state"), text(machine, "region")));
    lines.add("  runs  " + program(config));
    var parts = new StringJoiner(", ");
    parts.add(guest(config.path("guest")));
    for (var mount : config.path("mounts")) {
      parts.add("volume %s at %s".formatted(text(mount, "volume"), text(mount, "path")));
    }
    var ports = ports(config);
    if (!ports.isEmpty()) parts.add("answers on port " + String.join(" and ", ports));
    lines.add("  has   " + parts);
    return String.join(System.lineSeparator(), lines);
  }

  private static String program(JsonNode config) {
    var words = new StringJoiner(" ");
    for (var word : config.at("/init/cmd")) words.add(word.asText());
    var image = text(config, "image");
    return words.length() == 0 ? image : words + " (" + image + ")";
  }

  private static String guest(JsonNode guest) {
    return "%s CPU %s, %s MB"
        .formatted(
            guest.path("cpus").asText("1"),
            guest.path("cpu_kind").asText("shared"),
            guest.path("memory_mb").asText("256"));
  }

  private static List<String> ports(JsonNode config) {
    var ports = new ArrayList<String>();
    for (var service : config.path("services")) {
      for (var port : service.path("ports")) ports.add(text(port, "port"));
    }
    return ports;
  }

  private static String volume(JsonNode volume) {
    var machine = text(volume, "attached_machine_id");
    return "Volume %s (%s): %s GB in %s, %s%n  %s"
        .formatted(
            text(volume, "id"),
            text(volume, "name"),
            text(volume, "size_gb"),
            text(volume, "region"),
            text(volume, "state"),
            machine.isEmpty() ? "attached to no Machine" : "attached to the Machine " + machine);
  }

  private static String app(JsonNode app) {
    var organization = app.at("/organization/slug").asText("");
    return "App %s%s"
        .formatted(
            app.path("name").asText(text(app, "id")),
            organization.isEmpty() ? "" : " in the organization " + organization);
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText("");
  }
}
