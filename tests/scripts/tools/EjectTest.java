import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scripts of one's own: ejected ones and those from a template. */
@Tag("slow")
class EjectTest {
  @TempDir Path folder;

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  private Script.Result eject(String... args) {
    var all = new java.util.ArrayList<>(List.of(args));
    all.addAll(List.of("--to", folder.toString(), "--from", Sh.ROOT.toAbsolutePath().toString()));
    return Script.run(new Eject(), all.toArray(String[]::new));
  }

  @Test
  void the_line_that_runs_it_can_be_pasted_from_a_folder_with_blanks_too() {
    folder = folder.resolve("my scripts");

    var result = eject("fly-name-app");

    assertEquals(0, result.exit(), result.err());
    var script = folder.resolve("NameApp.java");
    assertTrue(result.err().contains("Run it: jbang '" + script + "' --help"), result.err());
  }

  @Test
  void the_library_of_a_clone_with_a_blank_in_its_path_is_quoted() throws Exception {
    var clone = Files.createDirectories(folder.resolve("my clone/scripts")).getParent();
    Files.writeString(
        clone.resolve("jbang-catalog.json"),
        "{\"aliases\": {\"fly-one\": {\"script-ref\": \"scripts/One.java\"}}}");
    Files.writeString(clone.resolve("scripts/One.java"), "//SOURCES ../lib/A.java ../lib/B.java\n");

    var files = new fly.eject.Ejection(clone.toString()).files("fly-one");

    assertEquals(
        "//SOURCES \"%1$s/lib/A.java\"\n//SOURCES \"%1$s/lib/B.java\"\n".formatted(clone),
        new String(files.get("One.java"), java.nio.charset.StandardCharsets.UTF_8));
  }

  @Test
  void a_source_that_is_no_URL_is_named() {
    var result = Script.run(new Eject(), "fly-name-app", "--from", "https://exa mple");

    assertEquals(1, result.exit(), result.err());
    assertTrue(result.err().startsWith("error: could not read https://exa mple/"), result.err());
  }

  @Test
  void a_place_that_cannot_be_written_is_named() throws Exception {
    folder = Files.writeString(folder.resolve("file"), "").resolve("below");

    var result = eject("fly-name-app");

    assertEquals(1, result.exit());
    assertTrue(result.err().startsWith("error: could not use " + folder.getParent()), result.err());
    assertFalse(result.err().contains("unexpected"), result.err());
  }

  @Test
  void an_ejected_command_runs_anywhere_and_can_be_changed() throws Exception {
    var result = eject("fly-create-app");

    assertEquals(0, result.exit(), result.err());
    var script = folder.resolve("CreateApp.java");
    assertEquals(script + "\n" + folder.resolve("app.json") + "\n", result.out());
    Files.writeString(script, Files.readString(script).replace("Creating the app", "Mine:"));
    var run =
        new Sh()
            .in(folder)
            .with("FLY_API_HOSTNAME", "https://api.machines.dev")
            .run(
                Sh.ROOT.resolve("jbang").toAbsolutePath().toString(),
                "CreateApp.java",
                "-n",
                "--app",
                "mine");
    assertEquals(0, run.exit(), run.err());
    assertTrue(run.out().contains("\"app_name\": \"mine\""), run.out());
  }

  @Test
  void nothing_is_overwritten_and_an_unknown_command_is_told() {
    eject("fly-name-app");

    assertEquals(2, eject("fly-name-app").exit());
    var unknown = eject("fly-nonsense").err();
    assertTrue(unknown.contains("error: there is no command fly-nonsense"), unknown);
    assertTrue(unknown.endsWith("fly-eject@catalog fly-create-app\n"), unknown);
  }

  @Test
  void files_in_folders_of_the_jar_keep_their_names_there() throws Exception {
    eject("fly-shell");

    var script = Files.readString(folder.resolve("Shell.java"));
    assertTrue(
        script.contains(
            "//FILES META-INF/services/jdk.jshell.spi.ExecutionControlProvider="
                + "jdk.jshell.spi.ExecutionControlProvider\n"));
    assertTrue(script.contains("//FILES machine.json\n"), script);
    assertFalse(script.contains("../"), script);
  }

  @Test
  void a_template_makes_a_script_that_runs() throws Exception {
    var catalog = Sh.ROOT.resolve("jbang-catalog.json").toAbsolutePath();
    var jbang = Sh.ROOT.resolve("jbang").toAbsolutePath().toString();

    var init =
        new Sh()
            .in(folder)
            .run(
                jbang,
                "init",
                "-t",
                "fly-script@" + catalog,
                "-Dfly=" + Sh.ROOT.toAbsolutePath(),
                "MyStep.java");
    var help = new Sh().in(folder).run(jbang, "MyStep.java", "--help");
    var experiment =
        new Sh().in(folder).run(jbang, "init", "-t", "fly-experiment@" + catalog, "my.jsh");

    assertEquals(0, init.exit(), init.err());
    assertEquals(0, help.exit(), help.err());
    assertTrue(help.out().contains("--app"), help.out());
    assertEquals(0, experiment.exit(), experiment.err());
    assertTrue(Files.readString(folder.resolve("my.jsh")).contains("fly-shell my.jsh"));
  }
}
