///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create a volume.
//SOURCES ../lib/fly/Cli.java
//FILES volume.json

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Cli;
import fly.FlyException;
import fly.Options;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    var request = request();
    var before = cli.dryRun ? List.<JsonNode>of() : cli.fly().volumes(app.name());
    var there = another ? Optional.<JsonNode>empty() : free(before, request);

    if (there.isPresent()) {
      cli.say("The volume is there already, and attached to no Machine; for more: --another.");
    } else {
      cli.say(
          "Creating the volume %s of %s GB in %s; it costs money until it is destroyed ...",
          request.path("name").asText(),
          request.path("size_gb").asText("?"),
          request.path("region").asText("the nearest region"));
    }
    cli.print(there.orElseGet(() -> create(request, before)));

    cli.say("Next: " + Cli.hint("fly-create-machine"));
  }

  private ObjectNode request() {
    var request = body.load("volume.json", Map.of());
    if (name != null) request.put("name", name);
    if (size != null) request.put("size_gb", size);
    region.into(request);
    body.changed(request, cli);
    var wanted = request.path("name").asText();
    if (wanted.matches("[a-z0-9_]{1,30}")) return request;
    var possible = wanted.toLowerCase().replaceAll("[^a-z0-9_]", "_");
    throw FlyException.usage(
        "\"" + wanted + "\" is no name for a volume",
        "lowercase letters, digits and underscores, 30 at most",
        "--name "
            + (possible.isEmpty()
                ? "data"
                : possible.substring(0, Math.min(30, possible.length()))));
  }

  private JsonNode create(JsonNode request, List<JsonNode> before) {
    return cli.fly()
        .create(
            "/v1/apps/{app}/volumes",
            request,
            () ->
                cli.fly().volumes(app.name()).stream()
                    .filter(volume -> before.stream().noneMatch(old -> same(old, volume, "id")))
                    .filter(volume -> same(volume, request, "name"))
                    .findFirst(),
            app.name());
  }

  private static Optional<JsonNode> free(List<JsonNode> volumes, JsonNode request) {
    return volumes.stream()
        .filter(volume -> same(volume, request, "name"))
        .filter(volume -> !request.has("region") || same(volume, request, "region"))
        .filter(volume -> volume.path("attached_machine_id").asText("").isEmpty())
        .findFirst();
  }

  private static boolean same(JsonNode one, JsonNode other, String field) {
    return one.path(field).equals(other.path(field));
  }
}
