///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Run a command in a Machine, and pass on what it says and its exit code.
//SOURCES ../../lib/fly/Durations.java ../../lib/fly/Fly.java ../../lib/fly/FlyException.java
//SOURCES ../../lib/fly/Settings.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Durations;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Options;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-exec",
    header = "fly-exec -- ls -l /data",
    description = "Run a command in a Machine, and pass on what it says and its exit code.",
    footer = {
      "%nThere is no shell in between: for pipes and variables, fly-exec -- sh -c '...'. Fly.io"
          + " ends",
      "a command after 60 s, and what it says comes all at once, at its end.",
      "%nExit codes: those of the command; 1, 2 and 4 may also be of fly-exec itself, which then"
          + " says",
      "'error:' on stderr.",
      "%nFly.io: https://fly.io/docs/machines/api/machines-resource/"
    })
class Exec implements Callable<Integer> {
  private static final int KILLED = 128;

  @Mixin Cli.Api cli;
  @Mixin Options.App app;

  @Option(
      names = "--machine",
      paramLabel = "MACHINE_ID",
      description = "The Machine ($$MACHINE_ID).")
  String machine;

  @Option(names = "--stdin", description = "Hand our own stdin to the command.")
  boolean stdin;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "When to end it, 60s at most (default: Fly.io's own).")
  Duration timeout;

  @Option(names = "--json", description = "Print Fly.io's answer instead.")
  boolean json;

  @Parameters(arity = "1..*", paramLabel = "COMMAND", description = "The command, after --.")
  List<String> command;

  public static void main(String... args) {
    Cli.main(new Exec(), args);
  }

  @Override
  public Integer call() {
    var id = machine == null ? Settings.MACHINE_ID.require() : machine;
    var request = request();

    cli.say("Running %s in the Machine %s ...", command.get(0), id);
    var answer = cli.fly().post("/v1/apps/{app}/machines/{machine}/exec", request, app.name(), id);

    if (answer.isMissingNode()) return 0; // a dry run
    if (json) {
      cli.print(answer);
    } else {
      cli.out().print(answer.path("stdout").asText(""));
      cli.err().print(answer.path("stderr").asText(""));
    }
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
      return new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new FlyException("stdin could not be read", e.toString(), "without --stdin");
    }
  }
}
