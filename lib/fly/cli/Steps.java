//SOURCES ../Fly.java Cli.java Hint.java
package fly.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import fly.Fly;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

/** Scripts that are run one after the other, each shown as the command that does it alone. */
public final class Steps {
  private static final int WIDTH = 100;

  private final Cli cli;
  private final PrintWriter story;

  public Steps(Cli cli) {
    this.cli = cli;
    this.story = new PrintWriter(new Indented(cli.err()), true);
  }

  /** The step has told why; what is left is its exit code. */
  public static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1;

    public final int exitCode;

    private Failed(int exitCode) {
      this.exitCode = exitCode;
    }
  }

  /**
   * One step: its heading, the command, and what came out.
   *
   * @param variable a setting that takes the result, as {@code export} would have it; or null
   * @return what the step printed on stdout
   * @throws Failed where its exit code is not 0
   */
  public String run(String heading, String variable, Object script, String... args) {
    var words = new ArrayList<>(List.of(Hint.of(Cli.commandLine(script).getCommandName())));
    for (var arg : args) words.add(quoted(arg));
    var command = String.join(" ", words);
    cli.say("%n%s", heading);
    cli.say("  $ %s", variable == null ? command : "export " + variable + "=$(" + command + ")");
    var out = new StringWriter();
    var exitCode = quietly(script, out, args);
    if (exitCode != 0) throw new Failed(exitCode);
    var result = out.toString();
    if (variable != null) System.setProperty(variable, result.strip());
    cli.say("  -> %s", brief(result));
    return result;
  }

  /** A step without a heading; its exit code. */
  public int quietly(Object script, Writer out, String... args) {
    var all = new ArrayList<>(List.of(args));
    var at = all.indexOf("--");
    if (cli.verbose) all.add(at < 0 ? all.size() : at, "--verbose");
    if (cli.quiet) all.add(at < 0 ? all.size() : at, "--quiet");
    var step = Cli.commandLine(script).setOut(new PrintWriter(out)).setErr(story);
    var exitCode = step.execute(all.toArray(String[]::new));
    story.flush();
    return exitCode;
  }

  /** As a shell takes it for one word. */
  private static String quoted(String word) {
    return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  /** A result in one line. */
  private static String brief(String result) {
    var text = result.strip();
    var first = text.lines().findFirst().orElse("");
    try {
      text = Fly.JSON.readTree(text).toString();
    } catch (JsonProcessingException e) {
      text = first;
    }
    if (result.strip().lines().count() > 1 && text.equals(first)) {
      text = text.substring(0, Math.min(text.length(), 60)) + " ...";
    }
    return text.length() <= WIDTH ? text : text.substring(0, WIDTH - 3) + "...";
  }

  /** Sets off what a step tells from what the quickstart tells. */
  private static final class Indented extends FilterWriter {
    private boolean lineStarts = true;

    Indented(Writer out) {
      super(out);
    }

    @Override
    public void write(String text, int start, int length) throws IOException {
      for (int i = start; i < start + length; i++) write(text.charAt(i));
    }

    @Override
    public void write(char[] text, int start, int length) throws IOException {
      write(new String(text, start, length), 0, length);
    }

    @Override
    public void write(int character) throws IOException {
      if (lineStarts && character != '\n') out.write("     ");
      out.write(character);
      lineStarts = character == '\n';
    }
  }
}
