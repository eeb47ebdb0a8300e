///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the apps of an organization.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Options;
import java.util.ArrayList;
import java.util.List;
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
    cli.say("Asking for the apps of %s ...", org.slug());
    var apps = cli.fly().get("/v1/apps?org_slug={org}", org.slug()).path("apps");
    if (cli.dryRun) return;

    if (cli.quiet) {
      apps.forEach(app -> cli.out().println(app.path("name").asText()));
    } else if (json.wanted) {
      cli.print(apps);
    } else {
      var rows = new ArrayList<List<String>>();
      for (var app : apps) {
        rows.add(
            List.of(
                app.path("name").asText(),
                app.path("machine_count").asText(),
                app.path("volume_count").asText(),
                app.path("status").asText()));
      }
      cli.table(
          List.of("APP", "MACHINES", "VOLUMES", "STATUS"), rows, "No app yet: fly-create-app");
    }
  }
}
