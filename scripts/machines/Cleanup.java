///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Destroy an app and all that is in it: its Machines, volumes and IP addresses.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java
//SOURCES ../../lib/fly/fleet/AppTeardown.java ../../lib/fly/fleet/Orphans.java
//SOURCES ../../lib/fly/mcp/launch/ClientConfigFile.java

import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.fleet.AppTeardown;
import fly.fleet.Orphans;
import fly.mcp.launch.ClientConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-cleanup",
    header = "fly-cleanup --confirm mcp-demo-3f9c51e0a7b2",
    description = "Destroy an app and all that is in it: its Machines, volumes and IP addresses.",
    footer = {
      "%nWithout --confirm it lists what would go, and ends with exit code 2. With --orphans it is"
          + " about the",
      "organization instead: volumes that no Machine has, and dedicated IPv4 addresses of apps"
          + " without a",
      "Machine; they cost money and serve nobody. Then --confirm takes the organization's slug.",
      "-n reads what is there, too, and prints the requests that would destroy it."
    })
class Cleanup implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;
  @Mixin Options.Org org;

  @Option(
      names = "--confirm",
      paramLabel = "APP_NAME",
      description = "The app's name once more; there is no way back.")
  String confirmed;

  @Option(names = "--orphans", description = "Not an app: the orphans of the organization.")
  boolean orphans;

  @Option(
      names = "--older",
      paramLabel = "TIME",
      description = "Only orphans that are older than this (default: 1h).")
  Duration older;

  public static void main(String... args) {
    Cli.main(new Cleanup(), args);
  }

  @Override
  public void run() {
    if (orphans) {
      orphans();
      return;
    }
    if (older != null) {
      throw FlyException.usage("--older is for orphans", "this is about an app", "--orphans too");
    }
    var name = app.name();

    // 1. Look: Fly.io destroys an app with all that is in it, and asks nobody.
    var contents = new AppTeardown(cli.reading(), cli, name).look();
    if (contents.isEmpty()) {
      if (!cli.quiet) cli.err().println("There is no app %s (any more).".formatted(name));
      return;
    }
    if (!cli.dryRun && !name.equals(confirmed)) throw unconfirmed(name, contents.get());

    // 2. Destroy: Machines, volumes, then the app.
    new AppTeardown(cli.fly(), cli, name).destroy(contents.get());
    if (cli.dryRun) return;

    // 3. Forget its token, and name the MCP clients that still have its server.
    forgetToken(name);
    nameClients(name);
    cli.print(contents.get().app());
  }

  private void orphans() {
    var remover = new Orphans(cli.fly());
    cli.announce("Looking for orphans in %s ...", org.slug());
    var found =
        new Orphans(cli.reading()).find(org.slug(), older == null ? Duration.ofHours(1) : older);
    var confirm = org.slug().equals(confirmed);
    var gone = 0;
    for (var orphan : found) {
      cli.err()
          .printf("  %s %s of %s (%s)%n", orphan.kind(), orphan.id(), orphan.app(), orphan.about());
      if (!confirm && !cli.dryRun) continue;
      if (!remover.destroy(orphan) || cli.dryRun) continue;
      if (cli.quiet) cli.out().println(orphan.id());
      else cli.printLine(Fly.JSON.mapper().valueToTree(orphan));
      gone++;
    }
    if (found.isEmpty()) cli.say("There are none.");
    else if (cli.dryRun) return;
    else if (confirm) cli.say("%d of %d destroyed.", gone, found.size());
    else throw unconfirmed(org.slug(), "fly-cleanup --orphans --confirm " + org.slug());
  }

  private FlyException unconfirmed(String name, AppTeardown.Contents contents) {
    cli.err().println("This would be destroyed:");
    for (var line : contents.lines()) cli.err().println("  " + line);
    return unconfirmed(name, "fly-cleanup --confirm " + name);
  }

  private FlyException unconfirmed(String name, String next) {
    return FlyException.usage(
        "nothing was destroyed",
        confirmed == null
            ? "--confirm is missing"
            : "--confirm says %s, and the %s is %s"
                .formatted(confirmed, orphans ? "organization" : "app", name),
        next);
  }

  private void forgetToken(String name) {
    try {
      var file = Settings.tokenFile(name);
      if (Files.deleteIfExists(file)) cli.say("Its token is gone from %s, too.", file);
    } catch (IOException e) {
      cli.warn("its token stays: " + e.getMessage());
    }
  }

  /** The files belong to their clients: they are named, and not changed. */
  private void nameClients(String name) {
    for (var client : ClientConfigFile.found()) {
      try {
        if (ClientConfigFile.ofUser(client).get(name).isMissingNode()) continue;
        var remove = Hint.of("fly-mcp-config") + " --remove --client %s --url %s";
        cli.say("%s still has the server: " + remove, client, client, Settings.edgeUrl(name));
      } catch (FlyException e) {
        // a file that cannot be read names nothing
      }
    }
  }
}
