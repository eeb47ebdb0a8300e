import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.ProcessEnd;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The wrapper ./jbang, in front of a JBang that runs its own echo instead of a script. */
@Tag("slow")
class WrapperTest {
  private static final Pattern SECONDS = Pattern.compile("\\d s, once\r");

  private static final Path JAVA = Path.of(System.getProperty("java.home"));

  /** What JBang is to the wrapper: it prints a command and exits with 255. */
  public static final class FakeJBang {
    public static void main(String... args) throws Exception {
      System.err.println("JBang was asked: " + String.join("|", args));
      if (args[0].equals("version")) {
        System.out.println("the answer of JBang itself");
        System.exit(3);
      }
      builds();
      var silent = System.getenv("SILENT_UNTIL");
      while (silent != null && !Files.exists(Path.of(silent))) Thread.sleep(20);
      System.out.printf(
          "'%s/bin/java' -cp '%s' 'WrapperTest$Echo'",
          System.getProperty("java.home"), System.getProperty("java.class.path"));
      System.exit(255);
    }

    /** Two at once in one JBANG_DIR would spoil each other. */
    private static void builds() throws Exception {
      var building = Path.of(System.getenv("JBANG_DIR"), "building");
      Files.createFile(building);
      Thread.sleep(300);
      Files.delete(building);
    }
  }

  /** What a script is to the wrapper. */
  public static final class Echo {
    public static void main(String... args) throws Exception {
      for (var arg : args) System.out.println("[" + arg + "]");
      System.out.println("hint " + System.getenv("FLY_JBANG"));
      if (List.of(args).contains("sleep")) {
        System.out.flush();
        Thread.sleep(60_000);
      }
      System.out.write(System.in.readAllBytes());
      System.out.flush();
      System.exit(args.length);
    }
  }

  @TempDir Path temp;
  private Path jar;

