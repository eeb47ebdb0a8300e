//SOURCES ../Deadline.java ../Fly.java ../FlyException.java ../Machines.java ../Story.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Machines;
import fly.Story;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Measures the guide's four ways to a Machine that runs: from suspended, from stopped, by an update
 * and by a create. The ways take turns, so that a slow moment hits all of them.
 */
public final class StartComparison implements AutoCloseable {
  private static final String MACHINES = "/v1/apps/{app}/machines";
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private final Fly fly;
  private final Machines machines;
  private final Story story;
  private final String app;
  private final ObjectNode request;
  private final Set<String> created = ConcurrentHashMap.newKeySet();
  private final Map<String, List<Double>> times = new LinkedHashMap<>();
  private final Thread hook = new Thread(this::destroyAll);

  /**
   * @param request for the Machines that are measured; they are destroyed on close and by Ctrl-C
   */
  public StartComparison(Fly fly, Story story, String app, ObjectNode request) {
    this.fly = fly;
    this.story = story;
    this.machines = new Machines(fly, (format, args) -> {});
    this.app = app;
    this.request = request;
    for (var way : List.of("suspended start", "stopped start", "update", "create")) {
      times.put(way, new ArrayList<>());
    }
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** One of the four ways. */
  public record Row(String way, double min, double median, double max, List<Double> seconds) {}

  /** Measures each way once. */
  public void run(int round) {
    if (created.isEmpty()) {
      create();
      story.say("Measuring on the Machine %s ...", created.iterator().next());
    }
    var id = created.iterator().next();
    machines.suspend(app, id);
    machines.waitFor(app, id, Machines.State.suspended, PATIENCE);
    measure("suspended start", () -> start(id));

    machines.stop(app, id, null);
    machines.waitFor(app, id, Machines.State.stopped, PATIENCE);
    measure("stopped start", () -> start(id));

    measure("update", () -> update(id, round));

    var other = new String[1];
    measure("create", () -> other[0] = create());
    destroy(other[0]);
  }

  private void measure(String way, Runnable step) {
    var begin = Deadline.clock().nanos();
    step.run();
    var seconds = (Deadline.clock().nanos() - begin) / 1e9;
    times.get(way).add(seconds);
    story.say("  %-16s %7.3f s", way, seconds);
  }

  private void start(String id) {
    machines.start(app, id);
    machines.waitFor(app, id, Machines.State.started, PATIENCE);
  }

  private void update(String id, int round) {
    var machine = fly.get(MACHINES + "/{machine}", app, id);
    var change = Fly.JSON.createObjectNode();
    change.set("config", machine.path("config").deepCopy());
    change.withObject("/config/env").put("ROUND", String.valueOf(round));
    var version = fly.post(MACHINES + "/{machine}", change, app, id).path("instance_id").asText();
    machines.waitForVersion(app, id, Machines.State.started, version, PATIENCE);
  }

  private String create() {
    var named = request.deepCopy().put("name", "compare-" + UUID.randomUUID());
    var id = fly.create(MACHINES, named, () -> named(named.path("name")), app).path("id").asText();
    created.add(id);
    machines.waitFor(app, id, Machines.State.started, PATIENCE);
    return id;
  }

  private Optional<JsonNode> named(JsonNode name) {
    return fly.list(MACHINES, app).stream()
        .filter(one -> one.path("name").equals(name))
        .findFirst();
  }

  private void destroy(String id) {
    new Machines(fly.afresh(), (format, args) -> {}).destroy(app, id, true);
    created.remove(id);
  }

  private void destroyAll() {
    for (var id : created) {
      try {
        destroy(id);
      } catch (FlyException e) {
        story.insist("warning: the Machine %s stays: fly-destroy-machine --force %s", id, id);
      }
    }
  }

  /** The times so far. */
  public List<Row> rows() {
    var rows = new ArrayList<Row>();
    times.forEach(
        (way, all) -> {
          if (all.isEmpty()) return;
          var sorted = new ArrayList<>(all);
          Collections.sort(sorted);
          var n = sorted.size();
          var median = (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
          rows.add(new Row(way, sorted.get(0), median, sorted.get(n - 1), List.copyOf(all)));
        });
    return rows;
  }

  /** The rows as one page without any other file: a plot, and the table. */
  public static String html(String title, List<Row> rows) {
    var longest = rows.stream().mapToDouble(Row::max).max().orElse(1);
    var plot = new StringBuilder();
    var table = new StringBuilder();
    for (int i = 0; i < rows.size(); i++) {
      var row = rows.get(i);
      var y = 20 + 50 * i;
      plot.append("<text x=\"0\" y=\"%d\">%s</text>%n".formatted(y + 5, row.way()));
      plot.append(
          "<rect x=\"140\" y=\"%d\" width=\"%.1f\" height=\"16\" fill=\"#7b3fe4\"/>%n"
              .formatted(y - 8, 480 * row.median() / longest));
      for (var seconds : row.seconds()) {
        var x = 140 + 480 * seconds / longest;
        plot.append("<circle cx=\"%.1f\" cy=\"%d\" r=\"3\"/>%n".formatted(x, y));
      }
      table.append(
          "<tr><td>%s</td><td>%.3f</td><td>%.3f</td><td>%.3f</td></tr>%n"
              .formatted(row.way(), row.min(), row.median(), row.max()));
    }
    return """
    <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Starts compared</title>
    <style>body{font:16px system-ui;margin:2em}td,th{padding:.2em 1em;text-align:right}</style>
    </head><body><h1>Starts compared</h1><p>%s. The bar is the median, a dot is one run.</p>
    <svg viewBox="0 0 640 %d" width="640" font-size="15">
    %s</svg>
    <table><tr><th></th><th>min (s)</th><th>median</th><th>max</th></tr>
    %s</table></body></html>
    """
        .formatted(
            title.replace("&", "&amp;").replace("<", "&lt;"), 50 * rows.size() + 10, plot, table);
  }

  /** Destroys the Machines. */
  @Override
  public void close() {
    destroyAll();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // the JVM is about to end, and the hook has begun
    }
  }
}
