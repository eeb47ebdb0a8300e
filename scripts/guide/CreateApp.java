///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create your app.
//SOURCES ../../lib/fly/Ensure.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java
//FILES app.json

import fly.Ensure;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-create-app",
    description = "Create your app.",
    header = "fly-create-app --app mcp-demo-3f9c51e0a7b2",
    footer = "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#create-your-app")
class CreateApp implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Org org;
  @Mixin Options.Body body;

  public static void main(String... args) {
    Cli.main(new CreateApp(), args);
  }

  @Override
  public void run() {
    if (body.printed("app.json", cli)) return;
    var values = Map.of("APP_NAME", app.name(), "ORG", org.slug());
    var request = body.changed(body.load("app.json", values), cli);

    cli.say("Creating the app %s in the organization %s ...", app.name(), org.slug());
    cli.print(new Ensure(cli.fly(), cli::say).app(app.name(), request));

    cli.say("It has no IP address yet. Next: " + Hint.of("fly-allocate-ips"));
  }
}
