///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Set secrets of an app, from variables or from stdin, never from arguments.
//SOURCES ../../lib/fly/FlyException.java ../../lib/fly/Settings.java ../../lib/fly/TextFile.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java

import fly.FlyException;
import fly.Settings;
import fly.TextFile;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-set-secrets",
    header = "fly-set-secrets API_KEY DATABASE_URL",
    description = "Set secrets of an app, from variables or from stdin, never from arguments.",
    footer = {
      "%nEach NAME is a variable of the environment or of .env. With --stdin: lines NAME=VALUE.",
      "Machines get them when they are created, updated or started again.",
      "%nFly.io: https://fly.io/docs/machines/api/apps-resource/"
    })
class SetSecrets implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;

  @Option(names = "--stdin", description = "Read lines NAME=VALUE from stdin.")
  boolean stdin;

  @Parameters(paramLabel = "NAME", description = "The variables whose values are the secrets.")
  List<String> names = List.of();

  public static void main(String... args) {
    Cli.main(new SetSecrets(), args);
  }

  @Override
  public void run() {
    // 1. Collect the values: the process's arguments can be read by every user of this machine.
    var secrets = new LinkedHashMap<String, String>();
    for (var name : names) secrets.put(known(name), value(name));
    if (stdin) fromStdin(secrets);
    if (secrets.isEmpty()) {
      throw FlyException.usage(
          "no secret is named",
          stdin ? "stdin is empty" : "no NAME, and no --stdin",
          stdin ? "lines NAME=VALUE" : "NAME, or --stdin");
    }

    // 2. Set them in one request, and print their names and digests.
    cli.announce("Setting %s of the app %s ...", String.join(", ", secrets.keySet()), app.name());
    var answer = cli.fly().setSecrets(app.name(), secrets);
    if (cli.quiet && !cli.dryRun) secrets.keySet().forEach(cli.out()::println);
    else cli.print(answer);

    cli.say(
        "Machines that run keep the old ones until a restart: " + Hint.of("fly-restart-machine"));
  }

  private static String known(String name) {
    if (name.matches("[A-Za-z_]\\w*")) return name;
    throw FlyException.usage(
        "a secret's value does not belong on the command line",
        "\"" + name.replaceFirst("=.*", "=...") + "\" is no name of a variable",
        "export NAME=VALUE, then NAME alone; or --stdin");
  }

  private static String value(String name) {
    var value = Settings.lookup(name);
    if (value != null) return value;
    throw FlyException.usage(
        name + " is not set",
        "looked for it in the environment and in .env",
        "export " + name + "=..., or --stdin");
  }

  private static void fromStdin(Map<String, String> secrets) {
    for (var line : TextFile.stdin().lines().filter(line -> !line.isBlank()).toList()) {
      var pair = line.split("=", 2);
      if (pair.length < 2) {
        throw FlyException.usage("a line of stdin is no secret", "it has no =", "lines NAME=VALUE");
      }
      if (secrets.put(known(pair[0].strip()), pair[1]) != null) {
        throw FlyException.usage(
            pair[0].strip() + " is there twice",
            "a secret has one value, and it is not clear which",
            "one line NAME=VALUE for each, and none for a NAME of the command line");
      }
    }
  }
}
