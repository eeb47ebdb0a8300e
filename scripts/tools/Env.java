///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Print all settings as export lines; secrets are not shown.
//SOURCES ../../lib/fly/Settings.java ../../lib/fly/ShellWord.java ../../lib/fly/cli/Cli.java

import fly.Settings;
import fly.ShellWord;
import fly.cli.Cli;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-env",
    header = "fly-env",
    description = "Print all settings as export lines; secrets are not shown.",
    footer = "%nFor each: option > system property > environment > .env > default.")
class Env implements Runnable {
  @Mixin Cli cli;

  public static void main(String... args) {
    Cli.main(new Env(), args);
  }

  @Override
  public void run() {
    for (var setting : Settings.values()) {
      var value = setting.get();
      if (value == null) {
        cli.out().printf("# %s is not set (%s)%n", setting, setting.description);
      } else if (setting.secret()) {
        cli.out().printf("# %s is set (not shown)%n", setting);
      } else {
        cli.out().printf("export %s=%s%n", setting, ShellWord.of(value));
      }
    }
  }
}
