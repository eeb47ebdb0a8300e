//SOURCES ../Deadline.java ../Fly.java ../FlyException.java ../Settings.java ../Story.java Columns.java
//SOURCES CommandModel.java Handlers.java Hint.java Jq.java JsonText.java Progress.java Reference.java
//SOURCES ResultStream.java Surroundings.java Target.java Terminal.java TerminalWriter.java Trust.java Version.java
//SOURCES View.java
//DEPS info.picocli:picocli:4.7.7
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=3 -Dfile.encoding=UTF-8
//COMPILE_OPTIONS -XDstringConcat=inline
package fly.cli;

import static picocli.CommandLine.Spec.Target.MIXEE;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.Story;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * The part that all scripts share: common flags, streams (the result to stdout, messages to
 * stderr), errors and exit codes.
 */
public class Cli implements Story {
  @Spec(MIXEE)
  private CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Show the versions of this, JBang, Java and the API's description.")
  private boolean version;

  @Option(
      names = "--as",
      paramLabel = "REF",
      description = "The reference that you call this by, such as fly-x@mine, for hints.")
  private void calledAs(String reference) {
    Reference.calledAs(reference);
  }

  @Option(
      names = {"-q", "--quiet"},
      description = "Print ids only, and no messages.")
  public boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      description = "Show each request and the status of its answer.")
  public boolean verbose;

  /** The flags of scripts that call the API. */
  public static final class Api extends Cli {
    @Option(
        names = {"-n", "--dry-run"},
        description = "Send nothing: print the curl command instead.")
    public boolean dryRun;

    @Option(
        names = "--deadline",
        paramLabel = "TIME",
        description =
            "Time for all requests, retries and waiting; for each item, if there are many"
                + " (default: 3m).")
    public Duration deadline = Deadline.USUAL;

    @Mixin private Trust trust;

    private Fly fly;
    private Fly reading;

    /** Prints the line, except in a dry run, where nothing happens. */
    @Override
    public void say(String format, Object... args) {
      if (!dryRun) super.say(format, args);
    }

    @Override
    public void insist(String format, Object... args) {
      if (!dryRun) super.insist(format, args);
    }

    /** Announces the next request, if there is a token for it. */
    public void announce(String format, Object... args) {
      requireToken();
      say(format, args);
    }

    private void requireToken() {
      if (!dryRun) Settings.requireApiToken();
    }

    /**
     * Names the Fly.io on which something will be created; on a terminal with -q, too.
     *
     * @param organization its slug, or null if the app decides
     */
    public void sayTarget(String organization) {
      if (dryRun || targetSaid) return;
      requireToken();
      var target = Target.here() + (organization == null ? "" : ", organization " + organization);
      if (!quiet) say("Target: %s", target);
      else if (err() instanceof TerminalWriter) err().println("Target: " + target);
    }

    public Fly fly() {
      if (fly == null) {
        if (!targetSaid) Settings.openSecret().ifPresent(this::warn);
        fly =
            Fly.connect(dryRun ? out()::println : null, verbose ? err()::println : null, this)
                .within(Deadline.after(deadline));
      }
      return fly;
    }

    /** Limits each request instead of all together, for a command that runs without an end. */
    public Fly following() {
      return fly().eachWithin(deadline);
    }

    /** Sends even in a dry run: for reads without which there is no request to show. */
    public Fly reading() {
      if (!dryRun) return fly();
      if (reading == null) {
        reading =
            Fly.connect(null, verbose ? err()::println : null, this)
                .within(Deadline.after(deadline));
      }
      return reading;
    }
  }

  /** Values of {@link Options.Json}; null for one that was not given. */
  private record Selection(String fields, Jq jq) {}

  private Selection selection; // null until the first result
  private boolean warned;

  /** True for a step of a command that has named the target for all its steps. */
  boolean targetSaid;

  /** Runs the script as a process: from its arguments to its exit code. */
  public static void main(Object script, String... args) {
    var stdout = new ResultStream(new FileOutputStream(FileDescriptor.out));
    System.setOut(new PrintStream(new BufferedOutputStream(stdout), true, StandardCharsets.UTF_8));
    System.exit(run(script, stdout, new FileOutputStream(FileDescriptor.err), args));
  }

  /** Runs the script on these streams, and returns its exit code. */
  public static int run(Object script, OutputStream stdout, OutputStream stderr, String... args) {
    Surroundings.settle();
    var result = stdout instanceof ResultStream shared ? shared : new ResultStream(stdout);
    var commandLine = commandLine(script);
    commandLine.setOut(writer(result, Terminal.out())).setErr(writer(stderr, Terminal.err()));
    var helpAsked = List.of(args).contains("--help") || List.of(args).contains("-h");
    if (helpAsked) commandLine.setUsageHelpWidth(Terminal.width());
    int exitCode;
    try {
      exitCode = commandLine.execute(Surroundings.whole(args));
    } catch (FlyException e) {
      exitCode = Handlers.report(commandLine, e);
    }
    idle(commandLine);
    commandLine.getOut().flush();
    if (stdout == result) System.out.flush();
    if (exitCode == 0 && result.lost() != null)
      exitCode = Handlers.report(commandLine, lost(result.lost()));
    commandLine.getErr().flush();
    return exitCode;
  }

  private static PrintWriter writer(OutputStream stream, boolean terminal) {
    var writer = new OutputStreamWriter(stream, StandardCharsets.UTF_8);
    return terminal ? new TerminalWriter(writer) : new PrintWriter(writer, true);
  }

  private static FlyException lost(String reason) {
    return new FlyException(
        "the result is lost, or a part of it",
        "stdout could not be written: " + reason,
        "the command itself is done; look at what is there before you run it again");
  }

  /** The command of a script, with the example of its header as the reader would type it. */
  public static CommandLine commandLine(Object script) {
    if (System.getProperty("picocli.trace") == null) {
      CommandLine.tracer().setLevel(CommandLine.TraceLevel.OFF); // it warns of a single quote mark
    }
    var commandLine = new CommandLine(CommandModel.of(script));
    commandLine.getCommandSpec().versionProvider(new Version());
    var usage = commandLine.getCommandSpec().usageMessage();
    var example = String.join("", usage.header());
    if (!example.isEmpty()) {
      var words = example.split(" ", 2);
      usage.header(
          "Example:", "  " + Hint.of(words[0]) + (words.length == 1 ? "" : " " + words[1]), "");
    }
    var handlers = new Handlers();
    return commandLine
        .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
        .setColorScheme(Help.defaultColorScheme(Terminal.colour(Terminal.out())))
        .setUsageHelpAutoWidth(false)
        .setUsageHelpWidth(100)
        .setExpandAtFiles(false) // @file among the arguments belongs to the program that gets them
        .setAllowOptionsAsOptionParameters(false) // --app --org x: the name of the app is missing
        .setCaseInsensitiveEnumValuesAllowed(true)
        .registerConverter(Duration.class, handlers)
        .setExecutionStrategy(handlers)
        .setParameterExceptionHandler(handlers)
        .setExecutionExceptionHandler(handlers);
  }

  /** Prints a line about the work to stderr. Without arguments the text is taken literally. */
  @Override
  public void say(String format, Object... args) {
    if (!quiet) insist(format, args);
  }

  /** Prints a line about the work with -q, too. */
  @Override
  public void insist(String format, Object... args) {
    var text = args.length == 0 ? format : format.formatted(args);
    var err = err();
    err.println(text);
    if (text.endsWith("...") && err instanceof TerminalWriter terminal) terminal.busy();
  }

  /** The story of parallel work, whose plain lines would mix. */
  Story onlyInsisting() {
    return new Story() {
      @Override
      public void say(String format, Object... args) {}

      @Override
      public void insist(String format, Object... args) {
        Cli.this.insist(format, args);
      }
    };
  }

  /** Takes lines about requests and answers, and prints them with -v. */
  public Consumer<String> trace() {
    return verbose ? line -> err().println(line) : line -> {};
  }

  public void warn(String text) {
    err().println("warning: " + text);
  }

  /** Progress of an operation over this many things. */
  public Progress progress(String what, int total) {
    return new Progress(err(), quiet, what, total);
  }

  /** Prints the result: its id with -q, a short view on a terminal, else the JSON. */
  public void print(JsonNode result) {
    if (result.isMissingNode()) return; // a dry run: the curl command was the result
    if (quiet) {
      var id = result.path("id");
      out().println((id.isMissingNode() ? result.path("name") : id).asText());
    } else if (viewed()) {
      out().println(View.of(result));
    } else {
      json(result);
    }
  }

  /** Prints a result that does not hold its own id. */
  public void print(JsonNode result, String id) {
    if (quiet && !result.isMissingNode()) out().println(id);
    else print(result);
  }

  /**
   * Prints one of many results in a line: a short view on a terminal, else JSON. Several threads
   * may call it at once.
   */
  public void printLine(JsonNode result) {
    if (viewed()) out().println(View.line(result));
    else jsonLine(result);
  }

  /** Prints JSON: all of it, or what --json=FIELDS or --jq select. */
  public void json(JsonNode result) {
    json(result, false);
  }

  /** Prints JSON as one line. */
  public void jsonLine(JsonNode result) {
    json(result, true);
  }

  private void json(JsonNode result, boolean line) {
    var asked = selection();
    var whole = JsonText.fields(result, asked.fields);
    if (asked.fields != null) warnOfUnknown(result, asked.fields);
    if (asked.jq == null) {
      printJson(whole, line);
      return;
    }
    for (var value : selected(asked.jq, whole)) {
      if (value.isTextual()) out().println(value.asText());
      else printJson(value, line);
    }
  }

  /** Warns once: of fields that the first result does not have, most are misspelt. */
  private synchronized void warnOfUnknown(JsonNode result, String fields) {
    if (warned) return;
    warned = true;
    var there = JsonText.names(result);
    var unknown = new ArrayList<>(JsonText.names(fields));
    unknown.removeAll(there);
    if (unknown.isEmpty() || there.isEmpty()) return;
    warn("no " + String.join(", ", unknown) + " here; there is " + String.join(", ", there));
  }

  private void printJson(JsonNode value, boolean line) {
    var text = line ? Fly.line(value) : Fly.pretty(value);
    out().println(coloured() ? JsonText.coloured(text) : text);
  }

  private synchronized List<JsonNode> selected(Jq jq, JsonNode whole) {
    return jq.apply(whole);
  }

  /** Looked up once: picocli reads the names of all options for it. */
  private synchronized Selection selection() {
    if (selection == null) {
      var jq = option("--jq");
      selection = new Selection(option("--json"), jq == null ? null : new Jq(jq));
    }
    return selection;
  }

  private boolean coloured() {
    return out() instanceof TerminalWriter && Terminal.colour(true).enabled();
  }

  private String option(String name) {
    var option = spec.findOption(name);
    return option == null ? null : option.getValue();
  }

  /** True if the result is for people: on a terminal, and without --json and --jq. */
  public boolean viewed() {
    if (!(out() instanceof TerminalWriter)) return false;
    return selection().fields == null && selection().jq == null;
  }

  /**
   * Prints a list: a table on a terminal, ids with -q, else the JSON.
   *
   * @param ifNone advice if the list is empty
   */
  public void list(JsonNode things, Columns columns, String ifNone) {
    if (things.isMissingNode()) return; // a dry run: the curl command was the result
    var rows = columns.rows(things);
    if (quiet) rows.forEach(row -> out().println(row.get(0)));
    else if (!viewed()) print(things);
    else if (!rows.isEmpty()) table(columns.headings(), rows);
    if (rows.isEmpty() && !ifNone.isEmpty()) say("%s", Hint.render(ifNone));
  }

  public void table(Columns columns, Iterable<JsonNode> things) {
    table(columns.headings(), columns.rows(things));
  }

  /** Prints aligned columns under headings in capitals. */
  public void table(List<String> headings, List<List<String>> rows) {
    var widths = headings.stream().mapToInt(String::length).toArray();
    for (var row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    line(headings, widths);
    rows.forEach(row -> line(row, widths));
  }

  private void line(List<String> cells, int[] widths) {
    var line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      line.append(("%-" + (widths[i] + 2) + "s").formatted(cells.get(i)));
    }
    out().println(line.toString().stripTrailing());
  }

  /** The result's stream; an operation that shows its progress is over. */
  public PrintWriter out() {
    idle(spec.commandLine());
    return spec.commandLine().getOut();
  }

  public PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /** The result's stream for the output of a program of the user's, which a terminal obeys. */
  public PrintWriter rawOut() {
    return out() instanceof TerminalWriter terminal ? terminal.raw() : out();
  }

  /** The stream of messages for the output of a program of the user's, which a terminal obeys. */
  public PrintWriter rawErr() {
    idle(spec.commandLine());
    return err() instanceof TerminalWriter terminal ? terminal.raw() : err();
  }

  private static void idle(CommandLine commandLine) {
    if (commandLine.getErr() instanceof TerminalWriter terminal) terminal.idle();
  }
}
