import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.mcp.launch.ScriptBundle;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** Catalog, scripts, help texts and README say the same. */
class CatalogTest {
  /** An MCP server that people copy, and no command of ours. */
  private static final String NO_COMMAND = "FilesServer";

  static List<String> aliases() throws IOException {
    return List.copyOf(catalog().keySet());
  }

  @Test
  void every_script_has_an_alias_made_of_its_name_and_every_alias_a_script() throws Exception {
    var named = new LinkedHashMap<String, String>();
    catalog().forEach((alias, entry) -> named.put(alias, entry.path("script-ref").asText()));

    named.forEach(
        (alias, script) -> assertTrue(script.endsWith("/" + className(alias) + ".java"), script));
    var scripts =
        sources("scripts").stream()
            .map(file -> Sh.ROOT.relativize(file).toString())
            .filter(file -> !file.contains(NO_COMMAND))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(scripts, new TreeSet<>(named.values()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void a_script_is_described_alike_in_the_catalog_its_header_and_its_help(String alias)
      throws Exception {
    var described = catalog().get(alias).path("description").asText();
    var source = read(script(alias));
    var command = command(alias).getCommandSpec();

    assertTrue(source.startsWith("///usr/bin/env jbang \"$0\" \"$@\" ; exit $?\n//JAVA 17+\n"));
    assertTrue(
        source.contains("\n//DESCRIPTION " + described + "\n"),
        "//DESCRIPTION is not: " + described);
    assertEquals(described, String.join(" ", command.usageMessage().description()).strip());
    assertEquals(alias, command.name());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void help_begins_with_an_example_that_parses(String alias) throws Exception {
    var help = command(alias).getUsageMessage(CommandLine.Help.Ansi.OFF).lines().toList();

    assertEquals("Example:", help.get(0));
    assertTrue(help.get(1).startsWith("  " + Hint.of(alias)), help.get(1));
    parse(help.get(1));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void every_script_has_the_common_flags(String alias) throws Exception {
    var options = command(alias).getCommandSpec().optionsMap().keySet();

    for (var flag :
        List.of("-h", "--help", "-V", "--version", "-q", "--quiet", "-v", "--verbose")) {
      assertTrue(options.contains(flag), flag);
    }
  }

  /** The wrapper's fast path leaves out picocli's converters to these types. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void no_argument_has_a_type_of_java_time_or_java_sql_but_a_duration(String alias)
      throws Exception {
    for (var argument : command(alias).getCommandSpec().args()) {
      for (var type : argument.auxiliaryTypes()) {
        assertTrue(
            type == Duration.class || !type.getName().matches("java[.](time|sql)[.].*"),
            argument + " is a " + type.getName());
      }
    }
  }

  @Test
  void every_command_in_the_documents_parses() throws Exception {
    for (var document : DocsTest.documents()) {
      var text = read(document);
      var blocks = Pattern.compile("(?s)```(?:sh|console)\n(.*?)```").matcher(text);
      while (blocks.find()) {
        for (var line : blocks.group(1).replace("\\\n", " ").split("\n")) parse(line);
      }
    }
  }

  /** Parses each command of ours in a line of shell: its alias is known, and so are its options. */
  private static void parse(String line) throws Exception {
    var commands =
        Pattern.compile(
                "(?:\\./jbang|jbang)(?: --?[a-z]+)*"
                    + " (fly-[a-z-]+)(?:@catalog)?((?:\\s+(?:'[^']*'|\"[^\"]*\"|[^\\s|;&)'\"#<>]+))*)")
            .matcher(line);
    while (commands.find()) {
      var arguments = new ArrayList<String>();
      var words = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)").matcher(commands.group(2));
      while (words.find()) arguments.add(words.group().replaceAll("^['\"]|['\"]$", ""));
      assertTrue(catalog().containsKey(commands.group(1)), "no such alias: " + line);
      command(commands.group(1)).parseArgs(arguments.toArray(String[]::new));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void the_sources_of_a_script_are_all_that_it_needs(String alias) throws Exception {
    var script = script(alias).toAbsolutePath();
    var sources = ScriptBundle.files(script.normalize()).keySet();

    for (var source : sources) {
      if (!source.toString().endsWith(".java")) continue;
      for (var needed : needed(source)) {
        assertTrue(sources.contains(needed), source + " needs " + needed);
      }
    }
  }

  /** The files of the classes of ours that a source names: of its package, and by import. */
  private static List<Path> needed(Path source) throws IOException {
    var code = read(source).replaceAll("(?s)/\\*.*?\\*/|(?m)//.*$|\"(\\\\.|[^\"\\\\\n])*\"", "");
    var needed = new ArrayList<Path>();
    Pattern.compile("(?m)^import (?:static )?(fly(?:\\.[a-z]+)*\\.[A-Z]\\w*)")
        .matcher(code)
        .results()
        .map(match -> "lib/" + match.group(1).replace('.', '/') + ".java")
        .forEach(file -> needed.add(Sh.ROOT.resolve(file).toAbsolutePath().normalize()));
    if (!code.contains("package ")) return needed;
    for (var neighbour : sources(Sh.ROOT.relativize(source.getParent()).toString())) {
      var name = neighbour.getFileName().toString().replace(".java", "");
      if (neighbour.getParent().endsWith(source.getParent().getFileName())
          && Pattern.compile("(?<![.\\w])" + name + "\\b").matcher(code).find()) {
        needed.add(neighbour.toAbsolutePath().normalize());
      }
    }
    return needed;
  }

  @Test
  void what_fly_mcp_launch_ships_is_all_of_fly_mcp_wrap() throws Exception {
    var root = Sh.ROOT.toAbsolutePath().normalize();
    var sources = new TreeSet<String>();
    for (var file : ScriptBundle.files(root.resolve("lib/fly/mcp/wrap/WrapMain.java")).keySet()) {
      sources.add(root.relativize(file).toString());
    }

    var launch = read(root.resolve("lib/fly/mcp/launch/LaunchRequest.java"));
    var shipped =
        Pattern.compile("(?m)^//FILES wrap/(\\S+)=(\\S+)$")
            .matcher(launch)
            .results()
            .collect(
                Collectors.toMap(
                    match -> match.group(1),
                    match ->
                        Path.of("lib/fly/mcp/launch")
                            .resolve(match.group(2))
                            .normalize()
                            .toString()));

    assertEquals(sources, new TreeSet<>(shipped.keySet()));
    shipped.forEach((name, file) -> assertEquals(name, file));
  }

  @Test
  void sources_are_ASCII_and_have_no_globs_which_a_remote_catalog_cannot_resolve()
      throws Exception {
    for (var folder : List.of("lib", "scripts", "tests", ".jbang")) {
      for (var source : sources(folder)) {
        var text = read(source);
        assertTrue(
            StandardCharsets.US_ASCII.newEncoder().canEncode(text), source + " is not ASCII");
        var glob = Pattern.compile("(?m)^//(SOURCES|FILES) .*\\*").matcher(text).find();
        assertFalse(glob && !folder.equals(".jbang"), source + " has a glob in its header");
      }
    }
  }

  @Test
  void a_version_is_stated_once_in_lib() throws Exception {
    var seen = new HashSet<String>();
    for (var source : sources("lib")) {
      for (var line : read(source).lines().filter(line -> line.startsWith("//DEPS ")).toList()) {
        assertTrue(seen.add(line), line + " is stated twice");
        assertTrue(
            line.matches("//DEPS [\\w.-]+:[\\w.-]+:[\\w.-]+(@pom)?"), line + " is not exact");
      }
    }
  }

  private static Path script(String alias) throws IOException {
    return Sh.ROOT.resolve(catalog().get(alias).path("script-ref").asText());
  }

  private static List<Path> sources(String folder) throws IOException {
    try (Stream<Path> files = Files.walk(Sh.ROOT.resolve(folder))) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
  }

  private static Map<String, JsonNode> catalog() throws IOException {
    var catalog = Fly.JSON.readTree(read(Sh.ROOT.resolve("jbang-catalog.json")));
    var aliases = new LinkedHashMap<String, JsonNode>();
    for (var alias : catalog.path("aliases").properties()) {
      aliases.put(alias.getKey(), alias.getValue());
    }
    return aliases;
  }

  private static CommandLine command(String alias) throws ReflectiveOperationException {
    var constructor = Class.forName(className(alias)).getDeclaredConstructor();
    constructor.setAccessible(true);
    return Cli.commandLine(constructor.newInstance());
  }

  /** fly-create-machine -> CreateMachine */
  private static String className(String alias) {
    if (alias.equals("fly")) return "Commands";
    return Stream.of(alias.replaceFirst("^fly-", "").split("-"))
        .map(word -> word.substring(0, 1).toUpperCase() + word.substring(1))
        .collect(Collectors.joining());
  }

  private static String read(Path file) throws IOException {
    return Files.readString(file);
  }
}
