///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Start a Machine that is stopped or suspended.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-start-machine",
    header = "fly-start-machine 148ed127f22387",
    description = "Start a Machine that is stopped or suspended.",
    footer =
        "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations")
class StartMachine implements Runnable {
  /** What a Machine leaves by itself (Fly.io, Machine states). */
  private static final String PASSING =
      "created|creating|pending|stopping|suspending|restarting|replacing|updating";

  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(60);

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Machine machine;

  public static void main(String... args) {
    Cli.main(new StartMachine(), args);
  }

  @Override
  public void run() {
    cli.say("Starting the Machine %s ...", machine.id());
    cli.print(start(), machine.id());

    cli.say("Next: " + Hint.of("fly-wait-machine") + " --state started");
  }

  /** A Machine that is on its way to another state refuses to start until it is there. */
  private JsonNode start() {
    var deadline = System.nanoTime() + PATIENCE_NS;
    for (long pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
      try {
        return cli.fly()
            .action("/v1/apps/{app}/machines/{machine}/start", null, app.name(), machine.id());
      } catch (FlyException refused) {
        if (refused.status != 412 && refused.status != 409) throw refused;
        var now = cli.fly().get("/v1/apps/{app}/machines/{machine}", app.name(), machine.id());
        var state = now.path("state").asText();
        if (state.matches("started|starting")) {
          cli.say("It is %s already.", state);
          return now;
        }
        if (!state.matches(PASSING) || System.nanoTime() > deadline) throw refused;
        cli.say("It is %s; waiting ...", state);
        Fly.pause(pause);
      }
    }
  }
}
