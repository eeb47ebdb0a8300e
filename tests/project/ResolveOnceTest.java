import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The wrapper asks JBang once, and again as soon as anything that the command depends on differs.
 * The JDK is a shell script that counts how often JBang is asked.
 */
@Tag("slow")
class ResolveOnceTest {
  private static final String JAVA =
      """
      #!/bin/sh
      [ "$1" != -version ] || { echo 'openjdk version "17.0.1"' >&2; exit; }
      jbang=
      for word in "$@"; do [ "$word" != -jar ] || jbang=yes; done
      if [ -n "$jbang" ]; then
        echo "$@" >>"$COUNTER"
        mkdir "$COUNTER.building" || exit 1
        [ ! -f "$COUNTER.change" ] || sh "$COUNTER.change"
        sleep "${BUILD:-0}"
        rmdir "$COUNTER.building"
        echo "'$0' -Dx='a b' -classpath '$JARS' Echo"
        exit 255
      fi
      printf '[%s]' "$@"
      cat
      exit 7
      """;

  private static final String SUM_OF_X =
      "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

  @TempDir Path temp;
  private Path root;
  private Path jar;
  private Path library;
  private Path jdk;

  @BeforeEach
  void a_clone() throws IOException {
    root = Files.createDirectories(temp.resolve("a clone"));
    Wrapper.copy(root);
    write(
        "jbang-catalog.json",
        "{\n\"fly-echo\": {\n\"script-ref\": \"scripts/guide/Echo.java\"\n}\n}\n");
    write(
        "scripts/guide/Echo.java",
        "//JAVA 17+\n//SOURCES ../../lib/A.java\n//FILES x=body.json\n1");
    write("scripts/guide/body.json", "{}");
    write("lib/A.java", "//SOURCES sub/B.java\n//DEPS a.b:c:1.0\n1");
    write("lib/sub/B.java", "//SOURCES ../A.java\n1");
    jar = Files.writeString(temp.resolve("jbang.jar"), "x");
    library = Files.writeString(temp.resolve("c-1.0.jar"), "x");
    write(".jbang/jars.sha256", SUM_OF_X + "  c-1.0.jar\n");
    jdk = jdk("jdk");
  }

  @Test
  void the_second_run_does_not_ask_JBang() throws Exception {
    var first = run("a  b", "", "it's");
    var second = run("a  b", "", "it's");

    assertEquals(first, second);
    assertTrue(first.out().endsWith("[Echo][a  b][][it's]over here\n"), first.out());
    assertEquals(7, first.exit());
    assertEquals(1, asked());
  }

  @Test
  void a_library_that_is_not_of_the_list_runs_nothing_and_is_named() throws Exception {
    Files.writeString(library, "y");

    var changed = run();
    write(".jbang/jars.sha256", "");
    var unknown = run();

    for (var result : List.of(changed, unknown)) {
      assertEquals(1, result.exit(), result.err());
      assertFalse(result.out().contains("[Echo]"), result.out());
      assertTrue(result.err().contains("c-1.0.jar is not the library that we know"), result.err());
      assertTrue(result.err().contains("\n  try: delete the file"), result.err());
    }
    assertTrue(changed.err().contains(SUM_OF_X), changed.err());
    assertTrue(unknown.err().contains("not listed"), unknown.err());
  }

  @Test
  void libraries_are_compared_with_stdout_closed_too() throws Exception {
    Files.writeString(library, "y");

    var result = shell().run("sh", "-c", "./jbang fly-echo >&-");

    assertEquals(1, result.exit(), result.err());
    assertTrue(result.err().contains("c-1.0.jar is not the library that we know"), result.err());
  }

  @Test
  void a_dry_run_that_JBang_would_take_for_a_native_image_runs_nothing() throws Exception {
    var result = shell().run("./jbang", "-n", "fly-echo");

    assertEquals(2, result.exit());
    assertTrue(result.err().endsWith("  try: ./jbang fly-echo -n\n"), result.err());
    assertEquals(0, asked());
  }

