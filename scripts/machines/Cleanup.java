///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Destroy an app and all that is in it: its Machines, volumes and IP addresses.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/Volume.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java
//SOURCES ../../lib/fly/mcp/launch/ClientConfigFile.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.Volume;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.mcp.launch.ClientConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-cleanup",
    header = "fly-cleanup --confirm mcp-demo-3f9c51e0a7b2",
    description = "Destroy an app and all that is in it: its Machines, volumes and IP addresses.",
    footer = "%nWithout --confirm it lists what would go, and ends with exit code 2.")
class Cleanup implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;

  @Option(
      names = "--confirm",
      paramLabel = "APP_NAME",
      description = "The app's name once more; there is no way back.")
  String confirmed;

  private final List<String> failures = new ArrayList<>();

  public static void main(String... args) {
    Cli.main(new Cleanup(), args);
  }

  @Override
  public void run() {
    var name = app.name();
    if (cli.dryRun) {
      cli.fly().delete("/v1/apps/{app}", name);
      return;
    }
    var there = find("/v1/apps/{app}", name);
    if (there.isEmpty()) {
      cli.say("There is no app %s (any more).", name);
      return;
    }
    var machines = find("/v1/apps/{app}/machines", name).orElse(Fly.JSON.createArrayNode());
    var volumes = cli.fly().volumes(name).stream().map(Volume::json).toList();
    if (!name.equals(confirmed)) throw unconfirmed(name, machines, volumes);

    for (var machine : machines) destroy("Machine", "machines/{id}?force=true", machine);
    for (var machine : machines) awaitEnd(machine);
    for (var volume : volumes) destroy("volume", "volumes/{id}", volume);
    if (failures.isEmpty()) {
      cli.say("Destroying the app %s, its IP addresses with it ...", name);
      attempt(() -> cli.fly().delete("/v1/apps/{app}", name));
    }
    if (failures.isEmpty()) {
      forgetToken(name);
      tellClients(name);
      cli.print(there.get());
      return;
    }
    throw new FlyException(
        "not everything is gone: the app %s is still there".formatted(name),
        String.join("; ", failures),
        "run this again, or look: " + Hint.of("fly-status"));
  }

  private void forgetToken(String name) {
    try {
      var file = Settings.tokenFile(name);
      if (Files.deleteIfExists(file)) cli.say("Its token is gone from %s, too.", file);
    } catch (IOException e) {
      cli.warn("its token stays: " + e.getMessage());
    }
  }

  /** Their files are theirs to change; who still starts it there would wait for nothing. */
  private void tellClients(String name) {
    for (var client : ClientConfigFile.found()) {
      try {
        if (ClientConfigFile.ofUser(client).get(name).isMissingNode()) continue;
        var remove = Hint.of("fly-mcp-config") + " --remove --client %s --url %s";
        cli.say("%s still has the server: " + remove, client, client, Settings.edgeUrl(name));
      } catch (FlyException e) {
        // a file that cannot be read tells nothing
      }
    }
  }

  private FlyException unconfirmed(String name, JsonNode machines, List<JsonNode> volumes) {
    cli.err().println("This would be destroyed:");
    for (var machine : machines) {
      cli.err().printf("  Machine %s (%s)%n", text(machine, "id"), text(machine, "state"));
    }
    for (var volume : volumes) {
      cli.err()
          .printf(
              "  volume %s (%s, %s GB, with all its data)%n",
              text(volume, "id"), text(volume, "name"), text(volume, "size_gb"));
    }
    var ips = find("/v1/apps/{app}/ip_assignments", name).orElse(Fly.JSON.createObjectNode());
    for (var ip : ips.path("ips")) cli.err().printf("  IP address %s%n", text(ip, "ip"));
    cli.err().printf("  app %s%n", name);
    return FlyException.usage(
        "nothing was destroyed",
        confirmed == null
            ? "--confirm is missing"
            : "--confirm says %s, and the app is %s".formatted(confirmed, name),
        Hint.of("fly-cleanup") + " --confirm " + name);
  }

  private void destroy(String kind, String path, JsonNode thing) {
    cli.say("Destroying the %s %s ...", kind, text(thing, "id"));
    attempt(() -> cli.fly().delete("/v1/apps/{app}/" + path, app.name(), text(thing, "id")));
  }

  /** A volume cannot go before its Machine is gone. */
  private void awaitEnd(JsonNode machine) {
    var path = "/v1/apps/{app}/machines/{machine}/wait?state=destroyed&timeout=60";
    attempt(() -> cli.fly().get(path, app.name(), text(machine, "id")));
  }

  /** What is gone already is fine; what fails is told, and the rest goes on. */
  private void attempt(Runnable step) {
    try {
      step.run();
    } catch (FlyException e) {
      if (e.status == 404) return;
      if (e.exitCode == FlyException.TOKEN) throw e;
      cli.warn(e.getMessage() + ": " + e.why);
      failures.add(e.why);
    }
  }

  private Optional<JsonNode> find(String path, String name) {
    return cli.fly().find(path, name);
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText();
  }
}
