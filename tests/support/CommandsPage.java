import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;

/** The page docs/commands.md: each alias of the catalog with its help, in the catalog's order. */
final class CommandsPage {
  static final Path FILE = Path.of("docs/commands.md");

  private CommandsPage() {}

  /** The page as it should be. */
  static String text(Path root) throws IOException, ReflectiveOperationException {
    var wrapper = System.getProperty("FLY_JBANG");
    System.setProperty("FLY_JBANG", "./jbang");
    try {
      var catalog = Fly.JSON.readTree(Files.readString(root.resolve("jbang-catalog.json")));
      var aliases = catalog.path("aliases").properties();
      var page = new StringBuilder("# Commands\n\n");
      page.append("Made from the catalog and each command's `--help` by `./jbang docs`.\n\n");
      for (var alias : aliases) {
        page.append("- [%s](#%s): ".formatted(alias.getKey(), alias.getKey()))
            .append(alias.getValue().path("description").asText())
            .append("\n");
      }
      for (var alias : aliases) {
        page.append("\n## %s\n\n".formatted(alias.getKey()))
            .append("[%1$s](../%1$s)\n\n```\n".formatted(script(alias.getValue())))
            .append(help(alias.getKey()))
            .append("```\n");
      }
      return page.toString();
    } finally {
      if (wrapper == null) System.clearProperty("FLY_JBANG");
      else System.setProperty("FLY_JBANG", wrapper);
    }
  }

  private static String script(JsonNode alias) {
    return alias.path("script-ref").asText();
  }

  private static String help(String alias) throws ReflectiveOperationException {
    var constructor = Class.forName(className(alias)).getDeclaredConstructor();
    constructor.setAccessible(true);
    return Cli.commandLine(constructor.newInstance())
        .setUsageHelpWidth(100)
        .getUsageMessage(CommandLine.Help.Ansi.OFF);
  }

  /** fly-create-machine -> CreateMachine */
  static String className(String alias) {
    if (alias.equals("fly")) return "Commands";
    return Stream.of(alias.replaceFirst("^fly-", "").split("-"))
        .map(word -> word.substring(0, 1).toUpperCase() + word.substring(1))
        .collect(Collectors.joining());
  }
}
