///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Check everything from the JDK to the MCP server's reply, and say what to do.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java
//SOURCES ../../lib/fly/doctor/Checkup.java ../../lib/fly/doctor/Examination.java

import fly.Fly;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.doctor.Checkup;
import fly.doctor.Examination;
import java.time.Duration;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "fly-doctor",
    header = "fly-doctor --json",
    description = "Check everything from the JDK to the MCP server's reply, and say what to do.",
    footer = {
      "%nThe last checks send a request to the app, which starts a stopped Machine. A check is",
      "skipped if one failed on which it builds. The first failure comes last, and gives the exit",
      "code."
    })
class Doctor implements Runnable {
  @Mixin Cli cli;
  @Mixin Options.Json json;

  public static void main(String... args) {
    Cli.main(new Doctor(), args);
  }

  @Override
  public void run() {
    // 1. Run the checks, and show each as it ends.
    var checkup = new Checkup(json.wanted() ? finding -> {} : this::show);
    var verbose = cli.verbose ? (Consumer<String>) cli.err()::println : null;
    var fly = Fly.connect(null, verbose, cli).eachWithin(Duration.ofSeconds(30));
    Examination.run(checkup, fly);

    // 2. The first failure comes last.
    if (json.wanted()) {
      var all = Fly.JSON.createArrayNode();
      checkup.findings().forEach(finding -> all.add(finding.json()));
      cli.json(all);
    }
    if (checkup.firstFailure() != null) throw checkup.firstFailure();
    cli.say("All is well.");
  }

  private void show(Checkup.Finding finding) {
    if (cli.quiet && finding.status().equals("ok")) return;
    var first = true;
    var failure = finding.failure();
    var more =
        failure == null ? "" : "\nwhy: " + failure.why + "\ntry: " + Hint.render(failure.tryNext);
    for (var line : (finding.detail() + more).split("\n")) {
      cli.out()
          .printf(
              "%-8s %-13s %s%n", first ? finding.status() : "", first ? finding.name() : "", line);
      first = false;
    }
    cli.out().flush();
  }
}
