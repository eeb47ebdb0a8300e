///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Select an organization: list what your token can see, and print one slug.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Template.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Options.java
//FILES organizations.json

import com.fasterxml.jackson.databind.JsonNode;
import fly.FlyException;
import fly.Template;
import fly.cli.Cli;
import fly.cli.Options;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-select-org",
    header = "fly-select-org --org personal",
    description = "Select an organization: list what your token can see, and print one slug.",
    footer = {
      "%nIn a script: export ORG=$(... fly-select-org)",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#select-an-organization"
    })
class SelectOrg implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.Org org;

  public static void main(String... args) {
    Cli.main(new SelectOrg(), args);
  }

  @Override
  public void run() {
    // 1. Ask by GraphQL, or if the token may not: ask what the token itself says.
    cli.announce("Asking which organizations the token can see ...");
    var names = visible(Template.load(null, "organizations.json", Map.of()));
    if (cli.dryRun) return;

    // 2. Print the slug that was wanted, if the token can see it.
    names.forEach((slug, name) -> cli.say("  %s (%s)", slug, name));
    cli.out().println(selected(names));
  }

  /** Slugs and names. */
  private Map<String, String> visible(JsonNode request) {
    var names = new LinkedHashMap<String, String>();
    try {
      var found = cli.fly().graphql(request.path("query").asText(), request.path("variables"));
      found
          .at("/organizations/nodes")
          .forEach(node -> names.put(node.path("slug").asText(), node.path("name").asText()));
    } catch (FlyException limited) {
      if (limited.status <= 0) throw limited;
      cli.say("GraphQL does not say (%s); asking the token itself ...", limited.why);
    }
    if (!names.isEmpty() || cli.dryRun) return names;
    for (var token : cli.fly().get("/v1/tokens/current").path("tokens")) {
      names.put(token.path("org_slug").asText(), token.path("organization").asText());
    }
    return names;
  }

  private String selected(Map<String, String> names) {
    var wanted = org.slug();
    if (names.containsKey(wanted)) return wanted;
    var slugs = String.join(", ", names.keySet());
    if (wanted.equals("personal") && names.size() == 1) {
      cli.say("The token belongs to %s, not to your personal organization.", slugs);
      return slugs;
    }
    throw FlyException.usage(
        "the token cannot see the organization " + wanted,
        "it can see " + (names.isEmpty() ? "none" : slugs),
        names.isEmpty() ? "fly-check-token" : "export ORG=" + names.keySet().iterator().next());
  }
}
