///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create a Machine that runs an MCP server.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Volume.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java
//FILES machine.json

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.FlyException;
import fly.Volume;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-create-machine",
    header = "fly-create-machine --no-volume -- uvx mcp-server-time",
    description = "Create a Machine that runs an MCP server.",
    footer = {
      "%nWithout a command it runs the guide's server, which lists and edits the files of /data.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#create-a-machine"
    })
class CreateMachine implements Runnable {
  private static final String LAUNCH_ID = "launch_id";

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Region region;
  @Mixin Options.Body body;

  @Option(names = "--name", paramLabel = "NAME", description = "Its name (default: Fly.io's).")
  String name;

  @Option(names = "--no-volume", description = "Mount nothing.")
  boolean noVolume;

  @Parameters(
      paramLabel = "COMMAND",
      description = "After --: the MCP server to run, instead of the guide's.")
  List<String> command = List.of();

  public static void main(String... args) {
    Cli.main(new CreateMachine(), args);
  }

  @Override
  public void run() {
    if (body.printed("machine.json", cli)) return;
    var request = request();
    if (!cli.dryRun) {
      for (var mount : request.at("/config/mounts")) check(mount, request.path("region").asText());
      if (request.path("config") instanceof ObjectNode config) {
        config.withObject("/metadata").put(LAUNCH_ID, UUID.randomUUID().toString());
      }
    }

    cli.say("%s ...", story(request));
    if (open(request)) {
      cli.say("Anybody who knows its address can use it: no token is asked for. To ask for one:");
      cli.say("  --set config.env.FLY_MCP_BEARER_TOKEN=SECRET (and export it for fly-call-mcp)");
    }
    var machine = create(request);
    cli.print(machine);

    cli.say("export MACHINE_ID=%s", machine.path("id").asText());
    cli.say("It starts on its first request. Next: " + Hint.of("fly-call-mcp"));
  }

  private ObjectNode request() {
    var request = body.load("machine.json", Map.of());
    if (name != null) request.put("name", name);
    region.into(request);
    if (noVolume && request.path("config") instanceof ObjectNode config) config.remove("mounts");
    if (!command.isEmpty()) {
      var cmd = request.withObject("/config").withObject("/init").putArray("cmd");
      command.forEach(cmd::add);
    }
    return body.changed(request, cli);
  }

  private JsonNode create(JsonNode request) {
    return cli.fly()
        .create("/v1/apps/{app}/machines", request, () -> launched(request), app.name());
  }

  private Optional<JsonNode> launched(JsonNode request) {
    var launchId = request.at("/config/metadata/" + LAUNCH_ID);
    return StreamSupport.stream(
            cli.fly().get("/v1/apps/{app}/machines", app.name()).spliterator(), false)
        .filter(machine -> machine.at("/config/metadata/" + LAUNCH_ID).equals(launchId))
        .findFirst();
  }

  /**
   * Tells before the request what Fly.io would refuse after it.
   *
   * @param regions one, or several with commas, or none
   */
  private void check(JsonNode mount, String regions) {
    var wanted = mount.path("volume").asText();
    var named =
        cli.fly().volumes(app.name()).stream()
            .map(Volume::json)
            .filter(v -> wanted.equals(text(v, "id")) || wanted.equals(text(v, "name")))
            .toList();
    if (named.isEmpty()) {
      throw new FlyException(
          "there is no volume %s in the app %s".formatted(wanted, app.name()),
          "config.mounts names it, and a Machine cannot start without it",
          Hint.of("fly-create-volume") + ", or mount nothing: --no-volume");
    }
    var here = named.stream().filter(v -> fits(text(v, "region"), regions)).toList();
    if (here.isEmpty()) {
      var there = text(named.get(0), "region");
      throw new FlyException(
          "the volume %s is in %s, and the Machine would be in %s"
              .formatted(wanted, there, regions),
          "a volume lives on one host of one region",
          "--region %s, or: %s --region %s"
              .formatted(there, Hint.of("fly-create-volume"), regions));
    }
    if (here.stream().anyMatch(v -> text(v, "attached_machine_id").isEmpty())) return;
    throw new FlyException(
        "the volume %s is attached to the Machine %s"
            .formatted(wanted, text(here.get(0), "attached_machine_id")),
        "a volume serves one Machine at a time",
        Hint.of("fly-create-volume") + " --another, then run this again");
  }

  /** Aliases, such as eu for a continent, are left to Fly.io. */
  private static boolean fits(String region, String regions) {
    return regions.isEmpty()
        || List.of(regions.split(",")).stream()
            .anyMatch(one -> one.equals(region) || one.matches("any|apac|eu|na|sa|us|usa"));
  }

  /** Whether the whole internet reaches it, and is not asked who it is. */
  private boolean open(JsonNode request) {
    var names = new HashSet<String>();
    request.at("/config/env").fieldNames().forEachRemaining(names::add);
    if (!cli.dryRun) {
      var secrets = cli.fly().find("/v1/apps/{app}/secrets", app.name());
      secrets.ifPresent(
          all -> all.path("secrets").forEach(secret -> names.add(secret.path("name").asText())));
    }
    return request.at("/config/services").size() > 0
        && !names.contains("FLY_MCP_BEARER_TOKEN")
        && !names.contains("FLY_MCP_USER");
  }

  private static String story(JsonNode request) {
    var config = request.path("config");
    var guest = config.path("guest");
    var mount = config.at("/mounts/0");
    return "Creating a Machine in %s: %s, %s MB, runs %s%s"
        .formatted(
            request.path("region").asText("the nearest region"),
            config.path("image").asText(),
            guest.path("memory_mb").asText("256"),
            StreamSupport.stream(config.at("/init/cmd").spliterator(), false)
                .map(JsonNode::asText)
                .collect(Collectors.joining(" ")),
            mount.isMissingNode()
                ? ""
                : ", the volume %s at %s".formatted(text(mount, "volume"), text(mount, "path")));
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText("");
  }
}