  @Test
  void options_before_the_command_are_named_as_JBangs_after_it_refused_them() throws Exception {
    Files.writeString(
        jdk.resolve("bin/java"),
        """
        #!/bin/sh
        echo "Unknown option: '--dry-run'" >&2
        exit 2
        """);

    var result = shell().run("./jbang", "--dry-run", "-v", "fly-echo");
    var after = shell().run("./jbang", "fly-echo", "--dry-run");

    assertEquals(2, after.exit());
    assertEquals("Unknown option: '--dry-run'\n", after.err());
    assertEquals(2, result.exit());
    assertTrue(
        result
            .err()
            .endsWith(
                "  try: ./jbang fly-echo --dry-run -v; what stands before the command is for"
                    + " JBang\n"),
        result.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "scripts/guide/Echo.java",
        "scripts/guide/body.json",
        "lib/A.java",
        "lib/sub/B.java",
        "jbang-catalog.json",
        ".jbang/jbang-catalog.json"
      })
  void other_contents_of_the_same_size_and_time_are_noticed(String file) throws Exception {
    run();
    var path = root.resolve(file);
    var time = Files.getLastModifiedTime(path);
    var text = Files.readString(path);
    Files.writeString(path, text.substring(0, text.length() - 1) + " ");
    Files.setLastModifiedTime(path, time);

    run();

    assertEquals(2, asked());
  }

