///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Restart Machines that run.
//SOURCES ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import fly.Machines;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Many;
import fly.cli.Options;
import java.time.Duration;
import java.util.ArrayList;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-restart-machine",
    header = "fly-restart-machine 148ed127f22387 --timeout 10s",
    description = "Restart Machines that run.",
    footer = "%nFly.io: https://fly.io/docs/machines/api/machines-resource/#restart-a-machine")
class RestartMachine implements Runnable {
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
    Cli.main(new RestartMachine(), args);
  }

  @Override
  public void run() {
    // 1. Build the request, which has no body: its options are in the query.
    var query = new ArrayList<String>();
    if (signal != null) query.add("signal=" + Machines.signal(signal));
    if (timeout != null) query.add("timeout=" + timeout.toSeconds() + "s");
    var options = query.isEmpty() ? "" : "?" + String.join("&", query);

    // 2. Send it to each Machine.
    machines.each(
        cli,
        app.name(),
        "Restarting",
        machine ->
            new Machines(machine.fly(), machine.story())
                .restart(app.name(), machine.id(), options));

    cli.say("Next: " + Hint.of("fly-wait-machine") + " --state started");
  }
}
