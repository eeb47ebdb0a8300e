///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION The whole guide, step by step, on a sandbox of its own.
//MAIN Quickstart
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Steps.java ../../lib/fly/sandbox/SandboxServer.java
//SOURCES AllocateIps.java CallMcp.java CheckToken.java CreateApp.java CreateMachine.java CreateVolume.java
//SOURCES NameApp.java SelectHostname.java SelectOrg.java ../machines/Cleanup.java ../mcp/FilesServer.java

import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Steps;
import fly.sandbox.SandboxServer;
import java.io.Writer;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-quickstart",
    header = "fly-quickstart",
    description = "The whole guide, step by step, on a sandbox of its own.",
    footer = {
      "%nThe sandbox is a local Fly.io, on a free port of this machine: no account, no cost. With"
          + " --live the",
      "same steps run on Fly.io with your FLY_API_TOKEN.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/"
    })
class Quickstart implements Callable<Integer> {
  @Mixin Cli cli;

  @Option(names = "--live", description = "Run it on Fly.io, which costs a little while it lasts.")
  boolean live;

  @Option(names = "--keep", description = "Do not clean up; the sandbox lasts until Ctrl-C.")
  boolean keep;

  private SandboxServer sandbox;
  private Steps steps;
  private boolean appMayExist;
  private boolean cleanedUp;

  public static void main(String... args) {
    Cli.main(new Quickstart(), args);
  }

  @Override
  public Integer call() throws InterruptedException {
    steps = new Steps(cli);
    var started = System.nanoTime();
    if (live) {
      announceLive();
    } else {
      cli.say(
          "A sandbox of its own plays Fly.io; nothing leaves this machine but npx's own"
              + " downloads.");
      sandbox =
          SandboxServer.start(
              SandboxServer.Config.onPort(0)
                  .filesServer(FilesServer.class)
                  .tell(line -> cli.say("     %s", line)));
      for (var setting : Settings.values()) System.clearProperty(setting.name());
      sandbox.environment().forEach(System::setProperty);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::cleanUp));
    try {
      var replies = guide();
      cli.out().print(replies);
      cli.out().flush();
      if (replies.lines().count() != 3) {
        throw new FlyException("not all three replies came", replies, Hint.of("fly-call-mcp"), 13);
      }
      cli.say("%nAll three replies came, after %.1f s.", (System.nanoTime() - started) / 1e9);
      if (keep) stay();
      return 0;
    } catch (Steps.Failed e) {
      return e.exitCode;
    } finally {
      cleanUp();
    }
  }

  /** The guide, under its own headings. */
  private String guide() {
    steps.run("Select an organization", "ORG", new SelectOrg());
    steps.run("Organization token", null, new CheckToken());
    steps.run("Select an API hostname", "FLY_API_HOSTNAME", new SelectHostname());
    steps.run("Chose a hostname for your app", "APP_NAME", new NameApp());
    appMayExist = true;
    steps.run("Create your app", null, new CreateApp());
    steps.run("Create IP addresses for your application", null, new AllocateIps());
    steps.run("Create a volume", null, new CreateVolume());
    steps.run("Create a machine", null, new CreateMachine());
    return steps.run("Accessing the MCP", null, new CallMcp(), "--timeout", "180");
  }

  private void announceLive() {
    Settings.FLY_API_TOKEN.require();
    cli.say("This runs on Fly.io, in the organization %s. It will create:", Settings.ORG.get());
    cli.say("  an app with a random name, a shared IPv4 and an IPv6 address (free);");
    cli.say(
        "  a volume of 1 GB and a Machine (shared-cpu-1x, 1 GB): together about a cent an hour.");
    cli.say("The MCP server is public, and without authentication, for as long as it lasts.");
    cli.say(keep ? "All of it stays." : "All of it is destroyed at the end.");
  }

  private void stay() throws InterruptedException {
    if (live) {
      cli.say(
          "Kept. To end it: export APP_NAME=%s; %s",
          app(), Hint.of("fly-cleanup") + " --confirm " + app());
      return;
    }
    cli.say("%nThe sandbox stays until Ctrl-C. In another terminal:");
    sandbox.environment().forEach((name, value) -> cli.say("  export %s='%s'", name, value));
    cli.say("  export APP_NAME=%s", app());
    new CountDownLatch(1).await();
  }

  private static String app() {
    return Settings.APP_NAME.get();
  }

  /** Once, at the end or on Ctrl-C. */
  private synchronized void cleanUp() {
    if (cleanedUp) return;
    cleanedUp = true;
    if (appMayExist && !keep) {
      cli.say("%nCleaning up%n  $ %s --confirm %s", Hint.of("fly-cleanup"), app());
      steps.quietly(new Cleanup(), Writer.nullWriter(), "--confirm", app());
    }
    if (sandbox != null) sandbox.close();
  }
}
