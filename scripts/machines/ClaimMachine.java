///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Claim a ready Machine of a fleet for an owner, start it, and print its address.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/TextFile.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java ../../lib/fly/fleet/Pool.java ../../lib/fly/mcp/check/Readiness.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.TextFile;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.fleet.Pool;
import fly.mcp.check.Readiness;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Scanner;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-claim-machine",
    header = "fly-claim-machine --owner ann",
    description = "Claim a ready Machine of a fleet for an owner, start it, and print its address.",
    footer = {
      "%nSuspended Machines come first, then stopped ones. Claims at the same moment never get the"
          + " same one;",
      "an owner that has one gets it again. In an app of several Machines, requests need the"
          + " header",
      "fly-force-instance-id, which the result names. The token is the one of the Machine's"
          + " environment, or",
      "$$FLY_MCP_BEARER_TOKEN."
    })
class ClaimMachine implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Fleet fleet;
  @Mixin Options.Json json;

  @Option(
      names = "--owner",
      required = true,
      paramLabel = "NAME",
      description =
          "Its owner, such as a user's name; also several times; - reads them from stdin.")
  List<String> owners;

  @Option(names = "--no-check", description = "Do not wait until its MCP server answers.")
  boolean noCheck;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "The longest wait for its MCP server (default: 90s).")
  Duration timeout = Duration.ofSeconds(90);

  public static void main(String... args) {
    Cli.main(new ClaimMachine(), args);
  }

  @Override
  public void run() {
    var pool = new Pool(cli.fly(), cli, app.name(), fleet.name());
    var all = new LinkedHashSet<String>();
    for (var owner : owners) {
      if (!owner.equals("-")) all.add(owner);
      else new Scanner(TextFile.stdin()).forEachRemaining(all::add);
    }
    if (cli.dryRun) {
      throw FlyException.usage(
          "a claim has no dry run",
          "which Machine it gets shows when it has it",
          "fly-fleet-status");
    }

    if (all.isEmpty())
      throw FlyException.usage("no owner is named", "stdin is empty", "one a line");
    one = all.size() == 1;
    if (!noCheck) Settings.FLY_MCP_BEARER_TOKEN.getFor(Settings.FLY_EDGE_URL); // or refuses

    // One owner's failure is the command's; of several, each gets a line.
    cli.announce("Claiming %d of the fleet %s ...", all.size(), fleet.name());
    var failures = cli.fly().each(all, 50, owner -> print(owner, pool.claim(owner, this::check)));
    failures.forEach((owner, e) -> cli.err().printf("failed: %s: %s%n", owner, e.what));
    if (failures.isEmpty()) {
      cli.say("To give it back: " + Hint.of("fly-release-machine") + " --owner NAME");
      return;
    }
    var first = failures.values().iterator().next();
    if (all.size() == 1) throw first;
    throw new FlyException(
        "%d of %d claims failed".formatted(failures.size(), all.size()), first.why, first.tryNext);
  }

  private boolean one;

  private synchronized void print(String owner, JsonNode machine) {
    var id = machine.path("id").asText();
    if (cli.quiet) {
      cli.out().println(id);
      return;
    }
    var result = Fly.JSON.createObjectNode().put("id", id).put("owner", owner);
    result.put("url", Settings.edgeUrl(app.name()));
    result.putObject("headers").put("fly-force-instance-id", id);
    var token = token(machine);
    if (token != null) result.put("token", token);
    if (one) cli.print(result);
    else cli.printLine(result);
  }

  private static String token(JsonNode machine) {
    var own = own(machine);
    return own.isEmpty() ? Settings.FLY_MCP_BEARER_TOKEN.get() : own;
  }

  private static String own(JsonNode machine) {
    return machine.at("/config/env/FLY_MCP_BEARER_TOKEN").asText("");
  }

  /** Returns once the Machine's MCP server has answered. */
  private void check(JsonNode machine) {
    if (noCheck) return;
    var id = machine.path("id").asText();
    var token = own(machine);
    if (token.isEmpty()) token = Settings.FLY_MCP_BEARER_TOKEN.getFor(Settings.FLY_EDGE_URL);
    else Settings.FLY_EDGE_URL.requireTrusted("the token of the Machine " + id);
    Readiness.await(Settings.edgeUrl(app.name()), id, token, timeout, cli);
  }
}
