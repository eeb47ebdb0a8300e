///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Destroy a Machine; its volume stays.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-destroy-machine",
    header = "fly-destroy-machine 148ed127f22387 --force",
    description = "Destroy a Machine; its volume stays.",
    footer = "%nTo destroy the app and all that is in it: fly-cleanup.")
class DestroyMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Machine machine;

  @Option(names = "--force", description = "Even if it is running.")
  boolean force;

  public static void main(String... args) {
    Cli.main(new DestroyMachine(), args);
  }

  @Override
  public void run() {
    cli.say("Destroying the Machine %s ...", machine.id());
    cli.print(destroy(), machine.id());

    cli.say("Its volume stays, and costs money: " + Hint.of("fly-status"));
  }

  private JsonNode destroy() {
    var path = "/v1/apps/{app}/machines/{machine}" + (force ? "?force=true" : "");
    try {
      return cli.fly().delete(path, app.name(), machine.id());
    } catch (FlyException e) {
      if (e.status != 404 || cli.fly().find("/v1/apps/{app}", app.name()).isEmpty()) throw e;
      cli.say("There is no such Machine (any more).");
      return Fly.JSON.createObjectNode().put("ok", true);
    }
  }
}
