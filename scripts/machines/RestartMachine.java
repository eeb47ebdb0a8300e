///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Restart Machines that run.
//SOURCES ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Ending.java
//SOURCES ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import fly.Machines;
import fly.cli.Cli;
import fly.cli.Ending;
import fly.cli.Many;
import fly.cli.Options;
import java.util.StringJoiner;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-restart-machine",
    header = "fly-restart-machine 148ed127f22387 --timeout 10s",
    description = "Restart Machines that run.",
    footer = "%nFly.io: https://fly.io/docs/machines/api/machines-resource/#restart-a-machine")
class RestartMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.InState machines;
  @Mixin Ending ending;

  public static void main(String... args) {
    Cli.main(new RestartMachine(), args);
  }

  @Override
  public void run() {
    // 1. Build the request, which has no body: its options are in the query.
    var query = new StringJoiner("&", "?", "").setEmptyValue("");
    ending.parameters().forEach((name, value) -> query.add(name + "=" + value));

    // 2. Send it to each Machine.
    machines.each(
        cli,
        app.name(),
        "Restarting",
        machine ->
            new Machines(machine.fly(), machine.story())
                .restart(app.name(), machine.id(), query.toString()));

    machines.next(cli, "started");
  }
}
