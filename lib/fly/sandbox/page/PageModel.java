//SOURCES ../../Fly.java ../http/Redaction.java ../model/AccessToken.java ../model/App.java ../model/AppLogs.java
//SOURCES ../model/Machine.java ../service/Organization.java ../service/VolumeService.java
package fly.sandbox.page;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.http.Redaction;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.App;
import fly.sandbox.model.AppLogs;
import fly.sandbox.model.Machine;
import fly.sandbox.service.Organization;
import fly.sandbox.service.VolumeService;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The content of the page as JSON, without secrets. */
public final class PageModel {
  private static final int MOST_APPS = 100;
  private static final int MOST_MACHINES = 200;
  private static final int MOST_VOLUMES = 50; // of an app
  private static final int LOG_LINES = 200; // of a Machine
  private static final int NEWEST_LINES = 100; // of all apps, when a page opens
  private static final int MOST_LINES = 500; // of an app at once
  private static final int SHORTEST_SECRET = 4;

  private final Organization organization;
  private final VolumeService volumes;
  private final AccessToken token;

  public PageModel(Organization organization, VolumeService volumes, AccessToken token) {
    this.organization = organization;
    this.volumes = volumes;
    this.token = token;
  }

  /** Values that must not be shown anywhere; the longest first. */
  List<String> secrets() {
    var values =
        new TreeSet<>(Comparator.comparing(String::length).reversed().thenComparing(s -> s));
    values.add(token.value());
    for (var app : organization.apps()) {
      values.addAll(app.secretValues().values());
      for (var machine : app.machines.values()) {
        for (var variable : machine.config().path("env").properties()) {
          if (Redaction.secretName(variable.getKey())) values.add(variable.getValue().asText());
        }
      }
    }
    values.removeIf(value -> value.length() < SHORTEST_SECRET);
    return List.copyOf(values);
  }

  /** An app, and those of its Machines that match the filter. */
  private static final class Part {
    final App app;
    final List<Machine> living;
    final List<Machine> wanted;
    int most;

    Part(App app, String filter) {
      this.app = app;
      this.living = app.living();
      var all = app.name.contains(filter);
      this.wanted = living.stream().filter(machine -> all || has(machine, filter)).toList();
    }

    private static boolean has(Machine machine, String filter) {
      return Stream.of(
              machine.name, machine.id, machine.state().toString(), machine.region, image(machine))
          .anyMatch(text -> text.toLowerCase(Locale.ROOT).contains(filter));
    }
  }

  /**
   * The newest apps and Machines, in a number that a browser can show.
   *
   * @param open ids of Machines that come with their log, events and config
   */
  JsonNode everything(String filter, Set<String> open, List<String> secrets) {
    var all = organization.apps().stream().map(app -> new Part(app, filter)).toList();
    var found =
        all.stream()
            .filter(part -> part.app.name.contains(filter) || !part.wanted.isEmpty())
            .sorted(Comparator.comparing((Part part) -> part.app.createdAt).reversed())
            .toList();
    var shown = found.subList(0, Math.min(found.size(), MOST_APPS));
    share(shown);
    var json =
        Fly.JSON
            .createObjectNode()
            .put("app_count", all.size())
            .put("apps_left", found.size() - shown.size())
            .put("machine_count", all.stream().mapToInt(part -> part.living.size()).sum());
    var apps = json.putArray("apps");
    for (var part : shown) show(part, apps.addObject(), open, secrets);
    return json;
  }

  /** Shares the rows equally; rows that an app does not need are for the others. */
  private static void share(List<Part> parts) {
    var room = MOST_MACHINES;
    var left = parts.size();
    var smallest = Comparator.comparing((Part part) -> part.wanted.size());
    for (var part : parts.stream().sorted(smallest).toList()) {
      part.most = Math.min(part.wanted.size(), room / left--);
      room -= part.most;
    }
  }

