//SOURCES ../Durations.java ../FlyException.java Hint.java Jq.java Surroundings.java Terminal.java TerminalWriter.java
package fly.cli;

import fly.Durations;
import fly.FlyException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Runs a parsed command line, and reports a failure by what, why and try. It is one class of the
 * class file: a lambda for each handler would be one of the JVM's, made at each start.
 */
final class Handlers
    implements CommandLine.ITypeConverter<Duration>,
        CommandLine.IExecutionStrategy,
        CommandLine.IParameterExceptionHandler,
        CommandLine.IExecutionExceptionHandler {
  private static final Set<String> MAY_BE_BLANK = Set.of("ARG", "--eval", "--prefix");

  @Override
  public Duration convert(String text) {
    return Durations.parse(text)
        .orElseThrow(
            () -> new TypeConversionException("'" + text + "' is not like 90s, 10m or 1h30m"));
  }

  @Override
  public int execute(ParseResult parsed) {
    String jq = parsed.matchedOptionValue("--jq", null);
    if (parsed.hasMatchedOption("--quiet") && (jq != null || parsed.hasMatchedOption("--json"))) {
      throw new ParameterException(
          parsed.commandSpec().commandLine(),
          "--quiet and --%s exclude each other: ids only, or JSON"
              .formatted(jq == null ? "json" : "jq"));
    }
    for (var option : parsed.matchedOptions()) {
      if (!(option.getValue() instanceof Map<?, ?> pairs)) {
        if (option.arity().min() > 0) refuseIfBlank(option, option.longestName(), parsed);
      } else if (pairs.containsKey("")) {
        throw new ParameterException(
            parsed.commandSpec().commandLine(),
            "Value for option '%s' (%s) has no name before the ="
                .formatted(option.longestName(), option.paramLabel()));
      }
    }
    for (var argument : parsed.matchedPositionals()) {
      refuseIfBlank(argument, argument.paramLabel(), parsed);
    }
    if (jq != null) refuseIfWrong(jq, parsed.commandSpec().commandLine());
    return new CommandLine.RunLast().execute(parsed);
  }

  /**
   * Refuses a blank value, which is mostly a variable that is not set: an id of nothing would be a
   * Machine that is gone. Words of a program after its first one, code and text may be blank.
   */
  private static void refuseIfBlank(ArgSpec argument, String name, ParseResult parsed) {
    var blank = false;
    var values = argument.stringValues();
    for (int i = 0; i < values.size(); i++) {
      if (i > 0 && argument.paramLabel().equals("COMMAND")) break;
      var split = argument.splitRegex(); // empty for an option that takes one value
      for (var value :
          split.isEmpty() ? new String[] {values.get(i)} : values.get(i).split(split, -1)) {
        blank |= value.isBlank();
      }
    }
    if (!blank || MAY_BE_BLANK.contains(name)) return;
    var refusal =
        FlyException.usage(
            name + " is empty",
            "a value of it is blank, as that of a variable that is not set",
            argument.required() ? "give it a value" : "give it a value, or leave it out");
    throw new CommandLine.ExecutionException(
        parsed.commandSpec().commandLine(), refusal.what, refusal);
  }

  /** Refuses a wrong expression before anything is sent. */
  private static void refuseIfWrong(String jq, CommandLine commandLine) {
    try {
      new Jq(jq);
    } catch (FlyException e) {
      throw new CommandLine.ExecutionException(commandLine, e.what, e);
    }
  }

  @Override
  public int handleParseException(ParameterException e, String[] args) {
    var commandLine = e.getCommandLine();
    var err = commandLine.getErr();
    // Picocli begins some messages with a word of its own, and repeats one.
    var what = e.getMessage().replaceFirst("^Error: ", "").replace("option option", "option");
    err.println(colours(err).errorText("error: " + once(what)));
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println(
        "  try: " + Hint.of(commandLine.getCommandName()) + " " + instead(e, List.of(args)));
    return FlyException.USAGE;
  }

  /** The values of an enum as they are typed; picocli lists some twice, and some in capitals. */
  private static String once(String what) {
    return Pattern.compile("one of \\[([\\w, -]+)\\]( \\(case-insensitive\\))?")
        .matcher(what)
        .replaceAll(
            list -> {
              var typed = list.group(1).toLowerCase(Locale.ROOT).replace('_', '-').split(", ");
              return "one of " + Stream.of(typed).distinct().collect(Collectors.joining(", "));
            });
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine failed, ParseResult parsed) {
    if (e instanceof FlyException failure) return report(failed, failure);
    if (e instanceof InvalidPathException path) {
      return report(failed, Surroundings.damaged("\"" + path.getInput() + "\""));
    }
    if (e instanceof UncheckedIOException io && io.getCause() instanceof FileSystemException file) {
      return report(failed, unusable(file));
    }
    if (parsed.hasMatchedOption("--verbose")) e.printStackTrace(failed.getErr());
    return report(failed, unexpected(e));
  }

  /** A file or folder that the reader named. */
  private static FlyException unusable(FileSystemException e) {
    var why =
        e instanceof AccessDeniedException
            ? "you have no access"
            : e instanceof NoSuchFileException
                ? "its folder is not there"
                : e instanceof FileAlreadyExistsException
                    ? "a file is in its place"
                    : String.valueOf(e.getReason());
    return new FlyException("could not use " + e.getFile(), why, "name another place");
  }

  /** An unexpected failure: an answer of another form than documented, or a bug. */
  private static FlyException unexpected(Exception e) {
    var ours = Stream.of(e.getStackTrace()).filter(at -> !at.getClassName().contains("jackson"));
    return new FlyException(
        "an unexpected " + e.getClass().getSimpleName(),
        e.getMessage() + ", at " + ours.findFirst().map(Object::toString).orElse("no place"),
        "look with fly-status; if this is a bug, report it with the output of -v");
  }

  /** The right form of {@code --json id,state}, as gh has it, or of a program; else the help. */
  private static String instead(ParameterException e, List<String> args) {
    if (isOfProgram(e, args)) return "-- COMMAND: what stands behind -- is the program's";
    var json = e.getCommandLine().getCommandSpec().findOption("--json");
    var fields =
        e instanceof UnmatchedArgumentException unmatched && json != null
            ? unmatched.getUnmatched().get(0)
            : "";
    return "".equals(json == null ? null : json.getValue()) && fields.matches("[a-z_]+(,[a-z_]+)*")
        ? "--json=" + fields
        : "--help";
  }

  /** An unknown option follows the first word of a program that should stand behind --. */
  private static boolean isOfProgram(ParameterException e, List<String> args) {
    if (!(e instanceof UnmatchedArgumentException unmatched) || args.contains("--")) return false;
    for (var words : e.getCommandLine().getCommandSpec().positionalParameters()) {
      if (!words.paramLabel().equals("COMMAND") || words.originalStringValues().isEmpty()) continue;
      var first = args.indexOf(words.originalStringValues().get(0));
      return first < args.indexOf(unmatched.getUnmatched().get(0));
    }
    return false;
  }

  static int report(CommandLine commandLine, FlyException e) {
    var err = commandLine.getErr();
    err.println(colours(err).errorText("error: " + e.what));
    if (!e.why.isEmpty()) err.println("  why: " + e.why);
    var next = e.tryNext.equals(commandLine.getCommandName()) ? instead(e) : e.tryNext;
    if (!next.isEmpty()) err.println("  try: " + Hint.render(next));
    return e.exitCode;
  }

  /** The advice of a command whose failure would be answered with the command itself. */
  private static String instead(FlyException e) {
    return e.exitCode == FlyException.TOKEN
        ? "export FLY_API_TOKEN=... with a new token: https://fly.io/dashboard, Tokens"
        : "";
  }

  private static Help.ColorScheme colours(PrintWriter err) {
    return Help.defaultColorScheme(Terminal.colour(err instanceof TerminalWriter));
  }
}
