///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Make a volume larger.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import fly.Fly;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-extend-volume",
    header = "fly-extend-volume vol_4m5k8d1x9z2c7b3v --size 3",
    description = "Make a volume larger.",
    footer = {
      "%nA volume never gets smaller, and each GB costs money.",
      "%nFly.io: https://fly.io/docs/machines/api/volumes-resource/#extend-a-volume"
    })
class ExtendVolume implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  @Option(
      names = "--size",
      required = true,
      paramLabel = "GB",
      description = "The whole size that it is to have.")
  int size;

  @Parameters(paramLabel = "VOLUME_ID", description = "The volume.")
  String id;

  public static void main(String... args) {
    Cli.main(new ExtendVolume(), args);
  }

  @Override
  public void run() {
    cli.sayTarget(null);
    cli.announce("Extending the volume %s to %d GB ...", id, size);
    var request = Fly.JSON.createObjectNode().put("size_gb", size);
    var answer = cli.fly().put("/v1/apps/{app}/volumes/{volume}/extend", request, app.name(), id);
    cli.print(answer, id);

    if (answer.path("needs_restart").asBoolean()) {
      cli.say("Its Machine sees the new size after a restart: " + Hint.of("fly-restart-machine"));
    }
  }
}
