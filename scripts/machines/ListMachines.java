///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the Machines of an app.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Options;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-machines",
    header = "fly-list-machines --app mcp-demo-3f9c51e0a7b2",
    description = "List the Machines of an app.",
    footer = "%nWith -q: ids only, one per line: ... -q | fly-stop-machine -")
class ListMachines implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListMachines(), args);
  }

  @Override
  public void run() {
    cli.say("Asking for the Machines of %s ...", app.name());
    var machines = cli.fly().get("/v1/apps/{app}/machines", app.name());
    if (cli.dryRun) return;

    if (cli.quiet) {
      machines.forEach(machine -> cli.out().println(machine.path("id").asText()));
    } else if (json.wanted) {
      cli.print(machines);
    } else {
      var rows = new ArrayList<List<String>>();
      for (var machine : machines) {
        rows.add(
            List.of(
                machine.path("id").asText(),
                machine.path("name").asText(),
                machine.path("state").asText(),
                machine.path("region").asText(),
                machine.at("/config/image").asText()));
      }
      cli.table(
          List.of("MACHINE", "NAME", "STATE", "REGION", "IMAGE"),
          rows,
          "No Machine yet: fly-create-machine");
    }
  }
}
