///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Destroy Machines; their volumes stay.
//SOURCES ../../lib/fly/Machines.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import fly.Machines;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Many;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-destroy-machine",
    header = "fly-destroy-machine 148ed127f22387 --force",
    description = "Destroy Machines; their volumes stay.",
    footer = "%nTo destroy the app and all that is in it: fly-cleanup.")
class DestroyMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.InState machines;

  @Option(names = "--force", description = "Even if it is running.")
  boolean force;

  public static void main(String... args) {
    Cli.main(new DestroyMachine(), args);
  }

  @Override
  public void run() {
    machines.each(
        cli,
        app.name(),
        "Destroying",
        machine ->
            new Machines(machine.fly(), machine.story()).destroy(app.name(), machine.id(), force));

    cli.say("A volume stays, and costs money: " + Hint.of("fly-status"));
  }
}
