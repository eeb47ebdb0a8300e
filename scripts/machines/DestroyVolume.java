///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Destroy volumes, with all their data.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Options;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-destroy-volume",
    header = "fly-destroy-volume vol_4m5k8d1x9z2c7b3v",
    description = "Destroy volumes, with all their data.",
    footer = {
      "%nA volume that a Machine has is refused, even if the Machine is stopped: destroy the"
          + " Machine first.",
      "Snapshots stay for their days.",
      "%nFly.io: https://fly.io/docs/machines/api/volumes-resource/#delete-a-volume"
    })
class DestroyVolume implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  @Parameters(arity = "1..*", paramLabel = "VOLUME_ID", description = "The volumes.")
  List<String> ids;

  public static void main(String... args) {
    Cli.main(new DestroyVolume(), args);
  }

  @Override
  public void run() {
    for (var id : ids) {
      cli.announce("Destroying the volume %s ...", id);
      cli.print(destroy(id), id);
    }
  }

  private JsonNode destroy(String id) {
    try {
      return cli.fly().delete("/v1/apps/{app}/volumes/{volume}", app.name(), id);
    } catch (FlyException e) {
      if (e.status != 404 || !id.startsWith("vol_")) throw e; // a name
      if (cli.fly().find("/v1/apps/{app}", app.name()).isEmpty()) throw e;
      cli.say("There is no such volume (any more).");
      return Fly.JSON.createObjectNode().put("id", id).put("state", "destroyed");
    }
  }
}
