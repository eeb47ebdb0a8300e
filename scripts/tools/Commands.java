///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the commands by group, in the guide's order.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//FILES catalog.json=../../jbang-catalog.json

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import fly.cli.Hint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly",
    header = "fly",
    description = "List the commands by group, in the guide's order.",
    footer = "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/")
class Commands implements Runnable {
  /** A group is the folder that a script lies in. */
  private static final Map<String, String> GROUPS =
      Map.of(
          "guide", "The guide, step by step",
          "machines", "Machines and apps",
          "mcp", "MCP: clients and servers",
          "tools", "Tools");

  @Mixin Cli cli;

  public static void main(String... args) {
    Cli.main(new Commands(), args);
  }

  @Override
  public void run() {
    var groups = new LinkedHashMap<String, StringBuilder>();
    for (var alias : catalog().path("aliases").properties()) {
      var path = alias.getValue().path("script-ref").asText().split("/");
      var group = path[path.length - 2];
      groups
          .computeIfAbsent(group, name -> new StringBuilder(GROUPS.getOrDefault(name, name) + "\n"))
          .append(
              "  %-20s %s%n"
                  .formatted(alias.getKey(), alias.getValue().path("description").asText()));
    }
    if (cli.quiet) {
      catalog().path("aliases").fieldNames().forEachRemaining(cli.out()::println);
      return;
    }
    cli.out().print(String.join("\n", groups.values()));
    cli.say("Begin with: " + Hint.of("fly-quickstart"));
  }

  private static JsonNode catalog() {
    try (var json = Commands.class.getResourceAsStream("catalog.json")) {
      return Fly.JSON.readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
