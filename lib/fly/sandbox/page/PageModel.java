//SOURCES ../../Fly.java ../http/Redaction.java ../model/AccessToken.java ../model/App.java ../model/Machine.java
//SOURCES ../service/Organization.java ../service/VolumeService.java
package fly.sandbox.page;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.http.Redaction;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.App;
import fly.sandbox.model.Machine;
import fly.sandbox.service.Organization;
import fly.sandbox.service.VolumeService;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** The content of the page as JSON, without secrets. */
public final class PageModel {
  private static final int MOST_APPS = 100;
  private static final int MOST_MACHINES = 200;
  private static final int MOST_VOLUMES = 50; // of an app
  private static final int LOG_LINES = 20;
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

  /** The newest apps and Machines, in a number that a browser can show. */
  JsonNode everything(String filter, List<String> secrets) {
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
    for (var part : shown) show(part, apps.addObject(), secrets);
    return json;
  }

  /** Shares the room equally; room that an app does not need goes to the others. */
  private static void share(List<Part> parts) {
    var room = MOST_MACHINES;
    var left = parts.size();
    var smallest = Comparator.comparing((Part part) -> part.wanted.size());
    for (var part : parts.stream().sorted(smallest).toList()) {
      part.most = Math.min(part.wanted.size(), room / left--);
      room -= part.most;
    }
  }

  private void show(Part part, ObjectNode json, List<String> secrets) {
    var app = part.app;
    json.put("name", app.name)
        .put("machine_count", part.living.size())
        .put("machines_left", part.wanted.size() - part.most);
    var states = new TreeMap<String, Integer>();
    for (var machine : part.living) states.merge(machine.state().toString(), 1, Integer::sum);
    json.set("states", Fly.JSON.valueToTree(states));
    var machines = json.putArray("machines");
    part.wanted.stream()
        .sorted(Comparator.comparing((Machine machine) -> machine.createdAt).reversed())
        .limit(part.most)
        .forEach(machine -> machines.add(show(machine, secrets)));
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

  private static ObjectNode show(Machine machine, List<String> secrets) {
    var json =
        Fly.JSON
            .createObjectNode()
            .put("id", machine.id)
            .put("name", machine.name)
            .put("state", machine.state().toString())
            .put("region", machine.region)
            .put("cordoned", machine.cordoned())
            .put("image", image(machine));
    json.set("config", Redaction.json(machine.config(), secrets));
    var events = json.putArray("events");
    for (var event : machine.events().stream().limit(5).toList()) {
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
    return json;
  }
}
