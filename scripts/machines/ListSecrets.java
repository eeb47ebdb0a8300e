///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the secrets of an app: names and digests, never values.
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Columns.java ../../lib/fly/cli/Options.java

import fly.cli.Cli;
import fly.cli.Columns;
import fly.cli.Options;
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
    cli.announce("Asking for the secrets of %s ...", app.name());
    var secrets = cli.fly().get("/v1/apps/{app}/secrets", app.name()).path("secrets");

    var columns =
        Columns.of("NAME", "/name")
            .and("DIGEST", "/digest")
            .and("CHANGED", s -> s.path("updated_at").asText(s.path("created_at").asText()));
    cli.list(secrets, columns, "No secret yet: fly-set-secrets NAME");
  }
}
