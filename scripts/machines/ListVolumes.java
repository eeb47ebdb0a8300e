///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the volumes of an app.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-volumes",
    header = "fly-list-volumes --app mcp-demo-3f9c51e0a7b2",
    description = "List the volumes of an app.",
    footer = "%nWith -q: ids only, one per line.")
class ListVolumes implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListVolumes(), args);
  }

  @Override
  public void run() {
    cli.say("Asking for the volumes of %s ...", app.name());
    var volumes = cli.fly().get("/v1/apps/{app}/volumes", app.name());
    if (cli.dryRun) return;

    if (cli.quiet) {
      volumes.forEach(volume -> cli.out().println(volume.path("id").asText()));
      return;
    }
    if (json.wanted) {
      cli.print(volumes);
      return;
    }
    var rows = new ArrayList<List<String>>();
    for (var volume : volumes) {
      rows.add(
          List.of(
              volume.path("id").asText(),
              volume.path("name").asText(),
              volume.path("state").asText(),
              volume.path("region").asText(),
              volume.path("size_gb").asText(),
              volume.path("attached_machine_id").asText("")));
    }
    cli.table(
        List.of("VOLUME", "NAME", "STATE", "REGION", "GB", "MACHINE"),
        rows,
        "No volume yet: fly-create-volume");
    if (!rows.isEmpty())
      cli.say("A volume costs money until it is destroyed: " + Hint.of("fly-destroy-volume"));
  }
}
