///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Release IP addresses of an app.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Options;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-release-ip",
    header = "fly-release-ip 2a09:8280:1::6c:1",
    description = "Release IP addresses of an app.",
    footer = "%nA released address may go to somebody else: it cannot be had back.")
class ReleaseIp implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  @Parameters(arity = "1..*", paramLabel = "ADDRESS", description = "The addresses.")
  List<String> addresses;

  public static void main(String... args) {
    Cli.main(new ReleaseIp(), args);
  }

  @Override
  public void run() {
    addresses.forEach(ReleaseIp::requireAddress);
    for (var address : addresses) {
      cli.announce("Releasing the address %s ...", address);
      cli.print(release(address), address);
    }
  }

  private static void requireAddress(String text) {
    if (text.matches("[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")) return;
    throw FlyException.usage(
        "\"" + text + "\" is no IP address", "such as 2a09:8280:1::6c:1", "fly-list-ips");
  }

  /** Fly.io answers with nothing: the result is the address that was released. */
  private JsonNode release(String address) {
    try {
      var answer = cli.fly().delete("/v1/apps/{app}/ip_assignments/{ip}", app.name(), address);
      if (answer.isMissingNode()) return answer; // a dry run
    } catch (FlyException e) {
      if (e.status != 404 || cli.fly().find("/v1/apps/{app}", app.name()).isEmpty()) throw e;
      cli.say("The app has no such address (any more).");
    }
    return Fly.JSON.createObjectNode().put("ip", address).put("released", true);
  }
}
