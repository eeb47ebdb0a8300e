///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION The whole guide, step by step, on a sandbox of its own.
//MAIN Quickstart
//SOURCES ../lib/fly/Cli.java ../lib/fly/sandbox/SandboxServer.java FilesServer.java
//SOURCES SelectOrg.java CheckToken.java SelectHostname.java NameApp.java CreateApp.java AllocateIps.java
//SOURCES CreateVolume.java CreateMachine.java CallMcp.java Cleanup.java

import com.fasterxml.jackson.core.JsonProcessingException;
import fly.Cli;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.sandbox.SandboxServer;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
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
  private PrintWriter story;
  private boolean appMayExist;
  private boolean cleanedUp;

  public static void main(String... args) {
    Cli.main(new Quickstart(), args);
  }

  @Override
  public Integer call() throws InterruptedException {
    story = new PrintWriter(new Indented(cli.err()), true);
    var started = System.nanoTime();
    if (live) {
      announceLive();
    } else {
      cli.say(
          "A sandbox of its own plays Fly.io; nothing leaves this machine but npx's own"
              + " downloads.");
      sandbox =
          SandboxServer.start(
              SandboxServer.Config.onPort(0).tell(line -> cli.say("     %s", line)));
      for (var setting : Settings.values()) System.clearProperty(setting.name());
      sandbox.environment().forEach(System::setProperty);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::cleanUp));
    try {
      var replies = guide();
      cli.out().print(replies);
      cli.out().flush();
      if (replies.lines().count() != 3) {
        throw new FlyException("not all three replies came", replies, Cli.hint("fly-call-mcp"), 13);
      }
      cli.say("%nAll three replies came, after %.1f s.", (System.nanoTime() - started) / 1e9);
      if (keep) stay();
      return 0;
    } catch (StepFailed e) {
      return e.exitCode;
    } finally {
      cleanUp();
    }
  }

  /** The guide, under its own headings. */
  private String guide() {
    step("Select an organization", "ORG", new SelectOrg());
    step("Organization token", null, new CheckToken());
    step("Select an API hostname", "FLY_API_HOSTNAME", new SelectHostname());
    step("Chose a hostname for your app", "APP_NAME", new NameApp());
    appMayExist = true;
    step("Create your app", null, new CreateApp());
    step("Create IP addresses for your application", null, new AllocateIps());
    step("Create a volume", null, new CreateVolume());
    step("Create a machine", null, new CreateMachine());
    return step("Accessing the MCP", null, new CallMcp(), "--timeout", "180");
  }

  /**
   * One step: its heading, the command that does it alone, and what came out.
   *
   * @param variable takes the result, as {@code export} would have it; or null
   * @return what the step printed on stdout
   */
  private String step(String heading, String variable, Object script, String... args) {
    var out = new StringWriter();
    var step = Cli.commandLine(script).setOut(new PrintWriter(out)).setErr(story);
    var command = (Cli.hint(step.getCommandName()) + " " + String.join(" ", args)).strip();
    cli.say("%n%s", heading);
    cli.say("  $ %s", variable == null ? command : "export " + variable + "=$(" + command + ")");

    var exitCode = step.execute(with(args));
    story.flush();
    if (exitCode != 0) throw new StepFailed(exitCode);

    var result = out.toString();
    if (variable != null) System.setProperty(variable, result.strip());
    cli.say("  -> %s", brief(result));
    return result;
  }

  private String[] with(String... args) {
    var all = new ArrayList<>(List.of(args));
    if (cli.quiet) all.add("--quiet");
    if (cli.verbose) all.add("--verbose");
    return all.toArray(String[]::new);
  }

  /** A result in one line of 100 columns. */
  private static String brief(String result) {
    var text = result.strip();
    try {
      text = Fly.JSON.readTree(text).toString();
    } catch (JsonProcessingException e) {
      text = text.lines().findFirst().orElse("");
    }
    if (result.strip().lines().count() > 1
        && text.equals(result.strip().lines().findFirst().get())) {
      text = text.substring(0, Math.min(text.length(), 60)) + " ...";
    }
    return text.length() <= 100 ? text : text.substring(0, 97) + "...";
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
          app(), Cli.hint("fly-cleanup") + " --confirm " + app());
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
      cli.say("%nCleaning up%n  $ %s --confirm %s", Cli.hint("fly-cleanup"), app());
      var out = new PrintWriter(Writer.nullWriter());
      Cli.commandLine(new Cleanup()).setOut(out).setErr(story).execute(with("--confirm", app()));
    }
    if (sandbox != null) sandbox.close();
  }

  private static final class StepFailed extends RuntimeException {
    private final int exitCode;

    StepFailed(int exitCode) {
      this.exitCode = exitCode;
    }
  }

  /** Sets off what a step tells from what the quickstart tells. */
  private static final class Indented extends FilterWriter {
    private boolean lineStarts = true;

    Indented(Writer out) {
      super(out);
    }

    @Override
    public void write(String text, int start, int length) throws IOException {
      for (int i = start; i < start + length; i++) write(text.charAt(i));
    }

    @Override
    public void write(char[] text, int start, int length) throws IOException {
      write(new String(text, start, length), 0, length);
    }

    @Override
    public void write(int character) throws IOException {
      if (lineStarts && character != '\n') out.write("     ");
      out.write(character);
      lineStarts = character == '\n';
    }
  }
}