  @BeforeEach
  void jar() throws IOException {
    jar = temp.resolve("jbang.jar");
    var manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, FakeJBang.class.getName());
    try (var out = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
      for (var type : List.of(FakeJBang.class, Echo.class)) {
        var name = type.getName() + ".class";
        out.putNextEntry(new ZipEntry(name));
        try (var in = type.getResourceAsStream("/" + name)) {
          in.transferTo(out);
        }
      }
    }
  }

  private Sh shell() {
    return new Sh()
        .with("JBANG_JAR", jar)
        .with("JBANG_DIR", temp.resolve("jbang dir"))
        .with("JAVA_HOME", JAVA);
  }

  @Test
  void arguments_arrive_as_they_were_typed() {
    var result =
        shell()
            .run("./jbang", "fly-create-app", "a  b", "", "*", "it's", "\"x\"", "$HOME", "--help");

    assertEquals(
        "[a  b]\n[]\n[*]\n[it's]\n[\"x\"]\n[$HOME]\n[--help]\nhint ./jbang\n",
        result.out(),
        result.err());
  }

  @Test
  void an_alias_is_found_from_any_working_directory() {
    var wrapper = Sh.ROOT.resolve("jbang").toString();

    var result = shell().in(temp).run(wrapper, "--quiet", "fly-create-app", "x");

    assertTrue(
        result
            .err()
            .contains(
                "asked: run|--catalog|"
                    + Sh.ROOT.resolve("jbang-catalog.json")
                    + "|--quiet|fly-create-app"),
        result.err());
    assertEquals("[x]\nhint " + wrapper + "\n", result.out());
  }

  @Test
  void an_alias_for_contributors_is_found_too() {
    var result = shell().in(temp).run(Sh.ROOT.resolve("jbang").toString(), "fmt");

    assertTrue(
        result
            .err()
            .contains("|--catalog|" + Sh.ROOT.resolve(".jbang/jbang-catalog.json") + "|fmt"),
        result.err());
  }

  @Test
  void stdin_and_the_exit_code_pass_through() {
    var result = shell().input("over here\n").run("./jbang", "fly-create-app", "1", "2");

    assertEquals(2, result.exit(), result.err());
    assertTrue(result.out().endsWith("over here\n"), result.out());
  }

  @Test
  void what_JBang_does_itself_keeps_its_output_and_exit_code() {
    var result = shell().run("./jbang", "version");

    assertEquals(3, result.exit());
    assertEquals("the answer of JBang itself\n", result.out());
  }

  @Test
  void signals_reach_the_script_because_the_wrapper_is_gone_by_then() throws Exception {
    var process = shell().start("./jbang", "fly-create-app", "sleep");
    process.getInputStream().read();

    var command = process.info().command().orElse("");
    process.destroy();

    assertTrue(command.endsWith("java"), command);
    assertEquals(128 + 15, process.waitFor());
    assertEquals(0, process.descendants().count());
  }

  @Test
  void it_works_from_a_path_with_blanks() throws Exception {
    var root = Wrapper.copy(temp.resolve("a b"));

    var result = shell().in(temp).run(root.resolve("jbang").toString(), "fly-create-app", "x");

    assertTrue(result.out().startsWith("[x]\n"), result.err());
    assertTrue(result.err().contains("a b/jbang-catalog.json"), result.err());
  }

  @Test
  void no_JDK_is_a_clear_error() throws Exception {
    var result = shell().with("JAVA_HOME", null).with("PATH", tools()).run("./jbang", "fmt");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().startsWith("error: no JDK 17 or newer found\n  why: "), result.err());
    assertTrue(result.err().contains("\n  try: install a JDK"), result.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--start", "--port 4290 --start", "--env"})
  void a_sandbox_that_could_not_start_makes_the_lines_after_it_fail(String options)
      throws Exception {
    var command = "./jbang fly-sandbox " + options;

    var result =
        shell()
            .with("JAVA_HOME", null)
            .with("PATH", tools())
            .with("FLY_API_TOKEN", "of-production")
            .run(
                "/bin/sh",
                "-c",
                "eval \"$(%s)\"; echo $?; echo $FLY_API_HOSTNAME; echo $FLY_API_TOKEN"
                    .formatted(command));

    assertEquals(
        "1\nhttp://the-sandbox-did-not-start.invalid\nno-sandbox\n", result.out(), result.err());
  }

  @Test
  void an_old_JDK_is_a_clear_error() throws Exception {
    var old = Files.createDirectories(temp.resolve("old/bin"));
    program(old.resolve("java"), "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2");
    program(old.resolve("javac"), "");

    var result =
        shell().with("JAVA_HOME", old.getParent()).with("PATH", tools()).run("./jbang", "fmt");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("the newest of them is version '11'"), result.err());
  }

  @Test
  void a_low_limit_of_open_files_is_raised_or_a_clear_error() {
    var run = "exec ./jbang fly-create-app \"$(ulimit -n)\"";

    var raised = shell().run("sh", "-c", "ulimit -S -n 64; " + run);
    var refused = shell().run("sh", "-c", "ulimit -n 64; " + run);

    assertEquals("[64]\nhint ./jbang\n", raised.out(), raised.err());
    assertEquals(1, refused.exit());
    assertTrue(refused.err().startsWith("error: this process may open 64 files"), refused.err());
  }

  @Test
  void a_missing_JBANG_JAR_is_a_clear_error() {
    var result = shell().with("JBANG_JAR", temp.resolve("none.jar")).run("./jbang", "fmt");

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: there is no " + temp), result.err());
  }

  @Test
  void when_nothing_can_be_fetched_it_says_what_to_do() throws Exception {
    var result =
        shell()
            .with("JBANG_JAR", null)
            .with("PATH", tools())
            .with("HTTPS_PROXY", "http://127.0.0.1:9")
            .run("./jbang", "fmt");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: JBang could not be fetched"), result.err());
    assertTrue(result.err().contains("export JBANG_JAR="), result.err());
    assertFalse(Files.exists(temp.resolve("jbang dir/wrapper/jbang-cli-0.132.1-all.jar")));
  }

  @Test
  void a_jar_with_another_checksum_is_refused() throws Exception {
    var tools = tools();
    program(tools.resolve("mvn"), "echo to stdout; echo x > jbang-cli-0.132.1-all.jar");

    var result = shell().with("JBANG_JAR", null).with("PATH", tools).run("./jbang", "fmt");

    assertEquals(1, result.exit());
    assertEquals("", result.out());
    assertTrue(
        result.err().contains("error: the fetched JBang is not the one we know"), result.err());
    try (var left = Files.list(temp.resolve("jbang dir/wrapper"))) {
      assertEquals(
          0, left.filter(file -> file.getFileName().toString().startsWith("fetch")).count());
    }
  }

  @Test
  void two_first_runs_at_once_both_get_JBang() throws Exception {
    var real =
        Path.of(
            System.getenv()
                .getOrDefault(
                    "JBANG_JAR",
                    System.getenv("JBANG_DIR") + "/wrapper/jbang-cli-0.132.1-all.jar"));
    assumeTrue(Files.exists(real), "no JBang jar at " + real);
    var tools = tools();
    program(tools.resolve("mvn"), "sleep 0.5; cp '" + real + "' jbang-cli-0.132.1-all.jar");
    var shell = shell().with("JBANG_JAR", null).with("PATH", tools);

    var first = shell.start("./jbang", "version");
    var second = shell.start("./jbang", "version");

    for (var run : List.of(first, second)) {
      var out = new String(run.getInputStream().readAllBytes());
      assertEquals(0, run.waitFor(), new String(run.getErrorStream().readAllBytes()));
      assertEquals("0.132.1\n", out);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fly-create-app", "scripts/guide/CreateApp.java"})
  void two_builds_of_a_script_take_turns(String script) throws Exception {
    var first = shell().start("./jbang", script, "x");
    var second = shell().start("./jbang", "build", script);

    for (var run : List.of(first, second)) {
      run.getOutputStream().close();
      var out = new String(run.getInputStream().readAllBytes());
      var err = new String(run.getErrorStream().readAllBytes());
      assertTrue(out.endsWith("hint ./jbang\n"), err);
      run.waitFor();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sh", "bash", "ksh", "busybox sh"})
  void seconds_are_shown_on_a_terminal_while_JBang_is_silent(String sh) throws Exception {
    var process = silent(sh);
    var out = process.getInputStream();

    readUntil(out, Pattern.compile("JBang was asked: run\\|"));
    readUntil(out, Pattern.compile("\r  \\d+ s, once\r\r  \\d+ s, once\r"));
    process.getOutputStream().close();
    Files.createFile(temp.resolve("go"));
    var rest = new String(out.readAllBytes());

    assertTrue(rest.contains("\r\033[K[x]\r\nhint ./jbang"), rest);
    assertEquals(1, Await.exit(process), rest);
    assertEquals(0, process.descendants().count());
  }

  @Test
  void seconds_end_with_an_interrupted_wrapper_and_leave_an_empty_line() throws Exception {
    assumeFalse(Sh.ignoresCtrlC(), "this shell ignores SIGINT, and so does each of its processes");
    var process = silent("sh");
    var out = process.getInputStream();
    readUntil(out, SECONDS);
    var started = process.descendants().toList();

    process.getOutputStream().write(3);
    process.getOutputStream().flush();
    var rest = new String(out.readAllBytes());

    assertEquals(130, Await.exit(process), rest);
    assertTrue(rest.endsWith("\r\033[K"), rest);
    Await.until(() -> started.stream().noneMatch(ProcessHandle::isAlive));
  }

  @Test
  void seconds_end_with_a_killed_wrapper() throws Exception {
    var process = silent("sh");
    readUntil(process.getInputStream(), SECONDS);
    var wrapper =
        process
            .descendants()
            .filter(each -> each.info().commandLine().orElse("").endsWith("fly-create-app x"))
            .min(Comparator.comparing(ProcessHandle::pid))
            .orElseThrow();
    var children =
        wrapper
            .descendants()
            .collect(
                Collectors.partitioningBy(
                    each -> each.info().command().orElse("").endsWith("java")));
    var ticker = children.get(false);

    wrapper.destroyForcibly();

    assertFalse(ticker.isEmpty());
    assertTrue(ProcessEnd.await(ticker, Await.LIMIT));
    Files.createFile(temp.resolve("go"));
    process.destroyForcibly();
    assertTrue(ProcessEnd.await(children.get(true), Await.LIMIT)); // it has looked for that file
  }

  @Test
  void without_a_terminal_no_process_counts_seconds() throws Exception {
    var shell = shell().with("SILENT_UNTIL", temp.resolve("go"));
    var process = shell.start("./jbang", "fly-create-app", "x");
    process.getOutputStream().close();
    readUntil(process.getErrorStream(), Pattern.compile("JBang was asked"));

    var others =
        process
            .descendants()
            .filter(each -> !each.info().command().orElse("").endsWith("java"))
            .map(each -> each.info().commandLine().orElse(""))
            .filter(each -> each.startsWith("sleep"))
            .toList();
    Files.createFile(temp.resolve("go"));
    var err = new String(process.getErrorStream().readAllBytes());

    assertEquals(List.of(), others);
    assertEquals("\n", err.replaceFirst(".*fly-create-app", ""), err);
  }

  /** The wrapper on a terminal, in front of a JBang that waits for the file {@code go}. */
  private Process silent(String sh) {
    var installed = new Sh().run("sh", "-c", "command -v script && command -v " + sh.split(" ")[0]);
    assumeTrue(installed.exit() == 0, "no script or no " + sh);
    return shell()
        .with("SILENT_UNTIL", temp.resolve("go"))
        .start("script", "-qec", sh + " ./jbang fly-create-app x", "/dev/null");
  }

  private static void readUntil(InputStream in, Pattern end) throws Exception {
    var text = new StringBuilder();
    Await.until(
        () -> {
          while (in.available() > 0) {
            text.append((char) in.read());
            if (end.matcher(text).find()) return true;
          }
          return false;
        },
        () -> text);
  }

  /** A folder with the few programs that the wrapper needs, and no Java. */
  private Path tools() throws IOException {
    var folder = Files.createDirectory(temp.resolve("tools"));
    for (var tool :
        List.of(
            "sh",
            "dirname",
            "sed",
            "head",
            "grep",
            "mkdir",
            "cat",
            "flock",
            "readlink",
            "cp",
            "sleep",
            "rm")) {
      for (var bin : List.of("/usr/bin", "/bin")) {
        var program = Path.of(bin, tool);
        if (Files.exists(program) && !Files.exists(folder.resolve(tool))) {
          program(folder.resolve(tool), "exec " + program + " \"$@\"");
        }
      }
    }
    return folder;
  }

  private static void program(Path file, String body) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
