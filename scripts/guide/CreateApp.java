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
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new CreateApp(), args);
  }

  @Override
  public void run() {
    if (body.printed("app.json", cli)) return;

    // 1. Build the request: the guide's JSON file with its two variables.
    var values = Map.of("APP_NAME", app.name(), "ORG", org.slug());
    var request = body.changed(body.load("app.json", values), cli);

    // 2. Say what will be created, and on which Fly.io.
    cli.sayTarget(org.slug());
    cli.say("Creating the app %s in the organization %s ...", app.name(), org.slug());

    // 3. Send it. An app of this name that is yours already is as good as a new app.
    var ensure = new Ensure(cli.fly(), cli);
    var created = ensure.app(app.name(), request);

    // 4. Print the answer, and the next step.
    cli.print(created);
    if (!ensure.created().isEmpty()) cli.say("It has no IP address yet.");
    cli.say("Next: " + Hint.of("fly-allocate-ips"));
  }
}
