///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Show what an app's Machines say, and what becomes of them.
//SOURCES ../../lib/fly/Deadline.java ../../lib/fly/LogTail.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Many.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.LogTail;
import fly.cli.Cli;
import fly.cli.Many;
import fly.cli.Options;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-logs",
    header = "fly-logs --follow --machine 148ed127f22387",
    description = "Show what an app's Machines say, and what becomes of them.",
    footer = {
      "%nWithout --follow it prints the newest lines, at most 100 of each Machine named, and ends.",
      "Without a Machine it reads the logs of the app in one.",
      "They come from api.fly.io ($$FLY_API_BASE_URL), as flyctl's do."
    })
class Logs implements Runnable {
  private static final long SHORTEST_PAUSE_MS = 250;
  private static final long LONGEST_PAUSE_MS = 4_000;

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Many.ByOption machines;

  @Option(
      names = {"-f", "--follow"},
      description = "Go on, and print lines as they come.")
  boolean follow;

  public static void main(String... args) {
    Cli.main(new Logs(), args);
  }

  @Override
  public void run() {
    // 1. One tail for the app, or one for each Machine.
    var tails = new ArrayList<LogTail>();
    var ids = machines.named();
    if (ids.isEmpty() && !machines.unnamed()) ids = machines.ids(cli, app.name());
    var fly = follow ? cli.following() : cli.fly();
    for (var id : ids) tails.add(new LogTail(fly, app.name(), id, machines.region()));
    if (machines.unnamed()) {
      tails.add(new LogTail(fly, app.name(), null, machines.region()));
    }

    // 2. Print what is there.
    cli.announce("Reading the logs of the app %s ...", app.name());
    print(tails);
    if (cli.dryRun || !follow) return;

    // 3. Ask for more, less often while nothing comes.
    var pause = SHORTEST_PAUSE_MS;
    while (!cli.out().checkError()) { // true once the reader, such as head, has closed the pipe
      Deadline.sleep(Duration.ofMillis(pause));
      pause = print(tails) ? SHORTEST_PAUSE_MS : Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }

  /** Prints the new lines of all tails by their time; returns false if there are none. */
  private boolean print(List<LogTail> tails) {
    var lines = new ArrayList<JsonNode>();
    tails.forEach(tail -> lines.addAll(tail.next()));
    if (tails.size() > 1) {
      lines.sort(Comparator.comparing(line -> line.path("timestamp").asText()));
    }
    for (var line : lines) {
      if (machines.json.wanted()) cli.jsonLine(line);
      else cli.out().println(text(line));
    }
    cli.out().flush();
    return !lines.isEmpty();
  }

  /** The format of flyctl. */
  private static String text(JsonNode line) {
    return "%s %s[%s] %s [%s] %s"
        .formatted(
            line.path("timestamp").asText(),
            line.at("/meta/event/provider").asText("app"),
            line.path("instance").asText(),
            line.path("region").asText(),
            line.path("level").asText(),
            line.path("message").asText().stripTrailing());
  }
}
