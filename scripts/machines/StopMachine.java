///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Stop Machines; each keeps its place, its volume and its configuration.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Ending.java
//SOURCES ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import fly.Fly;
import fly.Machines;
import fly.cli.Cli;
import fly.cli.Ending;
import fly.cli.Many;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

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
  @Mixin Ending ending;

  public static void main(String... args) {
    Cli.main(new StopMachine(), args);
  }

  @Override
  public void run() {
    // 1. Build the request: empty, unless the Machine is to end in another way than its own.
    var parameters = Fly.JSON.createObjectNode();
    ending.parameters().forEach(parameters::put);
    var request = parameters.isEmpty() ? null : parameters;

    // 2. Send it to each Machine.
    machines.each(
        cli,
        app.name(),
        "Stopping",
        machine ->
            new Machines(machine.fly(), machine.story()).stop(app.name(), machine.id(), request));

    machines.next(cli, "stopped");
  }
}
