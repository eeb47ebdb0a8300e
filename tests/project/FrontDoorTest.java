import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.Fly;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** ./jbang by itself: an overview, versions, completion, and commands on the PATH, without Java. */
class FrontDoorTest {
  @TempDir Path temp;

  private Sh shell() {
    return new Sh()
        .with("HOME", temp)
        .with("JBANG_DIR", temp.resolve("dir"))
        .with("JAVA_HOME", temp.resolve("no-java"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"./jbang", "./jbang --help", "./jbang -h", "./jbang help"})
  void the_overview_lists_every_command_with_its_description(String command) throws Exception {
    var result = shell().run(command.split(" "));

    assertEquals(0, result.exit(), result.err());
    for (var alias : catalog().properties()) {
      var line =
          "  %-20s %s\n".formatted(alias.getKey(), alias.getValue().path("description").asText());
      assertTrue(result.out().contains(line), line);
    }
    assertTrue(result.out().indexOf("The guide") < result.out().indexOf("Machines and apps"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"dist", "fmt", "docs", "test", "outdated", "picture"})
  void help_for_a_command_of_contributors_runs_nothing(String alias) throws Exception {
    var catalog = Fly.JSON.readTree(Files.readString(Sh.ROOT.resolve(".jbang/jbang-catalog.json")));

    var result = shell().run("./jbang", alias, "--help");

    assertEquals(0, result.exit(), result.err());
    assertEquals(catalog.at("/aliases/" + alias + "/description").asText() + "\n", result.out());
  }

  @Test
  void the_command_fly_lists_the_same() {
    var overview = shell().run("./jbang").out();

    var listed = Script.run(new Commands());

    assertTrue(overview.contains("\n\n" + listed.out() + "\n"), listed.out());
  }

  @ParameterizedTest
  @CsvSource({
    "fly-creat-app, fly-create-app",
    "fly-list-machine, fly-list-machines",
    "create-volume, fly-create-volume",
    "fly-mcp-prox, fly-mcp-proxy",
    "FLY-NAME-APP, fly-name-app",
    "fly_create_app, fly-create-app",
    "xyzzy, --help"
  })
  void a_command_that_nobody_knows_is_answered_with_the_nearest(String typed, String meant) {
    var result = shell().run("./jbang", typed);

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().startsWith("error: there is no command " + typed + "\n"), result.err());
    assertTrue(result.err().endsWith("  try: ./jbang " + meant + "\n"), result.err());
  }

  @Test
  @Tag("slow")
  void an_alias_of_a_catalog_of_the_readers_own_is_left_to_JBang() throws Exception {
    Files.writeString(
        temp.resolve("jbang-catalog.json"), "{\"aliases\": {\n\"mine\": {\"script-ref\": \"x\"}}}");

    var result = shell().in(temp).run(Sh.ROOT.resolve("jbang").toString(), "mine");

    assertFalse(result.err().contains("there is no command"), result.err());
  }

  @Test
  void the_versions_are_those_that_the_commands_show() throws Exception {
    var result =
        shell().with("JAVA_HOME", System.getProperty("java.home")).run("./jbang", "--version");

    var lines = result.out().lines().toList();
    var stated = new fly.cli.Version().getVersion();
    assertEquals(stated[0], lines.get(0));
    assertEquals("JBang 0.132.1", lines.get(1));
    assertTrue(lines.get(2).startsWith("Java " + Runtime.version().feature()), lines.get(2));
    assertEquals(stated[3], lines.get(3));
  }

  @Test
  void installed_commands_are_links_that_uninstall_removes() throws Exception {
    var bin = Files.createDirectories(temp.resolve("my bin"));
    Files.writeString(bin.resolve("fly-env"), "somebody else's");

    var installed = shell().run("./jbang", "install", "--dir", bin.toString());
    var links = list(bin);
    var link = Files.readSymbolicLink(bin.resolve("fly-name-app"));
    var removed = shell().run("./jbang", "uninstall", "--dir=" + bin);

    assertEquals(0, installed.exit(), installed.err());
    assertEquals(catalog().size(), links.size());
    assertEquals(Sh.ROOT.resolve("jbang"), link);
    assertTrue(installed.err().contains("fly-env is there already and is not ours"));
    assertTrue(installed.err().contains("export PATH=\"" + bin + ":$PATH\""), installed.err());
    assertEquals(0, removed.exit(), removed.err());
    assertEquals(List.of("fly-env"), list(bin));
  }

  @Test
  void an_installed_command_is_the_alias_of_its_name() throws Exception {
    var link = temp.resolve("fly-creat-app");
    Files.createSymbolicLink(link, Sh.ROOT.resolve("jbang"));

    var result = shell().run(link.toString());

    assertTrue(result.err().startsWith("error: there is no command fly-creat-app"), result.err());
  }

  @Test
  void the_words_of_completion_are_those_of_the_commands() throws Exception {
    var words = Files.readAllLines(Sh.ROOT.resolve(CompletionWords.FILE));

    var missing = new ArrayList<>(CompletionWords.text(Sh.ROOT).lines().toList());
    words.forEach(missing::remove);

    assertEquals(List.of(), missing, "run ./jbang docs");
    assertEquals(CompletionWords.text(Sh.ROOT).lines().count(), words.size(), "run ./jbang docs");
  }

  @ParameterizedTest
  @CsvSource({
    "./jbang fly-create-, fly-create-machine",
    "./jbang fly-create-app --dr, --dry-run",
    "./jbang fly-create-volume --region ia, iad",
    "./jbang fly-wait-machine --state sus, suspended",
    "fly-create-app --dr, --dry-run"
  })
  void bash_and_fish_complete_commands_options_and_values(String typed, String completed) {
    var words = List.of(typed.split(" "));
    var bash =
        "eval \"$(./jbang completion bash)\"; COMP_WORDS=(%s); COMP_CWORD=%d; _fly; echo \"${COMPREPLY[@]}\""
            .formatted(typed, words.size() - 1);

    var result = shell().run("bash", "-c", bash);

    assertTrue(List.of(result.out().strip().split(" ")).contains(completed), result.toString());
    assumeTrue(shell().run("sh", "-c", "command -v fish").exit() == 0, "no fish");
    result =
        shell().run("fish", "-c", "./jbang completion fish | source; complete -C '" + typed + "'");
    assertTrue(
        result.out().lines().anyMatch(line -> line.split("\t")[0].equals(completed)),
        result.toString());
  }

  @Test
  void zsh_takes_its_completion() {
    assumeTrue(shell().run("sh", "-c", "command -v zsh").exit() == 0, "no zsh");

    var result =
        shell()
            .run(
                "zsh", "-fc", "eval \"$(./jbang completion zsh)\" && echo $_comps[fly-create-app]");

    assertEquals("_fly\n", result.out(), result.err());
  }

  private static List<String> list(Path folder) throws IOException {
    var names = new ArrayList<String>();
    try (var files = Files.list(folder)) {
      files.map(file -> file.getFileName().toString()).forEach(names::add);
    }
    return names;
  }

  private static com.fasterxml.jackson.databind.JsonNode catalog() throws IOException {
    return Fly.JSON
        .readTree(Files.readString(Sh.ROOT.resolve("jbang-catalog.json")))
        .path("aliases");
  }
}
