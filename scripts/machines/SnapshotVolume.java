///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Take a snapshot of a volume, or list its snapshots.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Hint;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-snapshot-volume",
    header = "fly-snapshot-volume vol_4m5k8d1x9z2c7b3v",
    description = "Take a snapshot of a volume, or list its snapshots.",
    footer = {
      "%nFly.io takes one a day by itself, and stores it for 5 days; stored snapshots cost money.",
      "%nFly.io: https://fly.io/docs/machines/api/volumes-resource/#create-a-volume-snapshot"
    })
class SnapshotVolume implements Runnable {
  private static final String SNAPSHOTS = "/v1/apps/{app}/volumes/{volume}/snapshots";

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  @Option(names = "--list", description = "List the snapshots that are there, and take none.")
  boolean list;

  @Parameters(paramLabel = "VOLUME_ID", description = "The volume.")
  String id;

  public static void main(String... args) {
    Cli.main(new SnapshotVolume(), args);
  }

  @Override
  public void run() {
    if (list) {
      cli.announce("Asking for the snapshots of the volume %s ...", id);
      var snapshots = cli.fly().get(SNAPSHOTS, app.name(), id);
      var columns =
          Columns.of("SNAPSHOT", "/id")
              .and("STATUS", "/status")
              .and("BYTES", "/size")
              .and("CREATED", "/created_at");
      cli.list(snapshots, columns, "No snapshot yet: fly-snapshot-volume " + id);
      return;
    }
    cli.sayTarget(null);
    cli.announce("Taking a snapshot of the volume %s ...", id);
    cli.print(cli.fly().post(SNAPSHOTS, null, app.name(), id), id);

    cli.say(
        "It takes a while. Next: " + Hint.of("fly-snapshot-volume") + " --list %s".formatted(id));
  }
}
