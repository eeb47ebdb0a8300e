//SOURCES ../Fly.java ../ShellWord.java Cli.java Hint.java Interruption.java TerminalWriter.java View.java
package fly.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import fly.Fly;
import fly.ShellWord;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Scripts that run one after the other, each shown as the command that does it alone. */
public final class Steps {
  private static final int WIDTH = 100;
  private static final String INDENT = "     ";

  private final Cli cli;
  private final Indented indented;
  private final PrintWriter story;
  private Interruption interruption; // null outside of thenClean

  public Steps(Cli cli) {
    this.cli = cli;
    indented = new Indented(cli.err());
    story =
        cli.err() instanceof TerminalWriter terminal
            ? terminal.indented(INDENT)
            : new PrintWriter(indented, true);
  }

  /**
   * Runs the steps, then cleans up. The first signal ends the running step, which then reports
   * nothing; only a second signal ends the cleaning.
   *
   * @param cleaning returns false if something is left
   * @param left the last line of a process that leaves something
   * @return the exit code
   */
  public int thenClean(Runnable steps, BooleanSupplier cleaning, Supplier<String> left) {
    try (var signals = new Interruption(cli.err(), left, () -> mute(true))) {
      interruption = signals;
      try {
        steps.run();
        return 0;
      } catch (Failed e) {
        return e.exitCode;
      } catch (Interruption.Requested e) {
        return signals.exitCode();
      } finally {
        signals.cleans();
        mute(false);
        var gone = cleaning.getAsBoolean();
        if (!gone || signals.requested()) {
          cli.err().println(gone ? "Nothing is left." : left.get());
        }
      }
    }
  }

  /** From now on the steps create nothing, so that a signal interrupts them at once. */
  public void createNothing() {
    interruption.waits();
  }

  /** Waits for the signal. */
  public void awaitSignal() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      throw new Interruption.Requested();
    }
  }

  /** Drops the lines of the running step, or no longer. */
  private void mute(boolean muted) {
    indented.muted = muted;
    if (story instanceof TerminalWriter terminal) terminal.mute(muted);
  }

  /** The step has reported its failure; its exit code is left. */
  public static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1;

    public final int exitCode;

    private Failed(int exitCode) {
      this.exitCode = exitCode;
    }
  }

  /**
   * One step: its heading, the command, and its result.
   *
   * @param variable a setting that takes the result, as {@code export} would have it; or null
   * @return what the step printed on stdout
   * @throws Failed if its exit code is not 0
   */
  public String run(String heading, String variable, Object script, String... args) {
    if (interruption != null) interruption.check();
    var words = new ArrayList<>(List.of(Hint.of(Cli.commandLine(script).getCommandName())));
    for (var arg : args) words.add(ShellWord.of(arg));
    var command = String.join(" ", words);
    cli.say("%n%s", heading);
    cli.say("  $ %s", variable == null ? command : "export " + variable + "=$(" + command + ")");
    var out = new StringWriter();
    var exitCode = quietly(script, out, args);
    if (interruption != null) interruption.check();
    if (exitCode != 0) throw new Failed(exitCode);
    var result = out.toString();
    if (variable != null) System.setProperty(variable, result.strip());
    var brief = brief(result);
    if (!brief.isEmpty()) cli.say("  -> %s", brief);
    return result;
  }

  /** A step without a heading; its exit code. */
  public int quietly(Object script, Writer out, String... args) {
    var all = new ArrayList<>(List.of(args));
    var at = all.indexOf("--");
    if (cli.verbose) all.add(at < 0 ? all.size() : at, "--verbose");
    if (cli.quiet) all.add(at < 0 ? all.size() : at, "--quiet");
    var step = Cli.commandLine(script).setOut(new PrintWriter(out)).setErr(story);
    for (var mixin : step.getMixins().values()) {
      if (mixin instanceof Cli common) common.targetSaid = true;
    }
    var exitCode = step.execute(all.toArray(String[]::new));
    if (story instanceof TerminalWriter terminal) terminal.idle();
    story.flush();
    return exitCode;
  }

  /** A result in one line; an MCP server's replies come on stdout, so they have none. */
  private String brief(String result) {
    var lines = result.strip().lines().toList();
    if (lines.isEmpty()) return "";
    var text = lines.size() == 1 ? lines.get(0) : lines.get(0) + " ...";
    try {
      var all = Fly.JSON.readTrees(result);
      if (all.stream().anyMatch(value -> value.has("jsonrpc"))) return "";
      var viewed = cli.err() instanceof TerminalWriter;
      text =
          all.stream()
              .map(value -> viewed ? View.line(value) : Fly.line(value))
              .collect(Collectors.joining(", "));
    } catch (JsonProcessingException e) {
      // no JSON: the line as it is
    }
    return text.length() <= WIDTH ? text : text.substring(0, WIDTH - 3) + "...";
  }

  /** Indents the messages of a step below those of the command that runs it. */
  private static final class Indented extends FilterWriter {
    private boolean lineStarts = true;
    private volatile boolean muted;

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
      if (muted) return;
      if (lineStarts && character != '\n') out.write(INDENT);
      out.write(character);
      lineStarts = character == '\n';
    }
  }
}
