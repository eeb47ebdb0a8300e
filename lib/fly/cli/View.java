//SOURCES ../Fly.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** A result in a few lines, for people at a terminal; a pipe gets the JSON. */
final class View {
  private View() {}

  /** A short view of a Machine, a volume or an app; the JSON itself of anything else. */
  static String of(JsonNode json) {
    if (json.has("id") && json.has("config") && json.has("state")) return machine(json);
    if (json.has("id") && json.has("size_gb")) return volume(json);
    if (json.has("id") && (json.has("organization") || json.has("created_at"))) return app(json);
    return Fly.pretty(json);
  }

  private static String machine(JsonNode machine) {
    var config = machine.path("config");
    var lines = new ArrayList<String>();
    lines.add(
        "Machine %s (%s): %s in %s"
            .formatted(
                text(machine, "id"),
                text(machine, "name"),
                text(machine, "state"),
                text(machine, "region")));
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
