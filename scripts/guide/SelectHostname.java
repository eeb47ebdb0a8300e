///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Select an API hostname: internal where it answers, else public.
//SOURCES ../../lib/fly/Access.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Preflight.java

import fly.Access;
import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Preflight;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-select-hostname",
    header = "fly-select-hostname",
    description = "Select an API hostname: internal where it answers, else public.",
    footer = {
      "%nIn a script: export FLY_API_HOSTNAME=$(... fly-select-hostname)",
      "A FLY_API_HOSTNAME that is set already is kept, if it answers.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#select-an-api-hostname"
    })
class SelectHostname implements Runnable {
  /** Reachable from inside a private network of Fly.io only. */
  String internal = "http://_api.internal:4280";

  @Mixin Cli cli;

  public static void main(String... args) {
    Cli.main(new SelectHostname(), args);
  }

  @Override
  public void run() {
    var chosen = Settings.lookup(Settings.FLY_API_HOSTNAME.name());

    // 1. Take the address that is set, or try the internal one: which of them answers?
    cli.say("Asking %s ...", chosen == null ? internal : chosen);
    cli.out().println(chosen == null ? ours() : checked(chosen));

    // 2. Name the next step.
    cli.say("Next: export APP_NAME=$(" + Hint.of("fly-name-app") + ")");
  }

  private String ours() {
    try {
      Access.requireSafe(internal); // another network may have a host of this name
      Preflight.reach(cli, internal);
      cli.say("It answers: you are inside the private network.");
      return internal;
    } catch (IOException | FlyException e) {
      var address = Settings.FLY_API_HOSTNAME.get();
      cli.say(
          "Fly.io does not answer there: you are outside the private network, so it is %s.",
          address);
      return address;
    }
  }

  private String checked(String chosen) {
    Access.requireSafe(chosen);
    try {
      Preflight.reach(cli, chosen);
      cli.say("It answers, and FLY_API_HOSTNAME says so: kept.");
      return chosen;
    } catch (IOException e) {
      throw new FlyException(
          "could not reach " + chosen,
          FlyException.reason(e) + "; FLY_API_HOSTNAME names it",
          "unset FLY_API_HOSTNAME, then run this again");
    }
  }
}
