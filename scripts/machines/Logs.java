///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Show what an app's Machines say, and what becomes of them.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import fly.cli.Options;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-logs",
    header = "fly-logs --follow --machine 148ed127f22387",
    description = "Show what an app's Machines say, and what becomes of them.",
    footer = {
      "%nWithout --follow it prints the newest lines, at most 100, and ends.",
      "They come from api.fly.io ($$FLY_API_BASE_URL), as flyctl's do."
    })
class Logs implements Runnable {
  private static final long SHORTEST_PAUSE_MS = 250;
  private static final long LONGEST_PAUSE_MS = 4_000;

  @Mixin Cli.Api cli;
  @Mixin Options.App app;

  @Option(
      names = {"-f", "--follow"},
      description = "Go on, and print lines as they come.")
  boolean follow;

  @Option(names = "--machine", paramLabel = "MACHINE_ID", description = "Of this Machine alone.")
  String machine;

  @Option(names = "--region", paramLabel = "CODE", description = "Of this region alone.")
  String region;

  @Option(names = "--json", description = "Print one JSON a line.")
  boolean json;

  public static void main(String... args) {
    Cli.main(new Logs(), args);
  }

  @Override
  public void run() {
    cli.say("Reading the logs of the app %s ...", app.name());
    var page = page("");
    print(page, Set.of());
    if (cli.dryRun || !follow) return;

    var pause = SHORTEST_PAUSE_MS;
    var token = "";
    while (!cli.out().checkError()) { // nobody reads any more, once head(1) has its lines
      var seen = new HashSet<JsonNode>();
      page.path("data").forEach(seen::add);
      var next = page.at("/meta/next_token").asText("");
      if (!next.isEmpty()) token = next;
      Fly.pause(pause);
      page = page(token);
      var news = print(page, seen);
      pause = news ? SHORTEST_PAUSE_MS : Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }

  private JsonNode page(String token) {
    var path = new StringBuilder("/api/v1/apps/{app}/logs?next_token={token}");
    var ids = new ArrayList<Object>();
    ids.add(app.name());
    ids.add(token);
    if (machine != null) {
      path.append("&instance={machine}");
      ids.add(machine);
    }
    if (region != null) {
      path.append("&region={region}");
      ids.add(region);
    }
    return cli.fly().getCentral(path.toString(), ids.toArray());
  }

  /** Prints what is new; whether anything is. */
  private boolean print(JsonNode page, Set<JsonNode> seen) {
    var news = false;
    for (var line : page.path("data")) {
      if (seen.contains(line)) continue;
      news = true;
      var attributes = line.path("attributes");
      cli.out().println(json ? attributes.toString() : text(attributes));
    }
    cli.out().flush();
    return news;
  }

  /** As flyctl writes it. */
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
