///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Compare starts: a suspended Machine, a stopped one, an update, a create.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java ../../lib/fly/fleet/StartComparison.java
//FILES fleet.json

import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.cli.Cli;
import fly.cli.Options;
import fly.fleet.StartComparison;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-compare-starts",
    header = "fly-compare-starts --runs 5 --html starts.html",
    description = "Compare starts: a suspended Machine, a stopped one, an update, a create.",
    footer = {
      "%nThe times are those until the Machine is started, which says that it has booted, and not"
          + " that its",
      "program answers. Its Machines are destroyed at the end, and by Ctrl-C. On the sandbox they"
          + " are real",
      "processes of this machine, frozen and spawned; on Fly.io they are Machines.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#performance-considerations"
    })
class CompareStarts implements Runnable {
  private static final int BAR = 30;

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Region region;
  @Mixin Options.Body body;
  @Mixin Options.Json json;

  @Option(
      names = "--runs",
      paramLabel = "N",
      description = "Measure each way so often (default: ${DEFAULT-VALUE}).")
  int runs = 3;

  @Option(names = "--html", paramLabel = "FILE", description = "Write a page with the plot, too.")
  Path html;

  public static void main(String... args) {
    Cli.main(new CompareStarts(), args);
  }

  @Override
  public void run() {
    if (body.printed("fleet.json", cli)) return;
    if (runs < 1) throw FlyException.usage("nothing to measure", "--runs is " + runs, "--runs 3");

    // 1. Build the request: a Machine that can be suspended.
    var request = body.load("fleet.json", Map.of());
    region.into(request);
    body.changed(request, cli);
    if (cli.dryRun) {
      cli.fly().post("/v1/apps/{app}/machines", request, app.name());
      return;
    }

    // 2. Measure the four ways in turns.
    cli.sayTarget(null);
    List<StartComparison.Row> rows;
    try (var comparison = new StartComparison(cli.fly(), cli, app.name(), request)) {
      for (int run = 1; run <= runs; run++) {
        cli.say("Run %d of %d:", run, runs);
        comparison.run(run);
      }
      rows = comparison.rows();
    }

    // 3. Print a table with a bar for each median, or JSON; and the page.
    if (!cli.viewed()) rows.forEach(row -> cli.jsonLine(Fly.JSON.mapper().valueToTree(row)));
    else table(rows);
    if (html != null) write(rows);
  }

  private void table(List<StartComparison.Row> rows) {
    var longest = rows.stream().mapToDouble(StartComparison.Row::median).max().orElse(1);
    var lines = new ArrayList<List<String>>();
    for (var row : rows) {
      var bar = "#".repeat((int) Math.max(1, Math.round(BAR * row.median() / longest)));
      lines.add(
          List.of(
              row.way(),
              "%.3f s".formatted(row.min()),
              "%.3f s".formatted(row.median()),
              "%.3f s".formatted(row.max()),
              bar));
    }
    cli.table(List.of("WAY", "MIN", "MEDIAN", "MAX", ""), lines);
  }

  private void write(List<StartComparison.Row> rows) {
    var title = "Measured against " + Settings.FLY_API_HOSTNAME.get();
    try {
      Files.writeString(html, StartComparison.html(title, rows));
      cli.say("The plot is in %s.", html);
    } catch (IOException e) {
      throw new FlyException(html + " could not be written", e.toString(), "--html in your folder");
    }
  }
}
