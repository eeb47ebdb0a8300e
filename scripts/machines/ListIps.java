///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the IP addresses of an app.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-ips",
    header = "fly-list-ips --app mcp-demo-3f9c51e0a7b2",
    description = "List the IP addresses of an app.",
    footer = "%nWith -q: addresses only, one per line. A dedicated IPv4 address costs money.")
class ListIps implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListIps(), args);
  }

  @Override
  public void run() {
    cli.announce("Asking for the IP addresses of %s ...", app.name());
    var ips = cli.fly().get("/v1/apps/{app}/ip_assignments", app.name()).path("ips");

    var columns =
        Columns.of("ADDRESS", "/ip")
            .and("SHARED", "/shared")
            .and("REGION", "/region")
            .and("CREATED", "/created_at");
    cli.list(ips, columns, "No address yet: fly-allocate-ips");
  }
}
