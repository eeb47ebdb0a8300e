//SOURCES ../FlyException.java ../TextFile.java InProcess.java Prelude.java
package fly.shell;

import fly.FlyException;
import fly.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import jdk.jshell.EvalException;
import jdk.jshell.ExpressionSnippet;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.Snippet.Status;
import jdk.jshell.Snippet.SubKind;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;

/**
 * Runs Java snippets from a text, in order, up to the first failure. JShell's own tool continues
 * after a failure and exits with 0.
 */
public final class Snippets implements AutoCloseable {
  private static final Pattern COMMAND = Pattern.compile("/(?![/*])(\\S+)[ \\t]*(.*)");
  private static final String START = "the start-up lines";

  private final InProcess control = new InProcess();
  private final Map<String, Place> places = new HashMap<>();
  private final List<Snippet> unresolved = new ArrayList<>();
  private final JShell shell;

  /** A snippet's place: its text, and where in the text it begins. */
  private record Place(String source, String text, int offset) {
    int line(int position) {
      var until = Math.max(0, Math.min(offset + position, text.length()));
      return 1 + (int) text.substring(0, until).chars().filter(c -> c == '\n').count();
    }

    String at(int line) {
      return "%s:%d: %s".formatted(source, line, text.lines().toList().get(line - 1).strip());
    }
  }

  /** The text asks to end here, as {@code /exit} does. */
  public static final class Exit extends RuntimeException {
    private static final long serialVersionUID = 1;

    public final int code;

    private Exit(int code) {
      this.code = code;
    }
  }

  public Snippets() {
    shell =
        JShell.builder()
            .executionEngine(
                new jdk.jshell.spi.ExecutionControlProvider() {
                  @Override
                  public String name() {
                    return InProcess.Provider.NAME;
                  }

                  @Override
                  public jdk.jshell.spi.ExecutionControl generate(
                      jdk.jshell.spi.ExecutionEnv env, Map<String, String> parameters) {
                    return control;
                  }
                },
                Map.of())
            .build();
    run(START, Prelude.imports());
  }

  /**
   * Runs a text to its end.
   *
   * @param source the name of the text in errors: a file, or an option
   * @return the value of its last snippet, if that is an expression; else null
   * @throws FlyException at the first snippet that is refused or throws, with its line
   */
  public Object run(String source, String text) {
    if (text.startsWith("#!")) text = "//" + text.substring(2);
    Object value = null;
    var analysis = shell.sourceCodeAnalysis();
    for (var rest = text; !rest.isBlank(); ) {
      var blanks = rest.length() - rest.stripLeading().length();
      rest = rest.substring(blanks);
      var place = new Place(source, text, text.length() - rest.length());
      var command = COMMAND.matcher(rest);
      if (command.lookingAt()) {
        obey(command.group(1), command.group(2).strip(), place);
        rest = rest.substring(command.end());
        continue;
      }
      var next = analysis.analyzeCompletion(rest);
      var complete = next.completeness().isComplete();
      if (next.completeness() == SourceCodeAnalysis.Completeness.EMPTY) break;
      value = eval(complete ? next.source() : rest, place);
      rest = complete ? next.remaining() : "";
    }
    for (var snippet : unresolved) requireResolved(snippet);
    unresolved.clear();
    return value;
  }

  private Object eval(String code, Place place) {
    Object value = null;
    for (var event : shell.eval(code)) {
      if (event.causeSnippet() != null) continue; // another snippet, updated by this one
      var snippet = event.snippet();
      places.put(snippet.id(), place);
      if (event.status() == Status.REJECTED) throw rejected(snippet, place);
      if (event.exception() != null) throw thrown(event, place);
      if (event.status() != Status.VALID) unresolved.add(snippet);
      value = isExpression(snippet) ? control.value() : null;
    }
    return value;
  }

  private static boolean isExpression(Snippet snippet) {
    return snippet instanceof ExpressionSnippet
        || snippet.subKind() == SubKind.TEMP_VAR_EXPRESSION_SUBKIND;
  }

  private FlyException rejected(Snippet snippet, Place place) {
    var diagnostic =
        shell.diagnostics(snippet).filter(jdk.jshell.Diag::isError).findFirst().orElseThrow();
    return new FlyException(
        diagnostic.getMessage(Locale.ROOT).replaceAll("\\s*\\R\\s*", ", "),
        place.at(place.line((int) diagnostic.getPosition())),
        "fly-shell -e 'help()' lists what is imported");
  }

  private void requireResolved(Snippet snippet) {
    var status = shell.status(snippet);
    if (status != Status.RECOVERABLE_DEFINED && status != Status.RECOVERABLE_NOT_DEFINED) return;
    var place = places.get(snippet.id());
    throw new FlyException(
        "nothing declares " + String.join(", ", missing(snippet)),
        place.at(place.line(0)),
        "declare it, or look for a slip of the pen");
  }

  private List<String> missing(Snippet snippet) {
    return snippet instanceof jdk.jshell.DeclarationSnippet declared
        ? shell.unresolvedDependencies(declared).toList()
        : List.of(snippet.source());
  }

  private FlyException thrown(SnippetEvent event, Place place) {
    if (!(event.exception() instanceof EvalException e) || control.thrown() == null) {
      return new FlyException(
          String.valueOf(event.exception().getMessage()), place.at(place.line(0)), "");
    }
    var cause = control.thrown();
    var where = List.of(e.getStackTrace()).stream().flatMap(this::line).findFirst();
    var at = where.orElseGet(() -> place.at(place.line(0)));
    var failure =
        cause instanceof FlyException known
            ? new FlyException(known.what, known.why + "; " + at, known.tryNext, known.exitCode)
            : new FlyException(cause.toString(), at, "-v shows the stack trace");
    failure.initCause(cause);
    return failure;
  }

  /** The line of a text that a frame is about; frames of the library have none. */
  private java.util.stream.Stream<String> line(StackTraceElement frame) {
    var file = String.valueOf(frame.getFileName());
    var place = file.startsWith("#") ? places.get(file.substring(1)) : null;
    if (place == null || frame.getLineNumber() < 1) return java.util.stream.Stream.empty();
    return java.util.stream.Stream.of(place.at(place.line(0) + frame.getLineNumber() - 1));
  }

  /** JShell's own commands; a text has use for two of them. */
  private void obey(String command, String argument, Place place) {
    if (command.equals("exit")) {
      var code = argument.isEmpty() ? 0 : eval(argument, place);
      throw new Exit(code instanceof Integer number ? number : 0);
    } else if (command.equals("open")) {
      runFile(argument);
    } else {
      throw FlyException.usage(
          "the command /" + command + " works at the prompt only",
          place.at(place.line(0)),
          "in a file, Java and the commands /exit and /open");
    }
  }

  /** Runs a file; see {@link #run}. */
  public Object runFile(String file) {
    return run(file, TextFile.read(Path.of(file)));
  }

  @Override
  public void close() {
    shell.close();
  }
}
