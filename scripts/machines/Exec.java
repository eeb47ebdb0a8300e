///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Run a command in Machines, and pass on its output and its exit code.
//SOURCES ../../lib/fly/Durations.java ../../lib/fly/Fly.java ../../lib/fly/FlyException.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Durations;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Many;
import fly.cli.Options;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-exec",
    header = "fly-exec -- ls -l /data",
    description = "Run a command in Machines, and pass on its output and its exit code.",
    footer = {
      "%nThere is no shell in between: for pipes and variables, fly-exec -- sh -c '...'. Fly.io"
          + " ends",
      "a command after 60 s, and its output comes all at once, at its end. On several Machines"
          + " each",
      "answer is a line of JSON, and the exit code is 1 if any of theirs is not 0.",
      "%nExit codes: those of the command; 1, 2 and 4 may also be of fly-exec itself, which then"
          + " writes",
      "'error:' to stderr.",
      "%nFly.io: https://fly.io/docs/machines/api/machines-resource/"
    })
class Exec implements Callable<Integer> {
  private static final String EXEC = "/v1/apps/{app}/machines/{machine}/exec";
  private static final int KILLED = 128;

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.ByOption machines;

  @Option(names = "--stdin", description = "Pass our own stdin to the command.")
  boolean stdin;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "When to end it, 60s at most (default: Fly.io's own).")
  Duration timeout;

  @Parameters(arity = "1..*", paramLabel = "COMMAND", description = "The command, after --.")
  List<String> command;

  public static void main(String... args) {
    Cli.main(new Exec(), args);
  }

  @Override
  public Integer call() {
    var request = request();
    if (machines.one()) return one(request);

    // On several Machines each answer is a line of JSON, and any other exit code than 0 is a 1.
    var bad = new AtomicInteger();
    machines.each(
        cli,
        app.name(),
        "Running %s in".formatted(command.get(0)),
        machine -> {
          var answer = machine.fly().post(EXEC, request, app.name(), machine.id());
          if (code(answer) != 0) bad.incrementAndGet();
          return answer;
        });
    if (bad.get() > 0) cli.say("Exit codes other than 0: %d", bad.get());
    return bad.get() == 0 ? 0 : 1;
  }

  private int one(JsonNode request) {
    var id = machines.ids(cli, app.name()).get(0);
    cli.announce("Running %s in the Machine %s ...", command.get(0), id);
    var answer = cli.fly().post(EXEC, request, app.name(), id);

    if (answer.isMissingNode()) return 0; // a dry run
    if (machines.json.wanted()) {
      cli.print(answer);
    } else {
      cli.rawOut().print(answer.path("stdout").asText(""));
      cli.rawErr().print(answer.path("stderr").asText(""));
    }
    return code(answer);
  }

  private static int code(JsonNode answer) {
    var signal = answer.path("exit_signal").asInt();
    return signal > 0 ? KILLED + signal : answer.path("exit_code").asInt();
  }

  private JsonNode request() {
    var request = Fly.JSON.createObjectNode();
    command.forEach(request.putArray("command")::add);
    if (stdin) request.put("stdin", input());
    if (timeout == null) return request;
    if (timeout.isZero() || timeout.toSeconds() > 60) {
      throw FlyException.usage(
          "a command cannot run for " + Durations.text(timeout),
          "Fly.io ends it after 60s at the latest",
          "start it in the background: -- sh -c 'COMMAND >/tmp/out 2>&1 &'");
    }
    return request.put("timeout", timeout.toSeconds());
  }

  private static String input() {
    try {
      var bytes = ByteBuffer.wrap(System.in.readAllBytes());
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw FlyException.usage(
          "stdin is not UTF-8 text",
          "Fly.io takes a text, so the command would get other bytes",
          "base64 FILE | fly-exec --stdin -- sh -c 'base64 -d | COMMAND'");
    } catch (IOException e) {
      throw new FlyException("stdin could not be read", e.toString(), "without --stdin");
    }
  }
}