  @Test
  void another_time_alone_is_no_reason() throws Exception {
    run();
    for (var file : List.of("lib/A.java", "jbang-catalog.json")) {
      Files.setLastModifiedTime(
          root.resolve(file), java.nio.file.attribute.FileTime.fromMillis(4_000_000_000_000L));
    }

    run();

    assertEquals(1, asked());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "JBANG_REPO",
        "JBANG_CACHE_DIR",
        "JBANG_CACHE_DIR_JARS",
        "JBANG_JAVA_OPTIONS",
        "JBANG_DEFAULT_JAVA_VERSION",
        "JBANG_JDK_VENDOR",
        "JBANG_DOWNLOAD_SOURCES",
        "JBANG_CONFIG",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "HOME"
      })
  void another_value_of_a_variable_that_JBang_reads_is_noticed(String variable) throws Exception {
    run();

    for (int i = 0; i < 2; i++)
      shell().with(variable, temp.resolve("x")).run("./jbang", "fly-echo");

    assertEquals(2, asked());
  }

  @Test
  void every_variable_that_JBang_reads_is_known_here() throws Exception {
    var jbang = Wrapper.realJar();
    assumeTrue(Files.exists(jbang), "no JBang jar at " + jbang);
    var wrapper =
        Files.readString(Sh.ROOT.resolve("jbang"))
            + Files.readString(Sh.ROOT.resolve(".jbang/resolve.sh"));
    // constants that name no variable, and variables that change no command
    var harmless =
        Pattern.compile(
            "JBANG_|JBANG_CACHE_DIR_|JBANG_(CATALOG_JSON|CATALOG_REPO|IMPLICIT_CATALOG_JSON|DOT_DIR|CONFIG_PROPS"
                + "|AUTH_.*|EDITOR|PREFER_GUI|NO_VERSION_CHECK|[A-Z]*_KEY)");

    try (var zip = new ZipFile(jbang.toFile())) {
      for (var entry : zip.stream().filter(e -> e.getName().startsWith("dev/jbang/")).toList()) {
        var bytes = new String(zip.getInputStream(entry).readAllBytes(), "ISO-8859-1");
        Pattern.compile("JBANG_[A-Z_]*")
            .matcher(bytes)
            .results()
            .map(found -> found.group())
            .filter(name -> !harmless.matcher(name).matches())
            .forEach(name -> assertTrue(wrapper.contains(name), name + " in " + entry));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jbang.properties", ".jbang/jbang.properties"})
  void settings_of_JBang_are_noticed(String file) throws Exception {
    run();
    write(file, "run.cds=true\n");
    run();
    write(file, "run.cds=false\n");

    run();

    assertEquals(3, asked());
  }

  @Test
  void a_jar_that_is_gone_or_another_one_is_noticed() throws Exception {
    run();
    Files.writeString(library, "y");
    run();
    Files.delete(library);

    run();

    assertEquals(3, asked());
  }

  @Test
  void another_JDK_and_an_update_of_the_JDK_are_noticed() throws Exception {
    run();
    var other = jdk("other");
    shell().with("JAVA_HOME", other).run("./jbang", "fly-echo");
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"17.0.2\"\n");

    run();

    assertEquals(3, asked());
    assertTrue(shell().with("JAVA_HOME", other).run("./jbang", "fly-echo").exit() == 7);
    assertEquals(3, asked(), "each JDK has a record of its own");
  }

  @Test
  void another_version_of_JBang_and_another_jar_of_it_are_noticed() throws Exception {
    run();
    Files.writeString(jar, "y");
    run();
    var wrapper = root.resolve("jbang");
    Files.writeString(
        wrapper, Files.readString(wrapper).replace("version=0.132.1", "version=0.999.0"));

    run();

    assertEquals(3, asked());
  }

  @Test
  void a_moved_clone_is_resolved_where_it_is_now() throws Exception {
    run();
    var moved = temp.resolve("moved");
    Files.move(root, moved);
    root = moved;

    run();

    assertEquals(2, asked());
    assertTrue(Files.readString(counter()).contains("/moved/jbang-catalog.json"));
  }

  @Test
  void an_update_by_git_is_noticed_and_so_is_the_way_back() throws Exception {
    var git = shell();
    git.run(
        "sh",
        "-c",
        "git init -q . && git config user.email a@b.c && git config user.name n && git add -A &&"
            + " git commit -qm 1");
    run();
    write("lib/A.java", "//SOURCES sub/B.java\n2");
    git.run("sh", "-c", "git commit -qam 2");
    run();
    git.run("git", "checkout", "-q", "HEAD~1");

    run();

    assertEquals(3, asked());
  }

  @Test
  void what_changes_while_JBang_builds_is_resolved_again() throws Exception {
    Files.writeString(
        temp.resolve("counter.change"),
        "echo 2 >>'" + root.resolve("lib/A.java") + "'; rm \"$COUNTER.change\"");
    run();

    run();
    run();

    assertEquals(2, asked());
  }

  @ParameterizedTest
  @ValueSource(strings = {"lib/*.java", "https://example.org/A.java"})
  void what_cannot_be_listed_is_resolved_each_time(String source) throws Exception {
    write("lib/A.java", "//SOURCES " + source + "\n1");
    run();

    run();

    assertEquals(2, asked());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "files='x", "plain='true'\n", "\0\1((("})
  void a_damaged_record_is_made_anew(String content) throws Exception {
    run();
    var record = record();
    Files.writeString(record, content);

    var second = run();
    run();

    assertEquals(7, second.exit(), second.err());
    assertEquals(2, asked());
  }

  @Test
  void a_cut_record_is_made_anew() throws Exception {
    run();
    var text =
        Files.readString(record()).stripTrailing(); // without its last line break it is whole
    var last = text.lastIndexOf("environment=");
    var lengths =
        IntStream.concat(
            IntStream.iterate(text.length() - 1, length -> length >= 0, length -> length - 97),
            IntStream.rangeClosed(
                last, text.indexOf('|', last))); // a part of a name can be a command
    for (var length : lengths.toArray()) {
      var cut = text.substring(0, length);
      Files.writeString(record(), cut);
      var before = asked();

      var result = run();

      assertEquals(7, result.exit(), result.err());
      assertTrue(result.out().startsWith("[-"), cut + " says " + result.out());
      assertEquals(before + 1, asked(), cut);
    }
  }

  @Test
  void where_no_record_can_be_written_JBang_is_asked_each_time() throws Exception {
    Files.createDirectories(temp.resolve("dir/wrapper"));
    Files.writeString(temp.resolve("dir/wrapper/commands"), "no folder");
    run();

    var second = run();

    assertEquals(7, second.exit(), second.err());
    assertEquals("", second.err());
    assertEquals(2, asked());
  }

  @Test
  void two_first_runs_at_once_ask_once() throws Exception {
    var shell = shell().with("BUILD", "0.5");

    var first = shell.start("./jbang", "fly-echo");
    var second = shell.start("./jbang", "fly-echo");

    for (var run : List.of(first, second)) {
      run.getOutputStream().close();
      assertTrue(new String(run.getInputStream().readAllBytes()).endsWith("[Echo]"));
      assertEquals(7, run.waitFor());
    }
    assertEquals(1, asked());
  }

  @Test
  void an_interrupted_build_leaves_no_record() throws Exception {
    var run = shell().with("BUILD", "60").start("./jbang", "fly-echo");
    while (asked() == 0 && run.isAlive()) Thread.sleep(20);
    run.descendants().forEach(ProcessHandle::destroyForcibly);
    run.destroyForcibly().waitFor();
    Files.deleteIfExists(temp.resolve("counter.building"));

    var second = run();

    assertEquals(7, second.exit(), second.err());
    assertEquals(2, asked());
  }

  @Test
  void a_recorded_command_waits_for_no_lock() throws Exception {
    run();
    var holder =
        shell().start("flock", temp.resolve("dir/wrapper/lock").toString(), "sleep", "1000");
    Thread.sleep(300);

    var second = shell().start("./jbang", "fly-echo");
    second.getOutputStream().close();

    assertEquals(7, Await.exit(second));
    holder.descendants().forEach(ProcessHandle::destroy);
    holder.destroy();
  }

  @ParameterizedTest
  @ValueSource(strings = {"dash", "bash --posix", "busybox sh", "ksh", "sh"})
  void every_shell_takes_the_fast_path(String shell) throws Exception {
    var words = new java.util.ArrayList<>(List.of(shell.split(" ")));
    assumeTrue(shell().run("sh", "-c", "command -v " + words.get(0)).exit() == 0, "no " + shell);
    words.addAll(List.of("./jbang", "fly-echo", "it's", "", "a  b"));

    var first = shell().run(words.toArray(String[]::new));
    var second = shell().run(words.toArray(String[]::new));

    assertTrue(second.out().endsWith("[Echo][it's][][a  b]"), second.err());
    assertEquals(first, second);
    assertEquals(1, asked());
  }

  @Test
  void the_home_folder_is_the_one_of_the_environment() throws Exception {
    run();

    var second = shell().run("./jbang", "fly-echo");

    assertTrue(second.out().contains("[-Duser.home=" + temp + "]"), second.out());
    assertFalse(second.out().contains("SharedArchiveFile"), "its class path is not JBang's");
  }

  private Sh.Result run(String... args) {
    var command = new java.util.ArrayList<>(List.of("./jbang", "fly-echo"));
    command.addAll(List.of(args));
    return shell().input("over here\n").run(command.toArray(String[]::new));
  }

  private Sh shell() {
    return new Sh()
        .in(root)
        .with("HOME", temp)
        .with("JBANG_JAR", jar)
        .with("JBANG_DIR", temp.resolve("dir"))
        .with("JAVA_HOME", jdk)
        .with("COUNTER", counter())
        .with("JARS", library);
  }

  private Path counter() {
    return temp.resolve("counter");
  }

  private long asked() throws IOException {
    return Files.exists(counter()) ? Files.readAllLines(counter()).size() : 0;
  }

  private Path record() throws IOException {
    try (var files = Files.walk(temp.resolve("dir/wrapper/commands"))) {
      return files.filter(file -> file.endsWith("record")).findFirst().orElseThrow();
    }
  }

  private Path jdk(String name) throws IOException {
    var folder = Files.createDirectories(temp.resolve(name).resolve("bin"));
    for (var program : List.of("java", "javac")) {
      Files.writeString(folder.resolve(program), JAVA);
      Files.setPosixFilePermissions(
          folder.resolve(program), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Files.writeString(temp.resolve(name).resolve("release"), "JAVA_VERSION=\"17.0.1\"\n");
    return temp.resolve(name);
  }

  private void write(String file, String text) throws IOException {
    var path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
