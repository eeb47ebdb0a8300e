///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the commands by group, in the guide's order.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Terminal.java
//FILES catalog.json=../../jbang-catalog.json

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Terminal;
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

  /** The column that descriptions begin in. */
  private static final int COLUMN = 23;

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
          .append(line(alias.getKey(), alias.getValue().path("description").asText()));
    }
    if (cli.quiet) {
      catalog().path("aliases").fieldNames().forEachRemaining(cli.out()::println);
      return;
    }
    cli.out().print(String.join("\n", groups.values()));
    cli.say("Begin with: " + Hint.of("fly-quickstart"));
  }

  /** The command and its description; on a terminal a long one is broken at a word. */
  private String line(String alias, String description) {
    var room = cli.viewed() ? Terminal.width() - COLUMN : Integer.MAX_VALUE;
    var line = new StringBuilder("  %-20s".formatted(alias));
    var used = 0;
    for (var word : description.split(" ")) {
      if (used > 0 && used + word.length() >= room) {
        line.append(System.lineSeparator()).append(" ".repeat(COLUMN - 1));
        used = 0;
      }
      line.append(' ').append(word);
      used += word.length() + 1;
    }
    return line + System.lineSeparator();
  }

  private static JsonNode catalog() {
    try (var json = Commands.class.getResourceAsStream("catalog.json")) {
      return Fly.JSON.readTree(json.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
