import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.Settings;
import fly.cli.Cli;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every command does the same in whatever surroundings its process has. */
class SurroundingsTest {
  private static final String SETTINGS =
      """
      ORG=personal
      FLY_API_TOKEN=opaque-token-of-the-tests
      FLY_API_HOSTNAME=http://127.0.0.1:9
      FLY_API_BASE_URL=http://127.0.0.1:9
      FLY_EDGE_URL=http://127.0.0.1:9/edge/{app}/
      APP_NAME=mcp-demo
      """;

  private static Path folder;
  private static Map<String, String> usual;

  @BeforeAll
  static void usual() throws IOException {
    folder = Files.createTempDirectory("surroundings");
  }

  @AfterAll
  static void leave() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    }
  }

  static List<String> aliases() throws IOException {
    return EachCommand.aliases();
  }

  /** Output of all commands in a process with these variables and options of the JVM. */
  private static Map<String, String> all(String env, Map<String, String> with, String... options)
      throws IOException {
    var home = Files.createDirectories(folder.resolve("home"));
    var file = Files.writeString(folder.resolve(".env"), env);
    if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.setPosixFilePermissions(
          file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
    }
    var command = new ArrayList<>(Jvm.command("EachCommand"));
    command.addAll(1, List.of(options));
    var shell = new Sh().in(folder).with("FLY_ROOT", Sh.ROOT.toAbsolutePath()).with("HOME", home);
    for (var setting : Settings.values()) shell.with(setting.name(), null);
    shell.with("FLY_JBANG", "./jbang").with("LC_ALL", "C.UTF-8").with(with);
    var result = shell.run(command.toArray(String[]::new));
    assertEquals(0, result.exit(), result.err());
    var parts = EachCommand.parts(result.out());
    assertEquals(EachCommand.aliases().size(), parts.size(), result.out());
    return parts;
  }

  private static Map<String, String> usually() throws IOException {
    if (usual == null) usual = all(SETTINGS, Map.of());
    return usual;
  }

  @Test
  @Tag("slow")
  void an_example_prints_its_request_or_what_it_is_missing() throws Exception {
    for (var part : usually().values()) {
      assertFalse(part.contains("\tat "), part);
      assertFalse(part.contains("Exception"), part);
      if (part.matches("(?s)\\S+ ends with 0\n.*")) continue;
      assertTrue(part.contains("\nerror: ") && part.contains("\n  try: "), part);
    }
  }

  @Test
  @Tag("slow")
  void a_POSIX_locale_changes_nothing() throws Exception {
    assertEquals(usually(), all(SETTINGS, Map.of("LC_ALL", "C", "LANG", "C")));
  }

  @Test
  @Tag("slow")
  void digits_of_Egypt_get_into_no_request() throws Exception {
    var egypt = List.of("-Duser.language=ar", "-Duser.country=EG", "-Duser.extensions=u-nu-arab");

    assertEquals(usually(), all(SETTINGS, Map.of(), egypt.toArray(String[]::new)));
  }

  @Test
  @Tag("slow")
  void an_account_without_a_name_has_the_home_that_HOME_names() throws Exception {
    assertEquals(usually(), all(SETTINGS, Map.of(), "-Duser.home=?", "-Duser.name=?"));

    assertFalse(Files.exists(folder.resolve("?")), "files are in a folder named ?");
  }

  @Test
  @Tag("slow")
  void a_byte_order_mark_before_the_settings_loses_none() throws Exception {
    assertEquals(usually(), all("\ufeff" + SETTINGS, Map.of()));
  }

  @Test
  @Tag("slow")
  void a_proxy_changes_no_request_to_this_machine() throws Exception {
    var proxies = Map.of("HTTPS_PROXY", "http://127.0.0.1:1", "https_proxy", "http://127.0.0.1:1");

    assertEquals(usually(), all(SETTINGS, proxies));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void a_result_that_cannot_be_written_is_a_failure(String alias) throws Exception {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
    var err = new ByteArrayOutputStream();

    var exit = Cli.run(EachCommand.script(alias), EachCommand.full(), err, "--help");

    var told = err.toString(StandardCharsets.UTF_8);
    assertEquals(1, exit, told);
    assertTrue(told.contains("error: the result is lost"), told);
    assertTrue(told.contains("No space left on device"), told);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void an_example_whose_output_cannot_be_written_is_a_failure(String alias) throws Exception {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    var usual = Cli.run(EachCommand.script(alias), out, err, EachCommand.example(alias));
    assumeTrue(usual == 0 && out.size() > 0, "its example prints nothing here");
    err.reset();

    var exit =
        Cli.run(EachCommand.script(alias), EachCommand.full(), err, EachCommand.example(alias));

    assertEquals(1, exit, err::toString);
    assertTrue(err.toString(StandardCharsets.UTF_8).contains("No space left on device"), "" + err);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("aliases")
  void an_argument_with_an_at_sign_names_no_file(String alias) throws Exception {
    assertFalse(Cli.commandLine(EachCommand.script(alias)).isExpandAtFiles());
  }

  @Test
  void a_file_that_an_argument_names_is_not_read() throws Exception {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
    var secret = Files.writeString(Files.createTempFile("secret", null), "the secret").toString();

    var machine = Script.run(new CreateMachine(), "-n", "--", "curl", "-d", "@" + secret);
    var exec =
        Script.run(new Exec(), "-n", "--machine", "148ed127f22387", "--", "cat", "@" + secret);

    for (var result : List.of(machine, exec)) {
      assertEquals(0, result.exit(), result.err());
      assertTrue(result.out().contains("\"@" + secret), result.out());
      assertFalse(result.out().contains("the secret"), result.out());
    }
  }

  @Test
  @Tag("slow")
  void text_arrives_whole_in_a_POSIX_locale_or_is_refused() throws Exception {
    assumeTrue(Files.exists(Path.of("/bin/sh")), "no sh here");
    var command = String.join(" ", Jvm.command("CreateMachine", "-n", "--app", "a", "--no-volume"));
    var set = "--set \"config.env.X=$(printf '\\303\\244')\"";

    var result = new Sh().with("LC_ALL", "C").run("sh", "-c", command + " " + set);

    if (result.exit() == 0) assertTrue(result.out().contains("\u00e4"), result.out());
    else assertTrue(result.err().startsWith("error: "), result.err());
    assertFalse(result.out().contains("\ufffd"), result.out());
  }
}
