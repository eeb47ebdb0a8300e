//SOURCES ../Fly.java ../FlyException.java ../Volume.java Cli.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.Volume;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.StringJoiner;
import kong.unirest.core.UnirestException;

/**
 * Reports before a request the errors that Fly.io would report after it. A dry run checks nothing.
 */
public final class Preflight {
  private Preflight() {}

  /**
   * Checks the request for a Machine, and warns of a server that needs no token.
   *
   * @throws FlyException if a volume is missing, in another region, or attached to a Machine
   */
  public static void machine(Cli.Api cli, String app, JsonNode request) {
    if (cli.dryRun) return;
    for (var mount : request.at("/config/mounts")) {
      volume(cli, app, text(mount, "volume"), text(request, "region"));
    }
    sayIfOpen(cli, app, request);
  }

  /**
   * Checks the volume of a mount.
   *
   * @param wanted the volume's name or id
   * @param regions one region, several with commas, or none
   */
  private static void volume(Cli.Api cli, String app, String wanted, String regions) {
    var named =
        cli.fly().volumes(app).stream()
            .filter(volume -> wanted.equals(volume.id()) || wanted.equals(volume.name()))
            .toList();
    if (named.isEmpty()) {
      throw new FlyException(
          "there is no volume %s in the app %s".formatted(wanted, app),
          "config.mounts names it, and a Machine cannot start without it",
          "fly-create-volume, or mount nothing: --no-volume");
    }
    var here = named.stream().filter(volume -> fits(volume.region(), regions)).toList();
    if (here.isEmpty()) {
      var there = named.get(0).region();
      throw new FlyException(
          "the volume %s is in %s, and the Machine would be in %s"
              .formatted(wanted, there, regions),
          "a volume lives on one host of one region",
          "--region %s, or: fly-create-volume --region %s".formatted(there, regions));
    }
    if (here.stream().anyMatch(Volume::free)) return;
    throw new FlyException(
        "the volume %s is attached to the Machine %s"
            .formatted(wanted, here.get(0).attachedMachineId()),
        "a volume serves one Machine at a time",
        "fly-create-volume --another, then run this again");
  }

  /** True for aliases, too, such as eu for a continent: only Fly.io can resolve them to regions. */
  private static boolean fits(String region, String regions) {
    return regions.isEmpty()
        || List.of(regions.split(",")).stream()
            .anyMatch(wanted -> wanted.equals(region) || wanted.matches("any|apac|eu|na|sa|usa?"));
  }

  private static void sayIfOpen(Cli.Api cli, String app, JsonNode request) {
    if (cli.quiet || request.at("/config/services").isEmpty()) return;
    var names = new HashSet<String>();
    request.at("/config/env").fieldNames().forEachRemaining(names::add);
    cli.fly()
        .find("/v1/apps/{app}/secrets", app)
        .ifPresent(all -> all.path("secrets").forEach(secret -> names.add(text(secret, "name"))));
    if (names.contains("FLY_MCP_BEARER_TOKEN") || names.contains("FLY_MCP_USER")) return;
    cli.say("Anybody who knows its address can use it: no token is needed. To require a token:");
    cli.say("  --set config.env.FLY_MCP_BEARER_TOKEN=SECRET (and export it for fly-call-mcp)");
  }

  /**
   * Checks that an API answers at all, be it with 401 or 404, because no token is sent.
   *
   * @throws IOException if there is no answer within seconds
   */
  public static void reach(Cli cli, String url) throws IOException {
    try {
      var address = url.replaceFirst("/+$", "") + "/v1/apps";
      var status = Fly.http().get(address).requestTimeout(5_000).asEmpty().getStatus();
      if (cli.verbose) cli.err().println("< " + status);
    } catch (UnirestException e) {
      throw new IOException(FlyException.reason(e), e);
    }
  }

  /** The request for a Machine in one line. */
  public static String summary(JsonNode request) {
    var config = request.path("config");
    var command = new StringJoiner(" ");
    for (var word : config.at("/init/cmd")) command.add(word.asText());
    var mount = config.at("/mounts/0");
    return "in %s: %s, %s MB, runs %s%s"
        .formatted(
            request.path("region").asText("the nearest region"),
            config.path("image").asText(),
            config.at("/guest/memory_mb").asText("256"),
            command,
            mount.isMissingNode()
                ? ""
                : ", the volume %s at %s".formatted(text(mount, "volume"), text(mount, "path")));
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText("");
  }
}
