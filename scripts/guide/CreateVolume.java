///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create a volume.
//SOURCES ../../lib/fly/Ensure.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java
//FILES volume.json

import com.fasterxml.jackson.databind.node.ObjectNode;
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

  @Option(names = "--name", paramLabel = "NAME", description = "Its name, instead of data.")
  String name;

  @Option(names = "--size", paramLabel = "GB", description = "Its size, instead of 1 GB.")
  Integer size;

  @Option(
      names = "--another",
      description = "Create one more, even if one like it is there and free.")
  boolean another;

  public static void main(String... args) {
    Cli.main(new CreateVolume(), args);
  }

  @Override
  public void run() {
    if (body.printed("volume.json", cli)) return;
    cli.print(new Ensure(cli.fly(), cli::say).volume(app.name(), request(), another));

    cli.say("Next: " + Hint.of("fly-create-machine"));
  }

  private ObjectNode request() {
    var request = body.load("volume.json", Map.of());
    if (name != null) request.put("name", name);
    if (size != null) request.put("size_gb", size);
    region.into(request);
    return body.changed(request, cli);
  }
}
