///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Start Machines that are stopped or suspended.
//SOURCES ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Many.java
//SOURCES ../../lib/fly/cli/Options.java

import fly.Machines;
import fly.cli.Cli;
import fly.cli.Many;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-start-machine",
    header = "fly-start-machine --state suspended",
    description = "Start Machines that are stopped or suspended.",
    footer = {
      "%nSeveral Machines are started at once, and each answer is a line of JSON; a selection is"
          + " read first,",
      "also with -n.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations"
    })
class StartMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.InState machines;

  public static void main(String... args) {
    Cli.main(new StartMachine(), args);
  }

  @Override
  public void run() {
    // A Machine that is still being created, replaced or stopped refuses: Machines asks again.
    machines.each(
        cli,
        app.name(),
        "Starting",
        machine -> new Machines(machine.fly(), machine.story()).start(app.name(), machine.id()));

    machines.next(cli, "started");
  }
}
