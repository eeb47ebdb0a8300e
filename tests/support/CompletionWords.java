import fly.Fly;
import fly.cli.Cli;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The words that the shells' completion offers, a line each: alias, option, the option's values,
 * description, with tabs between. Values are a list with commas, * for any, @ for a file, or
 * nothing for an option without a value.
 */
final class CompletionWords {
  static final Path FILE = Path.of(".jbang/completion/words");

  private static final List<String> REGIONS =
      List.of(
          "ams", "arn", "bom", "cdg", "dfw", "ewr", "fra", "gru", "iad", "jnb", "lax", "lhr", "nrt",
          "ord", "sin", "sjc", "syd", "yyz");
  private static final List<String> STATES =
      List.of("created", "started", "stopped", "suspended", "destroyed");

  private CompletionWords() {}

  static String text(Path root) throws IOException, ReflectiveOperationException {
    var catalog = Fly.JSON.readTree(Files.readString(root.resolve("jbang-catalog.json")));
    var lines = new ArrayList<String>();
    for (var alias : catalog.path("aliases").properties()) {
      var name = alias.getKey();
      lines.add(line(name, "", "", alias.getValue().path("description").asText()));
      var constructor = Class.forName(CommandsPage.className(name)).getDeclaredConstructor();
      constructor.setAccessible(true);
      for (var option : Cli.commandLine(constructor.newInstance()).getCommandSpec().options()) {
        for (var word : option.names()) {
          lines.add(line(name, word, values(option), String.join(" ", option.description())));
        }
      }
    }
    return String.join("", lines);
  }

  private static String line(String... columns) {
    for (int i = 0; i < columns.length; i++) {
      columns[i] =
          columns[i].replaceAll("%n|\\s+", " ").replaceAll(" \\(default: [^)]*\\)", "").strip();
    }
    columns[3] = columns[3].replaceAll("[.;:]( .*|$)", "");
    return String.join("\t", columns) + "\n";
  }

  private static String values(OptionSpec option) {
    if (option.arity().max() == 0) return "";
    var candidates = option.completionCandidates();
    if (candidates != null) return String.join(",", candidates);
    return switch (option.longestName()) {
      case "--region" -> String.join(",", REGIONS);
      case "--state" -> String.join(",", STATES);
      default ->
          option.type() == Path.class || option.type() == File.class || file(option) ? "@" : "*";
    };
  }

  private static boolean file(OptionSpec option) {
    return option.paramLabel().contains("FILE") || option.paramLabel().contains("DIR");
  }
}
