///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create a volume.
//SOURCES ../../lib/fly/Ensure.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java
//FILES volume.json

import fly.Ensure;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-create-volume",
    header = "fly-create-volume --region iad --size 1",
    description = "Create a volume.",
    footer = "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#create-a-volume")
class CreateVolume implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Region region;
  @Mixin Options.Body body;
  @Mixin Options.Json json;

  @Option(names = "--name", paramLabel = "NAME", description = "The volume's name (default: data).")
  String name;

  @Option(names = "--size", paramLabel = "GB", description = "The volume's size (default: 1).")
  Integer size;

  @Option(names = "--another", description = "Create one more, even if a volume like it is free.")
  boolean another;

  public static void main(String... args) {
    Cli.main(new CreateVolume(), args);
  }

  @Override
  public void run() {
    if (body.printed("volume.json", cli)) return;

    // 1. Build the request: the guide's JSON file, then the changes that the options ask for.
    var request = body.load("volume.json", Map.of());
    if (name != null) request.put("name", name);
    if (size != null) request.put("size_gb", size);
    region.into(request);
    body.changed(request, cli);

    // 2. Say on which Fly.io; a volume costs money until it is destroyed.
    cli.sayTarget(null);

    // 3. Send it, unless a volume of this name and region is free.
    var volume = new Ensure(cli.fly(), cli).volume(app.name(), request, another);

    // 4. Print the answer, and the next step.
    cli.print(volume);
    cli.say("Next: " + Hint.of("fly-create-machine"));
  }
}
