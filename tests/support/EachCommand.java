import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import picocli.CommandLine;

/** Runs every command of the catalog with the example of its help, as a dry run if it has one. */
final class EachCommand {
  private EachCommand() {}

  /** Commands that end by themselves and change nothing, though they have no dry run. */
  private static final List<String> HARMLESS = List.of("fly-env");

  /** Runs all commands in this JVM, one after the other, and prints exit code and streams. */
  public static void main(String... args) throws Exception {
    var stdout = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (var alias : aliases()) {
      var out = new ByteArrayOutputStream();
      var err = new ByteArrayOutputStream();
      var exit = Cli.run(script(alias), out, err, example(alias));
      stdout.println("### " + alias + " ends with " + exit);
      stdout.println(out.toString(StandardCharsets.UTF_8));
      stdout.println(err.toString(StandardCharsets.UTF_8));
    }
    System.exit(0);
  }

  static List<String> aliases() throws IOException {
    var aliases = new ArrayList<String>();
    catalog().fieldNames().forEachRemaining(aliases::add);
    return aliases;
  }

  private static JsonNode catalog() throws IOException {
    return Fly.JSON
        .readTree(Files.readString(Sh.ROOT.resolve("jbang-catalog.json")))
        .path("aliases");
  }

  static Object script(String alias) throws IOException, ReflectiveOperationException {
    var file = catalog().path(alias).path("script-ref").asText();
    var name = file.replaceAll(".*/|\\.java$", "");
    var constructor = Class.forName(name).getDeclaredConstructor();
    constructor.setAccessible(true);
    return constructor.newInstance();
  }

  /** Arguments of the example, with -n first; --help for a command without a dry run. */
  static String[] example(String alias) throws Exception {
    var words = words(alias);
    if (options(alias).contains("--dry-run")) words.add(0, "-n");
    else if (!HARMLESS.contains(alias)) return new String[] {"--help"};
    return words.toArray(String[]::new);
  }

  /** Arguments of the example in the help. */
  static List<String> words(String alias) throws Exception {
    var header = new CommandLine(script(alias)).getCommandSpec().usageMessage().header();
    var words = new ArrayList<String>();
    Pattern.compile("'([^']*)'|(\\S+)")
        .matcher(String.join("", header))
        .results()
        .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
        .forEach(words::add);
    if (!words.isEmpty()) words.remove(0);
    return words;
  }

  static List<String> options(String alias) throws Exception {
    return List.copyOf(Cli.commandLine(script(alias)).getCommandSpec().optionsMap().keySet());
  }

  /** The output of {@link #main} by command; ids that are drawn anew each time are masked. */
  static Map<String, String> parts(String output) {
    var parts = new TreeMap<String, String>();
    for (var part : output.split("(?m)^### ")) {
      if (part.isBlank()) continue;
      parts.put(
          part.split(" ")[0],
          part.replaceAll("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8,}", "ID").strip());
    }
    return parts;
  }

  /** A stream that is full: /dev/full on every system. */
  static OutputStream full() {
    return new OutputStream() {
      @Override
      public void write(int data) throws IOException {
        throw new IOException("No space left on device");
      }
    };
  }
}
