//SOURCES ../Deadline.java ../Fly.java ../FlyException.java ../Story.java FleetVolumes.java Marks.java Rest.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Story;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Many Machines with deterministic names. The names are unique in their app, so the same call again
 * creates the missing ones. Killed at any moment, or run twice at once, it ends with each Machine
 * once. Nothing is kept on this machine; names and metadata on the platform are the record.
 */
public final class Fleet {
  private static final String MACHINES = "/v1/apps/{app}/machines";
  private static final Pattern NAMED =
      Pattern.compile(
          "(?:unique machine name violation, machine ID|volume already claimed by machine) (\\w+)");
  private static final Pattern FULL =
      Pattern.compile(
          "(?is).*(candidate host|insufficient_capacity|no capacity|could not reserve resource"
              + "|insufficient (resources|memory|cpus|ips)|volume_placement_capacity"
              + "|over the allowed quota).*");

  private final Fly fly;
  private final Story story;
  private final List<String> regions;
  private final Rest.State rest;

  /**
   * @param regions in which the Machines are spread; empty for the one of each request
   * @param rest the final state of each Machine
   */
  public Fleet(Fly fly, Story story, List<String> regions, Rest.State rest) {
    this.fly = fly;
    this.story = story;
    this.regions = regions;
    this.rest = rest;
  }

  /**
   * A Machine to create.
   *
   * @param request with its name, unique in the app
   */
  public record Member(String app, int index, ObjectNode request) {
    public String name() {
      return request.path("name").asText();
    }
  }

  /** The name of a member: {@code fleet-0001}. */
  public static String name(String fleet, int index) {
    return "%s-%04d".formatted(fleet, index);
  }

  /**
   * Completes a request for one member: its name, and its fleet and index in the metadata. If the
   * template mounts a volume by name, each member gets its own.
   */
  public static Member member(
      String fleet, String app, boolean ownApp, int index, ObjectNode request) {
    request.put("name", name(fleet, index));
    var metadata = request.withObject("/config/metadata");
    metadata.put(Marks.FLEET, fleet).put(Marks.INDEX, String.valueOf(index));
    var mount = mount(request);
    var volume = mount == null ? "" : mount.path("volume").asText();
    if (!volume.isEmpty() && !volume.startsWith("vol_") && !ownApp) {
      // Each has its own name, by which a later run finds the volume again.
      var prefix = volume.substring(0, Math.min(24, volume.length()));
      mount.put("volume", "%s_%04d".formatted(prefix, index));
    }
    return new Member(app, index, request);
  }

  /**
   * Creates the members that are missing, and brings each to its state.
   *
   * @param done gets each Machine as it is ready; never two at once
   * @return the failures
   */
  public Map<Member, FlyException> create(
      List<Member> members, int parallel, Consumer<JsonNode> done) {
    var apps = new ConcurrentHashMap<String, AppState>();
    var byApp = members.stream().map(Member::app).distinct().toList();
    var failed = Collections.synchronizedMap(new LinkedHashMap<Member, FlyException>());
    if (byApp.size() == 1) apps.put(byApp.get(0), new AppState(byApp.get(0)));
    failed.putAll(
        fly.each(
            members,
            parallel,
            member -> {
              var app = apps.computeIfAbsent(member.app(), AppState::new);
              var machine = ensure(app, member);
              synchronized (done) {
                done.accept(machine);
              }
            }));
    for (var app : apps.values()) app.volumes.sweep();
    return failed;
  }

  /** The Machines and volumes of one app. */
  private final class AppState {
    final String app;
    final FleetVolumes volumes;
    final Map<String, JsonNode> machines = new ConcurrentHashMap<>();

    AppState(String app) {
      this.app = app;
      this.volumes = new FleetVolumes(fly, story, app);
      for (var machine : fly.list(MACHINES, app)) {
        machines.put(machine.path("name").asText(), machine);
      }
    }
  }

