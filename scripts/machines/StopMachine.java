///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Stop a Machine; it keeps its place, its volume and its configuration.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-stop-machine",
    header = "fly-stop-machine 148ed127f22387",
    description = "Stop a Machine; it keeps its place, its volume and its configuration.",
    footer =
        "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations")
class StopMachine implements Runnable {
  private static final List<String> SIGNALS =
      List.of("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM");

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Machine machine;

  @Option(
      names = "--signal",
      paramLabel = "SIGNAL",
      description = "What to send first, such as TERM (default: the Machine's own, INT).")
  String signal;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "When to kill what is still there, such as 30s (default: its own, 5s).")
  Duration timeout;

  public static void main(String... args) {
    Cli.main(new StopMachine(), args);
  }

  @Override
  public void run() {
    var request = request();

    cli.say("Stopping the Machine %s ...", machine.id());
    cli.print(
        cli.fly()
            .action("/v1/apps/{app}/machines/{machine}/stop", request, app.name(), machine.id()),
        machine.id());

    cli.say("Next: " + Hint.of("fly-wait-machine") + " --state stopped");
  }

  private JsonNode request() {
    if (signal == null && timeout == null) return null;
    var request = Fly.JSON.createObjectNode();
    if (signal != null) request.put("signal", known(signal));
    if (timeout != null) request.put("timeout", timeout.toSeconds() + "s");
    return request;
  }

  private static String known(String signal) {
    var name = signal.toUpperCase(Locale.ROOT).replaceFirst("^(SIG)?", "SIG");
    if (SIGNALS.contains(name)) return name;
    throw FlyException.usage(
        "a Machine cannot be stopped by " + signal,
        "Fly.io takes " + String.join(", ", SIGNALS),
        "--signal TERM");
  }
}
