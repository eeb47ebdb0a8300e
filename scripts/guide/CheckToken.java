///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Check your organization token: what it is, and what it may see.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/Template.java ../../lib/fly/Token.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java
//FILES organizations.json

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.Template;
import fly.Token;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-check-token",
    header = "fly-check-token",
    description = "Check your organization token: what it is, and what it may see.",
    footer = {
      "%nIt prints the token's shape and rights, never the token.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#organization-token"
    })
class CheckToken implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new CheckToken(), args);
  }

  @Override
  public void run() {
    // 1. Look at the token alone: this finds a token that was cut when it was copied.
    var result = cli.dryRun ? Fly.JSON.createObjectNode() : shape();

    // 2. Ask Fly.io for its rights.
    cli.announce("Asking Fly.io what the token may see ...");
    var tokens = cli.fly().get("/v1/tokens/current").path("tokens");
    var organizations = organizations(Template.load(null, "organizations.json", Map.of()));
    if (cli.dryRun) return;

    // 3. Print both, and the next step.
    result.set("tokens", tokens);
    result.set("organizations", organizations);
    cli.print(result, result.path("scheme").asText());
    cli.say("The token is good. Next: " + Hint.of("fly-select-hostname"));
  }

  /** The token's shape, which needs no request. */
  private ObjectNode shape() {
    var token = Token.parse(Settings.FLY_API_TOKEN.require());
    var macaroon = token.scheme().equals("FlyV1");
    cli.say(
        "FLY_API_TOKEN is whole: %s, sent as \"Authorization: %s ...\".",
        token.shape(), token.scheme());
    var length = token.header().length() - token.scheme().length() - 1;
    var json = Fly.JSON.createObjectNode().put("scheme", token.scheme()).put("length", length);
    return json.put("shape", macaroon ? "macaroon" : "opaque").put("pieces", token.pieces().size());
  }

  private JsonNode organizations(JsonNode request) {
    try {
      return cli.fly()
          .graphql(request.path("query").asText(), request.path("variables"))
          .at("/organizations/nodes");
    } catch (FlyException limited) { // a token for one app may not list them
      if (limited.status <= 0) throw limited;
      cli.say("It may not list organizations: %s", limited.why);
    }
    return Fly.JSON.createArrayNode();
  }
}