  private JsonNode ensure(AppState app, Member member) {
    var there =
        Optional.ofNullable(app.machines.get(member.name())).flatMap(one -> living(app, one));
    var machine = there.isPresent() ? there.get() : create(app, member);
    var fresh = machine.path("fleet_created").asBoolean();
    var rested = new Rest(fly, story).bring(app.app, machine, rest, fresh);
    app.volumes.used(mount(member.request()), machine);
    var line = Fly.JSON.createObjectNode().put("id", machine.path("id").asText());
    line.put("name", member.name()).put("app", app.app);
    line.put("region", machine.path("region").asText()).put("state", rested);
    return line.put("created", fresh);
  }

  /** A list may show a Machine that is destroyed by now. */
  private Optional<JsonNode> living(AppState app, JsonNode listed) {
    return fly.find(MACHINES + "/{machine}", app.app, listed.path("id").asText())
        .filter(machine -> !machine.path("state").asText().startsWith("destroy"));
  }

  /** In the first region that has room. */
  private JsonNode create(AppState app, Member member) {
    FlyException full = null;
    for (var region : order(app, member)) {
      try {
        return create(app, member, region);
      } catch (FlyException e) {
        if (!FULL.matcher(e.why).matches()) throw e;
        story.say("No room for %s in %s.", member.name(), region);
        full = e;
      }
    }
    throw full;
  }

  /** Each member begins with another region. */
  private List<String> order(Member member) {
    var own = member.request().path("region").asText("");
    var all = new ArrayList<>(regions.isEmpty() ? List.of(own) : regions);
    Collections.rotate(all, -((member.index() - 1) % all.size()));
    return all;
  }

  /** A volume that is there already decides. */
  private List<String> order(AppState app, Member member) {
    var all = order(member);
    app.volumes
        .freeRegion(mount(member.request()))
        .ifPresent(
            region -> {
              all.remove(region);
              all.add(0, region);
            });
    return all;
  }

  /**
   * Prints in a dry run what {@link #create} sends for members of which nothing is there yet: a
   * volume, then the Machine with its volume by name instead of id.
   */
  public void print(List<Member> members) {
    for (var member : members) {
      var region = order(member).get(0);
      new FleetVolumes(fly, story, member.app()).print(mount(member.request()), region);
      fly.post(MACHINES, request(member, region), member.app());
    }
  }

  private ObjectNode request(Member member, String region) {
    var request = member.request().deepCopy();
    if (!region.isEmpty()) request.put("region", region);
    if (rest == Rest.State.created) request.put("skip_launch", true);
    return request;
  }

  private JsonNode create(AppState app, Member member, String region) {
    var request = request(member, region);
    var mount = mount(request);
    var volume = mount == null ? null : app.volumes.take(mount, region);
    if (volume != null) mount.put("volume", volume.id());
    try {
      var machine = send(app.app, request);
      if (volume != null && !uses(machine, volume.id())) app.volumes.giveBack(volume);
      return machine;
    } catch (FlyException e) {
      if (volume != null && !FleetVolumes.open(e)) app.volumes.giveBack(volume);
      throw e;
    }
  }

  /** Repeats the request until the Machine is created or exists: its name is unique. */
  private JsonNode send(String app, ObjectNode request) {
    var deadline = fly.deadline();
    for (var pause = Duration.ofMillis(500); ; pause = pause.multipliedBy(2)) {
      try {
        var machine = fly.post(MACHINES, request, app);
        if (machine instanceof ObjectNode object) object.put("fleet_created", true);
        return machine;
      } catch (FlyException e) {
        var named = NAMED.matcher(e.why);
        if (named.find()) {
          var machine = fly.get(MACHINES + "/{machine}", app, named.group(1));
          if (machine.path("name").equals(request.path("name"))) return machine;
        }
        var again = e.status == 429 || FleetVolumes.open(e);
        if (FULL.matcher(e.why).matches() || !again) throw e;
        if (deadline.left().compareTo(pause) <= 0) throw e;
        story.say("%s: %s; sending the same again ...", request.path("name").asText(), e.why);
        Deadline.sleep(pause);
      }
    }
  }

  private static ObjectNode mount(ObjectNode request) {
    var mount = request.at("/config/mounts/0");
    return mount instanceof ObjectNode object ? object : null;
  }

  private static boolean uses(JsonNode machine, String volume) {
    for (var mount : machine.at("/config/mounts")) {
      if (mount.path("volume").asText().equals(volume)) return true;
    }
    return false;
  }
}
