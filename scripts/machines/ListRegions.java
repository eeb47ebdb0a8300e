///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the regions of Fly.io.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-regions",
    header = "fly-list-regions",
    description = "List the regions of Fly.io.",
    footer = "%nWith -q: codes only, one per line; for --region, and the variable REGION.")
class ListRegions implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListRegions(), args);
  }

  @Override
  public void run() {
    cli.announce("Asking for the regions ...");
    var answer = cli.fly().get("/v1/platform/regions");

    var columns =
        Columns.of("REGION", "/code")
            .and("PLACE", "/name")
            .and("GATEWAY", "/gateway_available")
            .and("PAID PLAN", "/requires_paid_plan");
    cli.list(answer.path("regions"), columns, "");
    if (!cli.dryRun) cli.say("The nearest is %s.", answer.path("nearest").asText());
  }
}
