import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The check of libraries for jbang.cmd refuses what the one of ./jbang refuses, in its words. */
@Tag("slow")
class CheckJarsTest {
  private static final String SUM_OF_X =
      "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

  @TempDir Path temp;
  private Path list;
  private Path library;
  private Path own;

  @BeforeEach
  void libraries() throws IOException {
    list = Files.writeString(temp.resolve("jars.sha256"), SUM_OF_X + "  c-1.0.jar\n");
    library = Files.writeString(temp.resolve("c-1.0.jar"), "x");
    own = Files.createDirectories(temp.resolve("cache/jars")).resolve("Echo.jar");
    Files.writeString(own, "built here");
  }

  private Sh.Result check(String command) throws Exception {
    var output = Files.writeString(temp.resolve("output.txt"), "[jbang] ...\n" + command + "\n");
    return new Sh()
        .in(temp)
        .with("JBANG_DIR", temp)
        .with("JBANG_CACHE_DIR", null)
        .run(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            Sh.ROOT.resolve(".jbang/CheckJars.java").toString(),
            list.toString(),
            temp.resolve("jbang.jar").toString(),
            output.toString());
  }

  private String classPath() {
    return own + File.pathSeparator + library;
  }

  @Test
  void the_libraries_of_the_list_are_run_in_each_form_of_a_command() throws Exception {
    Files.writeString(
        temp.resolve("long.args"), "-Dx=\"a b\"\n-classpath\n\"" + classPath() + "\"\nEcho\n");

    assertEquals(0, check("java -Dx=1 -classpath " + classPath() + " Echo").exit());
    assertEquals(0, check("java ^\"-Dx=a^ b^\" -classpath ^\"" + classPath() + "^\" Echo").exit());
    assertEquals(0, check("java @" + temp.resolve("long.args")).exit());
  }

  @Test
  void another_library_is_refused_as_the_shell_script_refuses_it() throws Exception {
    Files.writeString(library, "y");
    var changed = check("java -classpath " + classPath() + " Echo");
    var awk =
        new Sh()
            .in(temp)
            .run(
                "sh",
                "-c",
                "{ sha256sum '%1$s' 2>/dev/null || shasum -a 256 '%1$s'; } | awk -f '%2$s/.jbang/jars.awk'"
                        .formatted(library, Sh.ROOT)
                    + " jars.sha256 found=1 -");
    Files.writeString(list, "");
    var unknown = check("java -classpath " + classPath() + " Echo");

    assertEquals(1, changed.exit());
    assertEquals(awk.out(), changed.err());
    assertTrue(awk.out().contains("c-1.0.jar is not the library that we know"), awk.out());
    assertEquals(1, unknown.exit());
    assertTrue(unknown.err().contains("it is not listed"), unknown.err());
  }

  @Test
  void a_command_without_a_class_path_is_not_run() throws Exception {
    var result = check("java -version");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("printed no class path"), result.err());
  }

  @Test
  void jbang_cmd_compares_before_it_runs_an_alias() throws Exception {
    var cmd = Files.readString(Sh.ROOT.resolve("jbang.cmd"));

    var check = cmd.indexOf("\"%root%.jbang\\CheckJars.java\"");
    assertTrue(check > cmd.indexOf("\n:execute"), "not where the command is run");
    var after = cmd.substring(check);
    assertTrue(after.contains("if not \"%ERRORLEVEL%\"==\"0\" ("), after);
    assertTrue(after.indexOf("exit /b 1") < after.indexOf("\n%command%"), after);
    assertFalse(cmd.substring(0, check).contains("\n%command%"), cmd);
  }
}
