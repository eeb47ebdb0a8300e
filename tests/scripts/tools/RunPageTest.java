import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pages that run: each in a JVM of its own, as the command does it. */
class RunPageTest {
  @TempDir Path folder;

  private static Sh.Result page(String... args) {
    return new Sh()
        .with("FLY_JBANG", "@catalog")
        .run(Jvm.command("RunPage", args).toArray(String[]::new));
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"docs/guide.md", "docs/experiments.md"})
  @Tag("slow")
  void a_page_shows_what_its_blocks_print(String file) {
    var result = page("--check", Sh.ROOT.resolve(file).toString());

    assertEquals(0, result.exit(), result.err());
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"docs/guide.md", "docs/experiments.md"})
  void the_templates_of_a_page_are_those_of_fly_shell_too(String file) throws Exception {
    var page = Files.readString(Sh.ROOT.resolve(file));
    var shell = Files.readString(Sh.ROOT.resolve("scripts/tools/Shell.java"));

    var templates = Pattern.compile("template\\(\"([^\"]+)\"").matcher(page).results().toList();

    assertFalse(templates.isEmpty());
    for (var template : templates) {
      assertTrue(shell.contains("//FILES " + template.group(1) + "="), template.group(1));
    }
  }

  @Test
  @Tag("slow")
  void the_first_failure_ends_it_with_page_line_and_block() throws Exception {
    var file = folder.resolve("page.md");
    Files.writeString(
        file,
        """
        # A page

        ## Count

        ```java
        print(1 + 1);
        ```

        ```sh
        exit 9
        ```

        ## Fail

        ```java
        var x = 1;
        nothing();
        ```
        """);

    var all = page(file.toString());
    var only = page("--only", "count", file.toString());
    var list = page("--list", file.toString());

    assertEquals(1, all.exit());
    assertTrue(all.err().contains("why: block fail: " + file + ":17: nothing();"), all.err());
    assertEquals("2\n", only.out(), only.err());
    assertEquals(List.of("count:6", "fail:16"), list.out().lines().toList());
  }

  @Test
  @Tag("slow")
  void blocks_of_the_shell_share_their_variables_and_fail_with_line_and_block() throws Exception {
    var file = folder.resolve("page.md");
    Files.writeString(
        file,
        """
        ## Set

        ```sh run
        export COLOR="dark blue"
        curl -s -i "${FLY_API_HOSTNAME}/v1/none"
        ```

        ## Show

        ```sh run
        echo "$COLOR"
        ```

        ## Fail

        ```sh run
        echo no luck >&2
        exit 9
        ```
        """);

    var set = page("--only", "set", file.toString());
    var show = page("--only", "show", file.toString());
    var all = page(file.toString());

    assertTrue(set.out().startsWith("HTTP/1.1 404"), set.out() + set.err());
    assertEquals("dark blue\n", show.out(), show.err());
    assertEquals(1, all.exit());
    assertTrue(all.err().contains("the shell ended with 9: no luck"), all.err());
    assertTrue(all.err().contains("block fail: " + file + ":17"), all.err());
  }

  @Test
  @Tag("slow")
  void update_writes_the_outputs_into_the_page_and_check_holds_them() throws Exception {
    var file = folder.resolve("page.md");
    Files.writeString(file, "## One\n\n```java\nprint(6 * 7);\n```\n\nText.\n");

    page("--update", file.toString());
    page("--update", file.toString());

    var text = Files.readString(file);
    assertEquals("## One\n\n```java\nprint(6 * 7);\n```\n\n```text\n42\n```\n\nText.\n", text);
    Files.writeString(file, text.replace("42", "43"));
    assertTrue(page("--check", file.toString()).err().contains("another output than block one"));
  }

  @Test
  void a_page_without_blocks_is_refused_with_what_runs() throws Exception {
    var file = Files.writeString(folder.resolve("page.md"), "# A page\n\n```sh\nexit 9\n```\n");

    var result = Script.run(new RunPage(), file.toString());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("error: " + file + " has no block to run"), result.err());
    assertTrue(result.err().contains("fenced as java or as \"sh run\""), result.err());
  }

  @Test
  void a_folder_is_named_as_one() {
    var result = Script.run(new RunPage(), folder.toString());

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("why: it is a folder"), result.err());
  }
}
