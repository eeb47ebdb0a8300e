//SOURCES ../Durations.java ../Fly.java ../FlyException.java ../Story.java Hint.java
//DEPS info.picocli:picocli:4.7.7
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8
//COMPILE_OPTIONS -XDstringConcat=inline
package fly.cli;

import static picocli.CommandLine.Spec.Target.MIXEE;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Durations;
import fly.Fly;
import fly.FlyException;
import fly.Story;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * What every script shares: its common flags, its streams (the result to stdout, the story to
 * stderr), its errors and its exit codes.
 */
public class Cli {
  @Spec(MIXEE)
  private CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  @Option(
      names = {"-q", "--quiet"},
      description = "Print ids only, and tell no story.")
  public boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      description = "Show each request and its answer's status.")
  public boolean verbose;

  /** For scripts that call the API. */
  public static final class Api extends Cli {
    @Option(
        names = {"-n", "--dry-run"},
        description = "Send nothing: print the curl command instead.")
    public boolean dryRun;

    @Option(
        names = "--deadline",
        paramLabel = "TIME",
        description =
            "When to give up: all requests, repetitions and waiting together (default: 3m).")
    public Duration deadline = Fly.USUAL;

    private Fly fly;
    private Fly reading;

    /** In a dry run nothing goes on that could be told. */
    @Override
    public void say(String format, Object... args) {
      if (!dryRun) super.say(format, args);
    }

    public Fly fly() {
      if (fly == null) {
        fly =
            Fly.connect(dryRun ? out()::println : null, verbose ? err()::println : null, story())
                .eachWithin(deadline);
      }
      return fly;
    }

    private Story story() {
      return new Story() {
        @Override
        public void say(String format, Object... args) {
          Api.this.say(format, args);
        }

        @Override
        public void insist(String format, Object... args) {
          if (!dryRun) err().println(format.formatted(args));
        }
      };
    }

    /** Sends even in a dry run: for reads without which there is no request to show. */
    public Fly reading() {
      if (!dryRun) return fly();
      if (reading == null) {
        reading = Fly.connect(null, verbose ? err()::println : null, story()).eachWithin(deadline);
      }
      return reading;
    }
  }

  public static void main(Object script, String... args) {
    var commandLine = commandLine(script);
    var exitCode = commandLine.execute(args);
    commandLine.getOut().flush();
    commandLine.getErr().flush();
    System.exit(exitCode);
  }

  /**
   * The script's command; its header is an example, shown first and as the reader would type it.
   */
  public static CommandLine commandLine(Object script) {
    var commandLine = new CommandLine(script);
    var usage = commandLine.getCommandSpec().usageMessage();
    var example = String.join("", usage.header());
    if (!example.isEmpty()) {
      var words = example.split(" ", 2);
      usage.header(
          "Example:", "  " + Hint.of(words[0]) + (words.length == 1 ? "" : " " + words[1]), "");
    }
    return commandLine
        .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
        .setUsageHelpAutoWidth(false)
        .setUsageHelpWidth(100)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .registerConverter(Duration.class, Cli::duration)
        .setParameterExceptionHandler((e, args) -> misuse(e))
        .setExecutionExceptionHandler(
            (e, failed, parsed) -> {
              if (!(e instanceof FlyException failure)) throw e;
              return report(failed, failure);
            });
  }

  /** Tells the reader what is going on. Without arguments the text is taken as it is. */
  public void say(String format, Object... args) {
    if (!quiet) err().println(args.length == 0 ? format : format.formatted(args));
  }

  public void warn(String text) {
    err().println("warning: " + text);
  }

  /** Hands the result to whoever comes next in the pipe: the JSON, or with -q its id. */
  public void print(JsonNode result) {
    if (result.isMissingNode()) return; // a dry run: the curl command was the result
    if (quiet) {
      var id = result.path("id");
      out().println((id.isMissingNode() ? result.path("name") : id).asText());
    } else {
      out().println(Fly.pretty(result));
    }
  }

  /** As {@link #print(JsonNode)}, for an answer that does not say what it is about. */
  public void print(JsonNode result, String id) {
    if (quiet && !result.isMissingNode()) out().println(id);
    else print(result);
  }

  /** Hands on a view for people: aligned columns, the headings in capitals above them. */
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

  public PrintWriter out() {
    return spec.commandLine().getOut();
  }

  public PrintWriter err() {
    return spec.commandLine().getErr();
  }

  private static Duration duration(String text) {
    return Durations.parse(text)
        .orElseThrow(
            () -> new TypeConversionException("'" + text + "' is not like 90s, 10m or 1h30m"));
  }

  private static int misuse(ParameterException e) {
    var commandLine = e.getCommandLine();
    var err = commandLine.getErr();
    var what = e.getMessage().replaceFirst("^Error: ", ""); // as picocli begins a few
    err.println(commandLine.getColorScheme().errorText("error: " + what));
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println("  try: " + Hint.of(commandLine.getCommandName()) + " --help");
    return FlyException.USAGE;
  }

  private static int report(CommandLine commandLine, FlyException e) {
    var err = commandLine.getErr();
    err.println(commandLine.getColorScheme().errorText("error: " + e.getMessage()));
    if (!e.why.isEmpty()) err.println("  why: " + e.why);
    if (!e.tryNext.isEmpty()) err.println("  try: " + Hint.render(e.tryNext));
    return e.exitCode;
  }
}
