///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Wait until Machines have reached a state.
//SOURCES ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Many.java
//SOURCES ../../lib/fly/cli/Options.java

import fly.Machines;
import fly.cli.Cli;
import fly.cli.Many;
import fly.cli.Options;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-wait-machine",
    header = "fly-wait-machine --state stopped --timeout 5m",
    description = "Wait until Machines have reached a state.",
    footer = {
      "%nFly.io holds one request for 60 s at most; this asks again until the time is over.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations"
    })
class WaitMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.Ids machines;

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description = "One of ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  Machines.State state = Machines.State.started;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "The longest wait, such as 90s or 1h (default: 10m).")
  Duration timeout = Duration.ofMinutes(10);

  public static void main(String... args) {
    Cli.main(new WaitMachine(), args);
  }

  @Override
  public void run() {
    machines.each(
        cli,
        app.name(),
        "Waiting for state " + state + " of",
        machine ->
            new Machines(machine.fly(), machine.story())
                .waitFor(app.name(), machine.id(), state, timeout));
  }
}
