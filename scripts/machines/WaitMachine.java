///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Wait until a Machine has reached a state.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-wait-machine",
    header = "fly-wait-machine --state stopped --timeout 5m",
    description = "Wait until a Machine has reached a state.",
    footer =
        "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations")
class WaitMachine implements Runnable {
  enum State {
    started,
    stopped,
    suspended,
    destroyed,
    failed,
    settled
  }

  private static final long LONGEST_S = 60; // of one request (Fly.io, Machines API, wait)
  private static final long REPLICATION_NS = TimeUnit.SECONDS.toNanos(2);

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Machine machine;

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description = "One of ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  State state = State.started;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long at most, such as 90s or 1h (default: 10m).")
  Duration timeout = Duration.ofMinutes(10);

  public static void main(String... args) {
    Cli.main(new WaitMachine(), args);
  }

  @Override
  public void run() {
    cli.say("Waiting until the Machine %s is %s ...", machine.id(), state);
    cli.print(reached(), machine.id());
  }

  private JsonNode reached() {
    var start = System.nanoTime();
    while (true) {
      var left = timeout.toSeconds() - TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
      try {
        return ask(Math.max(1, Math.min(LONGEST_S, left)));
      } catch (FlyException e) {
        var young = System.nanoTime() - start < REPLICATION_NS;
        if (e.status == 404 && state == State.destroyed) return gone(e);
        if (e.status != 408 && !(e.status == 404 && young)) throw e;
        if (e.status == 408 && System.nanoTime() - start >= timeout.toNanos()) throw late(e);
        if (e.status == 408) cli.say("Not yet: %s", e.why);
      }
      Fly.pause(500);
    }
  }

  /** A stopped Machine is waited for in one version of it, which Fly.io wants to be told. */
  private JsonNode ask(long seconds) {
    var path = "/v1/apps/{app}/machines/{machine}";
    var wait = path + "/wait?state={state}&timeout={seconds}";
    if (state != State.stopped || cli.dryRun) {
      return cli.fly().get(wait, app.name(), machine.id(), state, seconds);
    }
    var instanceId = cli.fly().get(path, app.name(), machine.id()).path("instance_id").asText();
    return cli.fly()
        .get(
            wait + "&instance_id={instance}", app.name(), machine.id(), state, seconds, instanceId);
  }

  /** What is destroyed is forgotten after a while. */
  private JsonNode gone(FlyException e) {
    if (cli.fly().find("/v1/apps/{app}", app.name()).isEmpty()) throw e;
    cli.say("It is gone.");
    return Fly.JSON.createObjectNode().put("ok", true).put("state", state.name());
  }

  private FlyException late(FlyException e) {
    return new FlyException(
        "the Machine is not %s after %s s".formatted(state, timeout.toSeconds()),
        e.why,
        "wait longer: --timeout %ss, or look at it: %s"
            .formatted(2 * timeout.toSeconds(), Hint.of("fly-status")));
  }
}
