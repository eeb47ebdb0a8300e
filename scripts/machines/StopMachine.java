///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Stop Machines; each keeps its place, its volume and its configuration.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.Machines;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Many;
import fly.cli.Options;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-stop-machine",
    header = "fly-stop-machine 148ed127f22387",
    description = "Stop Machines; each keeps its place, its volume and its configuration.",
    footer =
        "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations")
class StopMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.InState machines;

  @Option(
      names = "--signal",
      paramLabel = "SIGNAL",
      description = "The signal to send first, such as TERM (default: the Machine's own, INT).")
  String signal;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "When to kill what still runs, such as 30s (default: the Machine's own, 5s).")
  Duration timeout;

  public static void main(String... args) {
    Cli.main(new StopMachine(), args);
  }

  @Override
  public void run() {
    // 1. Build the request: empty, unless the Machine is to end in another way than its own.
    var request = request();

    // 2. Send it to each Machine.
    machines.each(
        cli,
        app.name(),
        "Stopping",
        machine ->
            new Machines(machine.fly(), machine.story()).stop(app.name(), machine.id(), request));

    cli.say("Next: " + Hint.of("fly-wait-machine") + " --state stopped");
  }

  private JsonNode request() {
    if (signal == null && timeout == null) return null;
    var request = Fly.JSON.createObjectNode();
    if (signal != null) request.put("signal", Machines.signal(signal));
    if (timeout != null) request.put("timeout", timeout.toSeconds() + "s");
    return request;
  }
}