  private void show(Part part, ObjectNode json, Set<String> open, List<String> secrets) {
    var app = part.app;
    json.put("name", app.name)
        .put("machine_count", part.living.size())
        .put("machines_left", part.wanted.size() - part.most)
        .put(
            "suspended", part.wanted.stream().limit(MOST_MACHINES).anyMatch(Machine::wasSuspended));
    var states = new TreeMap<String, Integer>();
    for (var machine : part.living) states.merge(machine.state().toString(), 1, Integer::sum);
    json.set("states", Fly.JSON.mapper().valueToTree(states));
    var machines = json.putArray("machines");
    part.wanted.stream()
        .sorted(Comparator.comparing((Machine machine) -> machine.createdAt).reversed())
        .limit(part.most)
        .forEach(
            machine -> {
              var row = machines.add(row(machine)).get(machines.size() - 1);
              if (open.contains(machine.id)) details(machine, (ObjectNode) row, secrets);
            });
    synchronized (app) {
      var volumes = json.putArray("volumes");
      var there = this.volumes.of(app);
      json.put("volumes_left", Math.max(0, there.size() - MOST_VOLUMES));
      for (var volume : there.subList(0, Math.min(there.size(), MOST_VOLUMES))) {
        volumes
            .addObject()
            .put("id", volume.id)
            .put("name", volume.name)
            .put("state", volume.state)
            .put("region", volume.region)
            .put("size_gb", volume.sizeGb)
            .put("machine", volume.machineId);
      }
      var ips = json.putArray("ips");
      for (var ip : app.ips) {
        ips.addObject()
            .put("address", ip.address())
            .put("type", ip.type())
            .put("region", ip.region());
      }
      var names = json.putArray("secrets");
      app.secrets.keySet().forEach(names::add);
    }
  }

  private static String image(Machine machine) {
    return machine.config().path("image").asText();
  }

  private static ObjectNode row(Machine machine) {
    var json =
        Fly.JSON
            .createObjectNode()
            .put("id", machine.id)
            .put("name", machine.name)
            .put("state", machine.state().toString())
            .put("region", machine.region)
            .put("cordoned", machine.cordoned())
            .put("image", image(machine));
    var memory = machine.config().at("/guest/memory_mb");
    if (memory.isInt()) json.set("memory_mb", memory);
    return json;
  }

  private static void details(Machine machine, ObjectNode json, List<String> secrets) {
    json.set("config", Redaction.json(machine.config(), secrets));
    var events = json.putArray("events");
    for (var event : machine.events().stream().limit(20).toList()) {
      events
          .addObject()
          .put("type", event.path("type").asText())
          .put("status", event.path("status").asText())
          .put("source", event.path("source").asText())
          .put("timestamp", event.path("timestamp").asLong());
    }
    var lines = json.putArray("log");
    var log = machine.app.logs.ofProgram(machine.id);
    log.subList(Math.max(0, log.size() - LOG_LINES), log.size())
        .forEach(line -> lines.add(Redaction.text(line, secrets)));
  }

  /**
   * Log lines of the apps and Machines that match the filter, oldest first.
   *
   * @param seen the newest line of each app that the page has; brought up to date
   */
  ArrayNode log(String filter, Map<String, Long> seen, List<String> secrets) {
    var found = new ArrayList<Line>();
    var first = seen.isEmpty();
    for (var app : organization.apps()) {
      var all = app.name.contains(filter);
      Predicate<AppLogs.Line> wanted = line -> all || ofMatching(app, line, filter);
      var last = app.logs.last();
      var lines =
          first
              ? app.logs.newest(NEWEST_LINES, wanted)
              : app.logs.after(seen.getOrDefault(app.id, 0L), MOST_LINES, wanted);
      seen.put(app.id, lines.isEmpty() ? last : lines.get(lines.size() - 1).id());
      lines.forEach(line -> found.add(new Line(app, line)));
    }
    found.sort(Comparator.comparing(one -> one.line.id()));
    var skipped = first ? Math.max(0, found.size() - NEWEST_LINES) : 0;
    var json = Fly.JSON.createArrayNode();
    for (var one : found.subList(skipped, found.size())) {
      var machine = one.app.machines.get(one.line.instance());
      json.addObject()
          .put("at", one.line.at().toString())
          .put("app", one.app.name)
          .put("machine", machine == null ? one.line.instance() : machine.name)
          .put("provider", one.line.provider())
          .put("level", one.line.level())
          .put("message", Redaction.text(one.line.message(), secrets));
    }
    return json;
  }

  private record Line(App app, AppLogs.Line line) {}

  private static boolean ofMatching(App app, AppLogs.Line line, String filter) {
    var machine = app.machines.get(line.instance());
    return machine != null && Part.has(machine, filter);
  }
}
