///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create many Machines with deterministic names; run again, it completes what is missing.
//SOURCES ../../lib/fly/Count.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java ../../lib/fly/fleet/Csv.java
//SOURCES ../../lib/fly/fleet/Fleet.java ../../lib/fly/fleet/FleetApp.java ../../lib/fly/fleet/Rest.java
//FILES fleet.json

import fly.Count;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.fleet.Csv;
import fly.fleet.Fleet;
import fly.fleet.FleetApp;
import fly.fleet.Rest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-create-fleet",
    header = "fly-create-fleet --count 60 --regions iad,fra --state suspended",
    description =
        "Create many Machines with deterministic names; run again, it completes what is missing.",
    footer = {
      "%nMachines are named NAME-0001, NAME-0002 ... Fly.io keeps a name unique in its app: after"
          + " an end by",
      "any cause, the same command creates those that are missing, and none twice. Fly.io creates",
      "one Machine a second in an app. The request body may hold $${INDEX}, $${NAME} and the",
      "columns of --each. -n reads nothing: it prints the requests for a fleet that has no Machine"
          + " yet.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations"
    })
class CreateFleet implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Fleet fleet;
  @Mixin Options.Json json;
  @Mixin Options.Org org;
  @Mixin Options.Body body;

  @Option(names = "--count", paramLabel = "N", description = "The number of Machines.")
  Integer count;

  @Option(
      names = "--each",
      paramLabel = "FILE",
      description = "A CSV file: a Machine for each row, its columns as variables of the body.")
  String each;

  @Option(
      names = "--regions",
      split = ",",
      paramLabel = "CODE",
      description = "Spread over these; the next one if there is no room.")
  List<String> regions = List.of();

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description = "Leave them ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  Rest.State state = Rest.State.created;

  @Option(names = "--app-per-machine", description = "An app for each, with addresses: APP-0001.")
  boolean appPerMachine;

  public static void main(String... args) {
    Cli.main(new CreateFleet(), args);
  }

  @Override
  public void run() {
    if (body.printed("fleet.json", cli)) return;

    // 1. Build a request for each Machine: the template, filled with its row.
    var members = members();
    var whole = new Fleet(cli.fly(), cli, regions, state);
    if (cli.dryRun) {
      if (appPerMachine) FleetApp.ensureAll(cli.fly(), cli, members, org.slug());
      whole.print(members);
      return;
    }

    // 2. Create what is missing, at the pace that Fly.io allows.
    cli.sayTarget(null);
    cli.say("Each is left %s; they cost money until they are destroyed.", state);
    var progress = cli.progress("Creating " + Count.of(members.size(), "Machine"), members.size());
    if (appPerMachine) FleetApp.ensureAll(cli.fly(), cli, members, org.slug());
    var fresh = new AtomicInteger();
    var failures =
        whole.create(
            members,
            50,
            machine -> {
              if (machine.path("created").asBoolean()) fresh.incrementAndGet();
              if (cli.quiet) cli.out().println(machine.path("id").asText());
              else cli.printLine(machine);
              progress.step();
            });
    progress.close();

    // 3. Sum up: what is there, and what is missing.
    cli.say(
        "%d of %d there, %d of them new.",
        members.size() - failures.size(), members.size(), fresh.get());
    if (failures.isEmpty()) {
      cli.say("Next: " + Hint.of("fly-claim-machine") + ", or " + Hint.of("fly-fleet-status"));
      return;
    }
    var first = failures.values().iterator().next();
    var wrong = first.status >= 400 && first.status < 408; // the same again would be refused again
    throw new FlyException(
        "missing: %d of %s".formatted(failures.size(), Count.of(members.size(), "Machine")),
        "%s (%s)".formatted(first.what, first.why),
        (wrong ? first.tryNext.replace("--region ", "--regions ") + "; then " : "")
            + "the same command again: it creates only those");
  }

  private List<Fleet.Member> members() {
    var rows = each == null ? List.<Map<String, String>>of() : Csv.read(each);
    if (count == null && each == null) {
      throw FlyException.usage("the fleet has no size", "no --count and no --each", "--count 60");
    }
    var size = count == null ? rows.size() : count;
    if (size < 1)
      throw FlyException.usage("the fleet has no Machine", "its size is " + size, "--count 60");
    var members = new ArrayList<Fleet.Member>();
    for (int i = 1; i <= size; i++) {
      var values = new LinkedHashMap<String, String>();
      if (i <= rows.size()) values.putAll(rows.get(i - 1));
      values.put("INDEX", String.valueOf(i));
      values.put("NAME", Fleet.name(fleet.name(), i));
      var request = body.changed(body.load("fleet.json", values), cli);
      var owner = appPerMachine ? Fleet.name(app.name(), i) : app.name();
      members.add(Fleet.member(fleet.name(), owner, appPerMachine, i, request));
    }
    return members;
  }
}
