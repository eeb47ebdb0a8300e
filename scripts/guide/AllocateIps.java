///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create IP addresses for your application.
//SOURCES ../../lib/fly/Ensure.java ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Template.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java
//FILES allocate-shared-ip.json allocate-ip.json ips.json

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-allocate-ips",
    header = "fly-allocate-ips --type shared_v4,v6",
    description = "Create IP addresses for your application.",
    footer = {
      "%nTypes: shared_v4, v6; also v4 (your own, about $2 a month) and private_v6 (Flycast).",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/"
          + "#create-ip-addresses-for-your-application"
    })
class AllocateIps implements Runnable {
  private static final Set<String> TYPES = Set.of("shared_v4", "v6", "v4", "private_v6");

  @Mixin Cli.Api cli;
  @Mixin Options.App app;

  @Option(
      names = "--type",
      split = ",",
      paramLabel = "TYPE",
      description = "Which addresses (default: shared_v4,v6).")
  List<String> types = List.of("shared_v4", "v6");

  @Option(
      names = "--rest",
      description = "Use the REST API instead of the guide's GraphQL mutations.")
  boolean rest;

  public static void main(String... args) {
    Cli.main(new AllocateIps(), args);
  }

  @Override
  public void run() {
    for (var type : types) {
      if (TYPES.contains(type)) continue;
      throw FlyException.usage(
          "there is no address type " + type,
          "Fly.io has shared_v4, v6, v4 and private_v6",
          Hint.of("fly-allocate-ips") + " --type shared_v4,v6");
    }
    var name = app.name();
    for (var type : types) {
      var there = cli.dryRun ? Optional.<JsonNode>empty() : find(name, type);
      if (there.isPresent()) {
        cli.say("The app %s has its %s address already.", name, type);
      } else {
        var cost = type.equals("v4") ? "; it costs about $2 a month" : "";
        cli.say("Allocating a %s address for the app %s%s ...", type, name, cost);
      }
      print(there.orElseGet(() -> allocate(name, type)));
    }
    cli.say("Next: " + Hint.of("fly-create-volume"));
  }

  private JsonNode allocate(String name, String type) {
    if (rest) return new Ensure(cli.fly(), cli::say).allocate(name, type);
    var shipped = type.equals("shared_v4") ? "allocate-shared-ip.json" : "allocate-ip.json";
    var request = Template.load(null, shipped, Map.of("APP_NAME", name));
    ((ObjectNode) request.at("/variables/input")).put("type", type);
    return cli.fly()
        .createByGraphql(
            request.path("query").asText(),
            request.path("variables"),
            () -> find(name, type).map(AllocateIps::data))
        .path("allocateIpAddress");
  }

  /** The app's address of this type, in the form in which allocating it would have told it. */
  private Optional<JsonNode> find(String name, String type) {
    if (rest) return new Ensure(cli.fly(), cli::say).address(name, type);
    var request = Template.load(null, "ips.json", Map.of("APP_NAME", name));
    var found =
        cli.fly().graphql(request.path("query").asText(), request.path("variables")).path("app");
    var payload = Fly.JSON.createObjectNode();
    var shared = found.path("sharedIpAddress");
    if (type.equals("shared_v4") && shared.isTextual() && !shared.asText().isEmpty()) {
      payload.putObject("app").set("sharedIpAddress", shared);
      return Optional.of(payload);
    }
    for (var node : found.at("/ipAddresses/nodes")) {
      if (node.path("type").asText().equals(type))
        return Optional.of(payload.set("ipAddress", node));
    }
    return Optional.empty();
  }

  private static JsonNode data(JsonNode payload) {
    return Fly.JSON.createObjectNode().set("allocateIpAddress", payload);
  }

  private void print(JsonNode address) {
    if (address.isMissingNode()) return; // a dry run
    if (!cli.quiet) {
      cli.out().println(address);
      return;
    }
    for (var path : List.of("/ip", "/app/sharedIpAddress", "/ipAddress/address")) {
      if (address.at(path).isTextual()) cli.out().println(address.at(path).asText());
    }
  }
}
