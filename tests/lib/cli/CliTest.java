import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.TerminalWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class CliTest {
  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:1", FakeFly.TOKEN);
  }

  @AfterEach
  void forget() {
    for (var name : new String[] {"FLY_TTY", "NO_COLOR", "CLICOLOR_FORCE", "FLY_FORCE_TTY"}) {
      System.clearProperty(name);
    }
  }

  @Test
  void a_hint_names_the_command_as_it_was_started() {
    assertEquals("jbang fly-status@catalog", Hint.of("fly-status"));

    System.setProperty("FLY_JBANG", "./jbang");
    assertEquals("./jbang fly-status", Hint.of("fly-status"));

    System.setProperty("FLY_JBANG", "/my clone/jbang");
    assertEquals("'/my clone/jbang' fly-status", Hint.of("fly-status"));

    System.setProperty("FLY_JBANG", "/ann's/jbang");
    assertEquals("'/ann'\\''s/jbang' fly-status", Hint.of("fly-status"));
  }

  @Test
  void a_percent_sign_in_a_path_is_nothing_special() {
    System.setProperty("FLY_JBANG", "/100%s/jbang");

    var result = Script.run(new NameApp());

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.err().contains("Next: /100%s/jbang fly-create-app"), result.err());
  }

  @Test
  void a_wrong_command_line_is_told_with_what_was_meant() {
    var result = Script.run(new NameApp(), "--prefx", "x");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: Unknown options: '--prefx', 'x'"), result.err());
    assertTrue(result.err().contains("--prefix"), result.err());
    assertTrue(result.err().contains("try: jbang fly-name-app@catalog --help"), result.err());
  }

  @Test
  void a_wrong_value_is_answered_with_the_right_ones_as_they_are_typed() {
    var client = Script.run(new McpConfig(), "--client", "emacs", "--url", "http://127.0.0.1:9/");
    var list = Script.run(new CallMcp(), "--list", "tool");

    assertTrue(
        client.err().contains("one of claude-desktop, claude-code, cursor, vscode but was 'emacs'"),
        client.err());
    assertTrue(list.err().contains("one of tools, resources, prompts but was"), list.err());
  }

  @Test
  void a_pair_without_a_value_is_named_once() {
    var result = Script.run(new CreateMachine(), "--set", "config.env");

    assertTrue(result.err().contains("error: Value for option '--set'"), result.err());
    var nameless = Script.run(new UpdateMachine(), "--env", "=b");
    assertEquals(2, nameless.exit());
    assertTrue(nameless.err().contains("'--env' (NAME=VALUE) has no name"), nameless.err());
  }

  @Test
  void options_of_a_program_are_answered_with_the_dashes_that_belong_before_it() {
    var program = Script.run(new Exec(), "--timeout", "5s", "ls", "-la", "/data");
    var ours = Script.run(new Exec(), "--timeuot", "5s", "ls");

    assertTrue(program.err().contains("error: Unknown option: '-la'"), program.err());
    assertTrue(program.err().contains("fly-exec@catalog -- COMMAND"), program.err());
    assertTrue(ours.err().contains("try: jbang fly-exec@catalog --help"), ours.err());
  }

  @Test
  void help_shows_an_example_first_and_the_guides_heading_last() {
    var result = Script.run(new CreateVolume(), "--help");

    assertEquals(0, result.exit());
    assertTrue(
        result.out().startsWith("Example:\n  jbang fly-create-volume@catalog --region iad --size"));
    assertTrue(result.out().strip().endsWith("/machines-api/#create-a-volume"), result.out());
    assertEquals("", result.err());
  }

  @Test
  void an_argument_that_begins_with_an_at_sign_is_no_file() {
    var result =
        Script.run(
            new CreateMachine(), "-n", "--no-volume", "--", "curl", "-d", "@machine.json", "--");

    assertEquals(0, result.exit(), result.err());
    assertTrue(result.out().contains("\"@machine.json\""), result.out());
    assertTrue(result.out().contains("\"--\""), result.out());
  }

  @Test
  void an_option_is_never_the_value_of_another_option() {
    var result = Script.run(new CreateApp(), "--app", "--org", "personal");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("'--app'"), result.err());
  }

  @Test
  void ids_only_and_all_of_the_JSON_exclude_each_other() {
    var result = Script.run(new ListMachines(), "-q", "--json");

    assertEquals(2, result.exit());
    assertEquals("", result.out());
    assertTrue(result.err().contains("error: --quiet and --json exclude each other"), result.err());
  }

  @Test
  void a_quiet_command_still_says_what_it_insists_on() {
    assertEquals("on purpose\n", Script.run(new Insisting(), "-q").err());
    assertEquals("by the way\non purpose\n", Script.run(new Insisting()).err());
    assertEquals("", Script.run(new Insisting(), "-n").err());
  }

  @Command(name = "fly-insisting")
  static class Insisting implements Runnable {
    @Mixin Cli.Api cli;

    @Override
    public void run() {
      fly.Story story = cli;
      story.say("by the way");
      story.insist("on %s", "purpose");
    }
  }

  @Test
  void the_version_names_ours_JBang_Java_and_the_APIs_description() {
    var result = Script.run(new NameApp(), "--version");

    assertEquals(0, result.exit());
    var lines = result.out().lines().toList();
    assertEquals("fly-machines " + fly.cli.Version.OURS, lines.get(0));
    assertTrue(lines.get(1).startsWith("JBang "), lines.get(1));
    assertEquals("Java " + Runtime.version(), lines.get(2));
    assertEquals("Machines API description of " + fly.cli.Version.API, lines.get(3));
  }

  @Test
  void a_result_that_could_not_be_written_is_a_failure() {
    var err = new ByteArrayOutputStream();

    var exit = Cli.run(new NameApp(), failing("No space left on device"), err);

    assertEquals(1, exit);
    assertTrue(text(err).contains("error: the result is lost"), text(err));
    assertTrue(text(err).contains("why: stdout could not be written: No space"), text(err));
    assertTrue(text(err).contains("  try: "), text(err));
  }

  @Test
  void a_reader_that_has_read_enough_is_no_failure() {
    var err = new ByteArrayOutputStream();

    var exit = Cli.run(new NameApp(), failing("Broken pipe"), err, "-q");

    assertEquals(0, exit);
    assertEquals("", text(err));
  }

  @Test
  void without_a_word_from_the_wrapper_no_stream_is_a_terminal() {
    var help = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();

    Cli.run(new NameApp(), help, err, "--help");

    assertFalse(text(help).contains("\033"), text(help));
  }

  @Test
  void on_a_terminal_help_has_colours_and_its_width_unless_NO_COLOR_is_set() {
    System.setProperty("FLY_TTY", "12");
    System.setProperty("FLY_FORCE_TTY", "64");
    var coloured = new ByteArrayOutputStream();
    var plain = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();

    Cli.run(new CreateMachine(), coloured, err, "--help");
    System.setProperty("NO_COLOR", "1");
    Cli.run(new CreateMachine(), plain, err, "--help");

    assertTrue(text(coloured).contains("\033[1m"), text(coloured));
    assertFalse(text(plain).contains("\033"), text(plain));
    var widest = text(plain).lines().filter(line -> line.startsWith(" ")).mapToInt(String::length);
    assertTrue(widest.max().orElse(0) <= 64, text(plain));
  }

  @Test
  void a_terminal_shows_control_characters_and_does_not_obey_them() {
    var screen = new StringWriter();
    try (var writer = new TerminalWriter(screen)) {
      writer.println("title \033]0;owned\007 up \033[2A red \033[31mred\033[0m del \u007f");
      writer.println("c1 \u009b2J bidi \u202e mixed\ttab line\r\n");
      writer.print("umlaut \u00fc");
    }

    assertEquals(
        "title ^[]0;owned^G up ^[[2A red \033[31mred\033[0m del ^?\n"
            + "c1 <9b>2J bidi <U+202E> mixed\ttab line\n\n"
            + "umlaut \u00fc",
        screen.toString());
  }

  @Test
  void a_long_operation_shows_its_time_below_the_text_and_leaves_nothing_behind() {
    var screen = new StringWriter();
    var terminal = new TerminalWriter(screen);
    System.setProperty("TERM", "xterm");
    var slow = new Slow(screen);

    Cli.commandLine(slow).setErr(terminal).setOut(new TerminalWriter(new StringWriter())).execute();

    assertTrue(screen.toString().startsWith("Waiting for it ...\n\r\033[K  "), screen.toString());
    assertTrue(screen.toString().endsWith("\r\033[KDone.\n"), screen.toString());
  }

  @Command(name = "fly-slow")
  static class Slow implements Callable<Integer> {
    @Mixin Cli cli;
    private final StringWriter screen;

    Slow(StringWriter screen) {
      this.screen = screen;
    }

    @Override
    public Integer call() throws Exception {
      cli.say("Waiting for it ...");
      Await.until(() -> screen.toString().contains("\r\033[K  "));
      cli.say("Done.");
      return 0;
    }
  }

  @Test
  void digits_are_those_of_the_API_whatever_the_locale() {
    var before = Locale.getDefault();
    var out = new ByteArrayOutputStream();
    try {
      Locale.setDefault(new Locale.Builder().setLanguageTag("ar-EG-u-nu-arab").build());

      Cli.run(new Digits(), out, new ByteArrayOutputStream());
    } finally {
      Locale.setDefault(before);
    }

    assertEquals("1234\n", text(out));
  }

  @Command(name = "fly-digits")
  static class Digits implements Runnable {
    @Mixin Cli cli;

    @Override
    public void run() {
      cli.out().println("%d".formatted(1234));
    }
  }

  private static OutputStream failing(String reason) {
    return new OutputStream() {
      @Override
      public void write(int octet) throws IOException {
        throw new IOException(reason);
      }
    };
  }

  private static String text(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void a_value_that_is_blank_is_refused_before_anything_is_sent() {
    for (var command : List.of(new CreateApp(), new CreateMachine(), new Cleanup())) {
      var result = Script.run(command, "--app", "");

      assertEquals(2, result.exit(), result.err());
      assertTrue(result.err().startsWith("error: --app is empty\n  why: a value of it is blank"));
      assertTrue(result.err().contains("try: give it a value, or leave it out"), result.err());
    }
    assertTrue(Script.run(new AllocateIps(), "--type", "").err().contains("--type is empty"));
    assertTrue(Script.run(new CreateVolume(), "--region", "").err().contains("--region is empty"));
    assertTrue(
        Script.run(new CreateFleet(), "--regions", "iad,,fra").err().contains("--regions is"));
    assertTrue(Script.run(new DestroyMachine(), "").err().contains("MACHINE_ID is empty"));
    assertTrue(Script.run(new DestroyVolume(), " ").err().contains("VOLUME_ID is empty"));
    assertTrue(Script.run(new Exec(), "--", "").err().contains("COMMAND is empty"));
  }

  @Test
  void words_of_a_program_after_its_first_one_may_be_blank() {
    var result = Script.run(new Exec(), "-n", "--machine", "a1", "--", "sh", "-c", "");

    assertEquals(0, result.exit(), result.err());
  }

  @Test
  void a_single_quote_mark_in_a_value_is_a_part_of_it() {
    var stderr = System.err;
    var ours = new ByteArrayOutputStream();
    System.setErr(new PrintStream(ours, true, StandardCharsets.UTF_8));
    try {
      var result = Script.run(new CreateApp(), "-n", "--set", "network=7\"");

      assertTrue(result.out().contains("\"network\": \"7\\\"\""), result.out());
      assertEquals("", ours.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(stderr);
    }
  }
}
