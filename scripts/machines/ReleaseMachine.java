///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Give a claimed Machine back to its fleet.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java
//SOURCES ../../lib/fly/fleet/Pool.java ../../lib/fly/fleet/Rest.java

import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Options;
import fly.fleet.Pool;
import fly.fleet.Rest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-release-machine",
    header = "fly-release-machine --owner ann",
    description = "Give a claimed Machine back to its fleet.",
    footer = {
      "%nIts memory and its files stay, and the next owner finds them: --fresh destroys it with"
          + " its",
      "volume, and creates another of the same name and configuration."
    })
class ReleaseMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Fleet fleet;
  @Mixin Options.Json json;

  @Parameters(arity = "0..1", paramLabel = "MACHINE_ID", description = "The Machine.")
  String id;

  @Option(names = "--owner", paramLabel = "NAME", description = "The Machine of this owner.")
  String owner;

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description = "Leave it ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  Rest.State state = Rest.State.suspended;

  @Option(names = "--fresh", description = "Destroy it and its volume, and create another.")
  boolean fresh;

  public static void main(String... args) {
    Cli.main(new ReleaseMachine(), args);
  }

  @Override
  public void run() {
    if ((id == null) == (owner == null)) {
      throw FlyException.usage("one Machine is needed", "by its id or its owner", "--owner NAME");
    }

    // 1. Find the Machine: its metadata names the owner.
    var pool = new Pool(cli.reading(), cli, app.name(), fleet.name());
    var machine = id == null ? pool.of(owner).path("id").asText() : id;
    if (cli.dryRun) {
      var path = "/v1/apps/{app}/machines/{machine}/metadata/owner";
      cli.fly().delete(path, app.name(), machine);
      return;
    }

    // 2. Bring it to rest and remove the owner, under its lease; or replace it.
    cli.announce("%s the Machine %s ...", fresh ? "Replacing" : "Releasing", machine);
    cli.print(fresh ? pool.replace(machine, state) : pool.release(machine, state));
  }
}
