///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the secrets of an app: names and digests, never values.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Options;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-list-secrets",
    header = "fly-list-secrets --app mcp-demo-3f9c51e0a7b2",
    description = "List the secrets of an app: names and digests, never values.",
    footer = "%nWith -q: names only, one per line.")
class ListSecrets implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new ListSecrets(), args);
  }

  @Override
  public void run() {
    cli.say("Asking for the secrets of %s ...", app.name());
    var secrets = cli.fly().get("/v1/apps/{app}/secrets", app.name()).path("secrets");
    if (cli.dryRun) return;

    if (cli.quiet) {
      secrets.forEach(secret -> cli.out().println(secret.path("name").asText()));
    } else if (json.wanted) {
      cli.print(secrets);
    } else {
      var rows = new ArrayList<List<String>>();
      for (var secret : secrets) {
        rows.add(
            List.of(
                secret.path("name").asText(),
                secret.path("digest").asText(),
                secret.path("updated_at").asText(secret.path("created_at").asText())));
      }
      cli.table(List.of("NAME", "DIGEST", "CHANGED"), rows, "No secret yet: fly-set-secrets NAME");
    }
  }
}
