///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Create IP addresses for your application.
//SOURCES ../../lib/fly/Template.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/IpAddresses.java ../../lib/fly/cli/Options.java
//FILES allocate-shared-ip.json allocate-ip.json ips.json

import fly.Template;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.IpAddresses;
import fly.cli.Options;
import java.util.List;
import java.util.Map;
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
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  @Option(
      names = "--type",
      split = ",",
      paramLabel = "TYPE",
      description = "The types of the addresses (default: shared_v4,v6).")
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
    IpAddresses.requireTypes(types);
    cli.sayTarget(null);
    var addresses = new IpAddresses(cli, app.name(), rest);
    for (var type : types) {
      // 1. Build the request: the guide's mutation for a shared or a dedicated address.
      var file = type.equals("shared_v4") ? "allocate-shared-ip.json" : "allocate-ip.json";
      var request = Template.load(null, file, Map.of("APP_NAME", app.name()));
      request.withObject("/variables/input").put("type", type);

      // 2. Check that the app has no address of this type yet.
      var there = addresses.find(type);
      var cost = type.equals("v4") ? "; it costs about $2 a month" : "";
      if (there.isPresent()) cli.say("The app %s has its %s address already.", app.name(), type);
      else cli.say("Allocating a %s address for the app %s%s ...", type, app.name(), cost);

      // 3. Send it, and print the answer.
      addresses.print(there.orElseGet(() -> addresses.allocate(request, type)));
    }
    cli.say("Next: " + Hint.of("fly-create-volume"));
  }
}
