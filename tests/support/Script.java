import fly.Settings;
import fly.cli.Cli;
import fly.cli.TerminalWriter;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;

/** Runs a script as the shell would, in this JVM, and keeps what it printed. */
final class Script {
  private Script() {}

  record Result(int exit, String out, String err) {
    /** stdout without its colours. */
    String plain() {
      return out.replaceAll("\u001b\\[[\\d;]*m", "");
    }
  }

  static Result run(Object script, String... args) {
    var out = new StringWriter();
    var err = new StringWriter();
    var exit =
        Cli.commandLine(script)
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(args);
    return new Result(exit, out.toString(), err.toString());
  }

  /** Runs the script as in a terminal, with views; the line of progress is left out. */
  static Result runOnTerminal(Object script, String... args) {
    var out = new StringWriter();
    var err = new StringWriter();
    var exit =
        Cli.commandLine(script)
            .setOut(new TerminalWriter(out))
            .setErr(new TerminalWriter(err))
            .execute(args);
    return new Result(exit, withoutProgress(out), withoutProgress(err));
  }

  private static String withoutProgress(Object terminal) {
    return terminal.toString().replaceAll("[^\n]*\r\u001b\\[K", "");
  }

  static Result runWithInput(String input, Object script, String... args) {
    var stdin = System.in;
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    try {
      return run(script, args);
    } finally {
      System.setIn(stdin);
    }
  }

  /** True for a variable that changes a command, flyctl's included, which a sandbox exports. */
  static boolean isSetting(String variable) {
    return variable.startsWith("FLY_")
        || Stream.of(Settings.values()).anyMatch(setting -> setting.name().equals(variable));
  }

  /** Settings for a Fly.io at this address; nothing of the machine's own environment remains. */
  static void settings(String url, String token) {
    System.getProperties().stringPropertyNames().stream()
        .filter(Script::isSetting)
        .forEach(System::clearProperty);
    System.setProperty("FLY_JBANG", "@catalog");
    System.setProperty("ORG", "personal");
    System.setProperty("FLY_API_HOSTNAME", url);
    System.setProperty("FLY_API_BASE_URL", url);
    System.setProperty("FLY_EDGE_URL", url + "/edge/{app}/");
    System.setProperty("FLY_API_TOKEN", token);
    System.setProperty("APP_NAME", "mcp-demo");
  }
}
