///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Chose a hostname for your app: a name that nobody else is likely to have.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-name-app",
    header = "fly-name-app --prefix mcp-demo",
    description = "Chose a hostname for your app: a name that nobody else is likely to have.",
    footer = {
      "%nIn a script: export APP_NAME=$(... fly-name-app)",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#chose-a-hostname-for-your-app"
    })
class NameApp implements Runnable {
  private static final int LONGEST = 63; // a label of a host name

  @Mixin Cli cli;

  @Option(
      names = "--prefix",
      paramLabel = "TEXT",
      description = "The part before the random part (default: ${DEFAULT-VALUE}).")
  String prefix = "mcp-demo";

  public static void main(String... args) {
    Cli.main(new NameApp(), args);
  }

  @Override
  public void run() {
    // 1. Make the name: 12 random hex digits, as the guide takes them from uuidgen.
    var name = Options.App.random(prefix.replaceFirst("-$", ""));

    // 2. Check that it is a name for a host.
    if (!name.matches("[a-z0-9][a-z0-9-]*") || name.length() > LONGEST) {
      throw FlyException.usage(
          name + " is no app name",
          "a name has lowercase letters, digits and dashes, %d at most, and no dash first"
              .formatted(LONGEST),
          "fly-name-app --prefix mcp-demo");
    }

    // 3. Print it, and the next step.
    cli.out().println(name);
    cli.say("It will answer at %s. Next: %s", Settings.edgeUrl(name), Hint.of("fly-create-app"));
  }
}
