///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create a Machine that runs an MCP server.
//SOURCES ../../lib/fly/Ensure.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java ../../lib/fly/cli/Preflight.java
//FILES machine.json

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Ensure;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.cli.Preflight;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-create-machine",
    header = "fly-create-machine --no-volume -- uvx mcp-server-time",
    description = "Create a Machine that runs an MCP server.",
    footer = {
      "%nWithout a command it runs the guide's server, which lists and edits the files of /data.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#create-a-machine"
    })
class CreateMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Region region;
  @Mixin Options.Body body;
  @Mixin Options.Json json;
  @Mixin Options.Program program;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "The Machine's name (default: Fly.io makes one).")
  String name;

  @Option(
      names = "--launch-id",
      paramLabel = "ID",
      description =
          "The mark of a launch before, whose Machine is taken if it is there; none: no mark.")
  String launchId;

  @Option(names = "--no-volume", description = "Mount no volume.")
  boolean noVolume;

  public static void main(String... args) {
    Cli.main(new CreateMachine(), args);
  }

  @Override
  public void run() {
    if (body.printed("machine.json", cli)) return;

    // 1. Build the request: the guide's JSON file, then the changes that the options ask for.
    var request = body.load("machine.json", Map.of());
    if (name != null) request.put("name", name);
    if (noVolume && request.path("config") instanceof ObjectNode config) config.remove("mounts");
    program.into(request);
    region.into(request);
    body.changed(request, cli);

    // 2. Check what Fly.io would refuse: a volume that is missing, in another region, or in use.
    cli.sayTarget(null);
    Preflight.machine(cli, app.name(), request);

    // 3. Send it. Ensure marks the request, so that a lost answer never leads to a second Machine.
    cli.say("Creating a Machine %s ...", Preflight.summary(request));
    var machine = new Ensure(cli.fly(), cli).machine(app.name(), request, launchId);

    // 4. Print the answer, and the next step.
    cli.print(machine);
    cli.say("export MACHINE_ID=%s", machine.path("id").asText());
    cli.say("It starts on its first request. Next: " + Hint.of("fly-call-mcp"));
  }
}
