///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create your app.
//SOURCES ../lib/fly/Cli.java
//FILES app.json

import com.fasterxml.jackson.databind.JsonNode;
import fly.Cli;
import fly.FlyException;
import fly.Options;
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
    cli.print(create(request));

    cli.say("It has no IP address yet. Next: " + Cli.hint("fly-allocate-ips"));
  }

  private JsonNode create(JsonNode request) {
    try {
      return cli.fly()
          .create("/v1/apps", request, () -> cli.fly().find("/v1/apps/{app}", app.name()));
    } catch (FlyException taken) {
      if (taken.status != 422) throw taken;
      var yours = cli.fly().find("/v1/apps/{app}", app.name());
      if (yours.isEmpty()) throw taken;
      cli.say("The app is there already, and yours.");
      return yours.get();
    }
  }
}
