//SOURCES ../Ensure.java ../Fly.java ../FlyException.java ../Template.java Cli.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The IP addresses of an app, by the guide's GraphQL, or by REST. */
public final class IpAddresses {
  private static final Set<String> TYPES = Set.of("shared_v4", "v6", "v4", "private_v6");

  private final Cli.Api cli;
  private final String app;
  private final boolean rest;

  public IpAddresses(Cli.Api cli, String app, boolean rest) {
    this.cli = cli;
    this.app = app;
    this.rest = rest;
  }

  /** Refuses types that Fly.io does not have. */
  public static void requireTypes(List<String> types) {
    for (var type : types) {
      if (TYPES.contains(type)) continue;
      throw FlyException.usage(
          "there is no address type " + type,
          "Fly.io has shared_v4, v6, v4 and private_v6",
          "fly-allocate-ips --type shared_v4,v6");
    }
  }

  /** The app's address of this type, in the form of the answer that allocates one. */
  public Optional<JsonNode> find(String type) {
    if (cli.dryRun) return Optional.empty();
    return rest ? new Ensure(cli.fly(), cli).address(app, type) : lookUp(type);
  }

  /** Sends a mutation; after a lost answer it looks before it sends again. */
  public JsonNode allocate(JsonNode mutation, String type) {
    if (rest) return new Ensure(cli.fly(), cli).allocate(app, type);
    return cli.fly()
        .createByGraphql(
            mutation.path("query").asText(),
            mutation.path("variables"),
            () -> lookUp(type).map(IpAddresses::data))
        .path("allocateIpAddress");
  }

  private Optional<JsonNode> lookUp(String type) {
    var request = Template.load(null, "ips.json", Map.of("APP_NAME", app));
    var found =
        cli.fly().graphql(request.path("query").asText(), request.path("variables")).path("app");
    var payload = Fly.JSON.createObjectNode();
    var shared = found.path("sharedIpAddress");
    if (type.equals("shared_v4") && shared.isTextual() && !shared.asText().isEmpty()) {
      payload.putObject("app").set("sharedIpAddress", shared);
      return Optional.of(payload);
    }
    for (var node : found.at("/ipAddresses/nodes")) {
      if (node.path("type").asText().equals(type)) {
        return Optional.of(payload.set("ipAddress", node));
      }
    }
    return Optional.empty();
  }

  private static JsonNode data(JsonNode payload) {
    return Fly.JSON.createObjectNode().set("allocateIpAddress", payload);
  }

  /** Prints the answer in one line: the address alone for people and with -q, else the JSON. */
  public void print(JsonNode answer) {
    if (answer.isMissingNode()) return; // a dry run
    if (!cli.quiet && !cli.viewed()) {
      cli.out().println(answer);
      return;
    }
    for (var path : List.of("/ip", "/app/sharedIpAddress", "/ipAddress/address")) {
      if (answer.at(path).isTextual()) cli.out().println(answer.at(path).asText());
    }
  }
}
