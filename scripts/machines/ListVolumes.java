///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the volumes of an app.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Hint;
import fly.cli.Options;
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
    cli.announce("Asking for the volumes of %s ...", app.name());
    var volumes = cli.fly().get("/v1/apps/{app}/volumes", app.name());

    var columns =
        Columns.of("VOLUME", "/id")
            .and("NAME", "/name")
            .and("STATE", "/state")
            .and("REGION", "/region")
            .and("GB", "/size_gb")
            .and("MACHINE", "/attached_machine_id");
    cli.list(volumes, columns, "No volume yet: fly-create-volume");
    if (!volumes.isEmpty()) {
      cli.say("A volume costs money until it is destroyed: " + Hint.of("fly-destroy-volume"));
    }
  }
}
