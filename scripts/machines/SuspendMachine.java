///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Suspend a Machine: it keeps its memory, and starts faster than a stopped one.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-suspend-machine",
    header = "fly-suspend-machine 148ed127f22387",
    description = "Suspend a Machine: it keeps its memory, and starts faster than a stopped one.",
    footer =
        "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations")
class SuspendMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Machine machine;

  public static void main(String... args) {
    Cli.main(new SuspendMachine(), args);
  }

  @Override
  public void run() {
    cli.say("Suspending the Machine %s ...", machine.id());
    cli.print(
        cli.fly()
            .action("/v1/apps/{app}/machines/{machine}/suspend", null, app.name(), machine.id()),
        machine.id());

    cli.say("Next: " + Hint.of("fly-wait-machine") + " --state suspended");
  }
}
