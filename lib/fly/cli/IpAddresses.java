//SOURCES ../Ensure.java ../Fly.java ../FlyException.java ../Template.java Cli.java View.java
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.Template;
import java.util.ArrayList;
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
    if (rest) return new Ensure(cli.fly(), cli).address(app, type);
    return all(type).stream().findFirst();
  }

  /** Sends a mutation once; after a lost answer it looks. */
  public JsonNode allocate(JsonNode mutation, String type) {
    var ensure = new Ensure(cli.fly(), cli);
    if (rest) return ensure.allocate(app, type);
    var query = mutation.path("query").asText();
    var variables = mutation.path("variables");
    if (cli.dryRun) return cli.fly().graphql(query, variables);
    return ensure.allocate(
        app,
        type,
        () -> all(type),
        View::address,
        lookup ->
            cli.fly()
                .createByGraphql(query, variables, () -> lookup.get().map(IpAddresses::data))
                .path("allocateIpAddress"));
  }

  /** The app's addresses of this type, each as the answer that allocates one. */
  private List<JsonNode> all(String type) {
    var request = Template.load(null, "ips.json", Map.of("APP_NAME", app));
    var found =
        cli.fly().graphql(request.path("query").asText(), request.path("variables")).path("app");
    var all = new ArrayList<JsonNode>();
    var shared = found.path("sharedIpAddress");
    if (type.equals("shared_v4") && shared.isTextual() && !shared.asText().isEmpty()) {
      all.add(Fly.JSON.createObjectNode().set("app", named("sharedIpAddress", shared)));
    }
    for (var node : found.at("/ipAddresses/nodes")) {
      if (node.path("type").asText().equals(type)) all.add(named("ipAddress", node));
    }
    return all;
  }

  private static JsonNode named(String name, JsonNode value) {
    return Fly.JSON.createObjectNode().set(name, value);
  }

  private static JsonNode data(JsonNode payload) {
    return named("allocateIpAddress", payload);
  }

  /** Prints the answer in one line: the address alone for people and with -q, else the JSON. */
  public void print(JsonNode answer) {
    if (answer.isMissingNode()) return; // a dry run
    if (!cli.quiet && !cli.viewed()) {
      cli.out().println(answer);
      return;
    }
    cli.out().println(View.address(answer));
  }
}
