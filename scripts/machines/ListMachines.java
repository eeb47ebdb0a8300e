///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the Machines of an app.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Options;
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
    cli.announce("Asking for the Machines of %s ...", app.name());
    var machines = cli.fly().get("/v1/apps/{app}/machines", app.name());

    var columns =
        Columns.of("MACHINE", "/id")
            .and("NAME", "/name")
            .and("STATE", "/state")
            .and("REGION", "/region")
            .and("IMAGE", "/config/image");
    cli.list(machines, columns, "No Machine yet: fly-create-machine");
  }
}
