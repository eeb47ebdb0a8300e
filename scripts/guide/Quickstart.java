///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION The whole guide, step by step, on a sandbox of its own.
//MAIN Quickstart
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java ../../lib/fly/cli/Steps.java
//SOURCES ../../lib/fly/mcp/check/ReplyView.java ../../lib/fly/sandbox/SandboxConfig.java
//SOURCES ../../lib/fly/sandbox/SandboxServer.java AllocateIps.java CallMcp.java CheckToken.java CreateApp.java
//SOURCES CreateMachine.java CreateVolume.java NameApp.java SelectHostname.java SelectOrg.java
//SOURCES ../machines/Cleanup.java ../mcp/FilesServer.java

import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.cli.Steps;
import fly.mcp.check.ReplyView;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.Writer;
import java.util.concurrent.Callable;
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
  @Mixin Options.Json json;

  @Option(names = "--live", description = "Run it on Fly.io, which costs a little while it lasts.")
  boolean live;

  @Option(names = "--keep", description = "Do not clean up; the sandbox lasts until Ctrl-C.")
  boolean keep;

  private SandboxServer sandbox;
  private Steps steps;
  private volatile String app; // null until its creation begins

  public static void main(String... args) {
    Cli.main(new Quickstart(), args);
  }

  @Override
  public Integer call() {
    steps = new Steps(cli);
    if (live) announceLive();
    return steps.thenClean(this::run, this::cleanUp, this::left);
  }

  private void run() {
    var started = System.nanoTime();
    if (!live) startSandbox();
    var replies = guide();
    print(replies);
    if (replies.lines().count() != 3) {
      throw new FlyException("not all three replies came", replies, "fly-call-mcp", 13);
    }
    cli.say("%nAll three replies came, after %.1f s.", (System.nanoTime() - started) / 1e9);
    if (keep && !live) stay();
  }

  private void startSandbox() {
    cli.say(
        "A sandbox plays Fly.io; only npx downloads something, and nothing leaves this machine.");
    sandbox =
        SandboxServer.start(
            SandboxConfig.onPort(0)
                .filesServer(FilesServer.class)
                .tell(line -> cli.say("     %s", line)));
    for (var setting : Settings.values()) System.clearProperty(setting.name());
    sandbox.environment().forEach(System::setProperty);
  }

  /** The guide, under its own headings. */
  private String guide() {
    steps.run("Select an organization", "ORG", new SelectOrg());
    steps.run("Organization token", null, new CheckToken());
    steps.run("Select an API hostname", "FLY_API_HOSTNAME", new SelectHostname());
    steps.run("Chose a hostname for your app", "APP_NAME", new NameApp());
    app = Settings.APP_NAME.get();
    steps.run("Create your app", null, new CreateApp());
    steps.run("Create IP addresses for your application", null, new AllocateIps());
    steps.run("Create a volume", null, new CreateVolume());
    steps.run("Create a machine", null, new CreateMachine());
    steps.createNothing();
    return steps.run("Accessing the MCP", null, new CallMcp(), "--timeout", "180");
  }

  private void print(String replies) {
    var viewed = cli.viewed() && !cli.quiet;
    for (var reply : replies.lines().map(ReplyView::read).toList()) {
      if (viewed) cli.out().println(ReplyView.of(reply).indent(5).stripTrailing());
      else cli.jsonLine(reply);
    }
    cli.out().flush();
  }

  private void announceLive() {
    Settings.FLY_API_TOKEN.require();
    cli.say(
        """
        This runs on Fly.io, in the organization %s. It will create:
          an app with a random name, a shared IPv4 and an IPv6 address (free);
          a volume of 1 GB and a Machine (shared-cpu-1x, 1 GB): together about a cent an hour.
        The MCP server is public, and without authentication, for as long as it lasts.
        %s\
        """,
        Settings.ORG.get(), keep ? "All of it stays." : "All of it is destroyed at the end.");
  }

  private void stay() {
    cli.say("\nThe sandbox stays until Ctrl-C. In another terminal:");
    sandbox.environment().forEach((name, value) -> cli.say("  export %s='%s'", name, value));
    cli.say("  export APP_NAME=%s", app);
    steps.awaitSignal();
  }

  /** The last line of a process that leaves something. */
  private String left() {
    if (!live || app == null) return "Nothing is left.";
    var cleanup = Hint.of("fly-cleanup") + " --app " + app + " --confirm " + app;
    return (keep ? "Kept. To end it: " : "Left on Fly.io: ") + cleanup;
  }

  /** Returns false if something is left. */
  private boolean cleanUp() {
    var gone = app == null || !(keep && live);
    if (app != null && !keep) {
      cli.say("%nCleaning up%n  $ %s --confirm %s", Hint.of("fly-cleanup"), app);
      gone = steps.quietly(new Cleanup(), Writer.nullWriter(), "--app", app, "--confirm", app) == 0;
    }
    if (sandbox != null) sandbox.close();
    return gone;
  }
}
