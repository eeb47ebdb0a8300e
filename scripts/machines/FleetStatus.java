///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Show the Machines of a fleet: state, owner, and since when.
//SOURCES ../../lib/fly/Count.java ../../lib/fly/Durations.java ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java ../../lib/fly/fleet/Marks.java
//SOURCES ../../lib/fly/fleet/Pool.java

import fly.Count;
import fly.Durations;
import fly.Fly;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.fleet.Marks;
import fly.fleet.Pool;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-fleet-status",
    header = "fly-fleet-status --name fleet",
    description = "Show the Machines of a fleet: state, owner, and since when.",
    footer = "%nIDLE is the time since the last change of the Machine. With -q: ids only.")
class FleetStatus implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Fleet fleet;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new FleetStatus(), args);
  }

  @Override
  public void run() {
    cli.announce("Asking for the fleet %s of %s ...", fleet.name(), app.name());
    var machines = new ArrayList<>(new Pool(cli.fly(), cli, app.name(), fleet.name()).members());
    if (cli.dryRun) return;
    machines.sort(Comparator.comparing(machine -> machine.path("name").asText()));

    var rows = new ArrayList<List<String>>();
    var states = new TreeMap<String, Integer>();
    var owned = 0;
    for (var machine : machines) {
      var id = machine.path("id").asText();
      var state = machine.path("state").asText();
      var idle = idle(machine.path("updated_at").asText());
      states.merge(state, 1, Integer::sum);
      if (!Pool.owner(machine).isEmpty()) owned++;
      if (cli.quiet) {
        cli.out().println(id);
      } else if (!cli.viewed()) {
        var line = Fly.JSON.createObjectNode().put("id", id);
        line.put("name", machine.path("name").asText()).put("state", state);
        line.put("region", machine.path("region").asText()).put("owner", Pool.owner(machine));
        line.put(
            "claimed_at",
            machine.path("config").path("metadata").path(Marks.CLAIMED_AT).asText(""));
        cli.jsonLine(line.put("idle", idle));
      } else {
        var region = machine.path("region").asText();
        rows.add(
            List.of(machine.path("name").asText(), id, state, region, Pool.owner(machine), idle));
      }
    }
    if (!rows.isEmpty()) {
      cli.table(List.of("NAME", "MACHINE", "STATE", "REGION", "OWNER", "IDLE"), rows);
    }
    if (machines.isEmpty()) {
      var create = Hint.of("fly-create-fleet") + " --count 3 --name " + fleet.name();
      cli.say("The fleet %s has no Machine yet: %s", fleet.name(), create);
      return;
    }
    cli.say("%s, %d with an owner: %s", Count.of(machines.size(), "Machine"), owned, states);
  }

  private static String idle(String since) {
    try {
      var time = Duration.between(Instant.parse(since), Instant.now());
      return Durations.text(Duration.ofSeconds(Math.max(0, time.toSeconds())));
    } catch (DateTimeParseException e) {
      return "";
    }
  }
}
