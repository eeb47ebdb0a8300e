///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the apps of an organization.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-apps",
    header = "fly-list-apps --org personal",
    description = "List the apps of an organization.",
    footer = "%nWith -q: names only, one per line.")
class ListApps implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.Org org;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListApps(), args);
  }

  @Override
  public void run() {
    cli.announce("Asking for the apps of %s ...", org.slug());
    var apps = cli.fly().get("/v1/apps?org_slug={org}", org.slug()).path("apps");

    var columns =
        Columns.of("APP", "/name")
            .and("MACHINES", "/machine_count")
            .and("VOLUMES", "/volume_count")
            .and("STATUS", "/status");
    cli.list(apps, columns, "No app yet: fly-create-app");
  }
}
