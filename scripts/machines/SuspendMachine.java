///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Suspend Machines: they keep their memory, and start faster than stopped ones.
//SOURCES ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Many.java
//SOURCES ../../lib/fly/cli/Options.java

import fly.Machines;
import fly.cli.Cli;
import fly.cli.Many;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-suspend-machine",
    header = "fly-suspend-machine 148ed127f22387",
    description = "Suspend Machines: they keep their memory, and start faster than stopped ones.",
    footer = {
      "%nFly.io suspends Machines of 2 GB of memory at most, without swap and without a schedule.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations"
    })
class SuspendMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.InState machines;

  public static void main(String... args) {
    Cli.main(new SuspendMachine(), args);
  }

  @Override
  public void run() {
    machines.each(
        cli,
        app.name(),
        "Suspending",
        machine -> new Machines(machine.fly(), machine.story()).suspend(app.name(), machine.id()));

    machines.next(cli, "suspended");
  }
}
