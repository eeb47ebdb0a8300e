//SOURCES ../Deadline.java ../Fly.java ../FlyException.java ../Story.java ../Volume.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Story;
import fly.Volume;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The volumes of a fleet in one app, one for each member and named after it. Volumes have no unique
 * name, so a lost answer may leave a second one. It is found at the end, because its member has
 * another of this name, and destroyed. No Machine ever had it.
 */
final class FleetVolumes {
  private static final String VOLUMES = "/v1/apps/{app}/volumes";

  /** The longest time for which a list may lack a new volume. */
  private static final Duration LAG = Duration.ofSeconds(10);

  private final Fly fly;
  private final Story story;
  private final String app;
  private final long start = Deadline.clock().nanos();
  private final Set<String> taken = ConcurrentHashMap.newKeySet();

  /** The volume that a member uses, by the volume's name. */
  private final Map<String, String> members = new ConcurrentHashMap<>();

  private List<Volume> last;
  private long readAt;

  FleetVolumes(Fly fly, Story story, String app) {
    this.fly = fly;
    this.story = story;
    this.app = app;
  }

  private synchronized List<Volume> list(Duration age) {
    var now = Deadline.clock().nanos();
    if (last == null || now - readAt > age.toNanos()) {
      last = fly.volumes(app);
      readAt = Deadline.clock().nanos();
    }
    return last;
  }

  private Optional<Volume> free(String name, Duration age) {
    return list(age).stream()
        .filter(volume -> volume.name().equals(name) && volume.free())
        .filter(volume -> !taken.contains(volume.id()))
        .findFirst();
  }

  /** The region of a volume that an earlier run has left for this mount. */
  Optional<String> freeRegion(ObjectNode mount) {
    if (mount == null || given(mount)) return Optional.empty();
    return free(name(mount), Duration.ofDays(1)).map(Volume::region);
  }

  /** True for a volume by its id, which the request's author chose. */
  private static boolean given(ObjectNode mount) {
    return name(mount).startsWith("vol_");
  }

  private static String name(ObjectNode mount) {
    return mount.path("volume").asText();
  }

  /** The id, or null for a mount that names a volume by its id. */
  record Taken(String id, String name) {}

  /** The member's volume: one that an earlier run has left, or a new one. */
  Taken take(ObjectNode mount, String region) {
    if (given(mount)) return null;
    var name = name(mount);
    var left = free(name, Duration.ofDays(1)).filter(one -> fits(one, region));
    if (left.isPresent() && taken.add(left.get().id())) return new Taken(left.get().id(), name);
    var request = request(mount, region);
    while (true) {
      try {
        var id = fly.post(VOLUMES, request, app).path("id").asText();
        taken.add(id);
        return new Taken(id, name);
      } catch (FlyException e) {
        if (e.status == 429) continue; // refused before any effect; the client has waited already
        if (!open(e)) throw e;
        story.say("%s: %s; looking for it ...", name, e.why);
        var found = look(name, region);
        if (found.isPresent()) return found.get();
      }
    }
  }

  private static ObjectNode request(ObjectNode mount, String region) {
    var request = Fly.JSON.createObjectNode().put("name", name(mount));
    if (!region.isEmpty()) request.put("region", region);
    return request.put("size_gb", mount.path("size_gb").asInt(1));
  }

  /** Prints the request of {@link #take} in a dry run, for a volume that is not there yet. */
  void print(ObjectNode mount, String region) {
    if (mount != null && !given(mount)) fly.post(VOLUMES, request(mount, region), app);
  }

  private static boolean fits(Volume volume, String region) {
    return region.isEmpty() || volume.region().equals(region);
  }

  /** Looks for as long as a list may lag. */
  private Optional<Taken> look(String name, String region) {
    var end = Deadline.after(LAG);
    while (!end.over()) {
      Deadline.sleep(Duration.ofSeconds(1));
      var found = free(name, Duration.ofSeconds(1)).filter(one -> fits(one, region));
      if (found.isPresent() && taken.add(found.get().id())) {
        return Optional.of(new Taken(found.get().id(), name));
      }
    }
    return Optional.empty();
  }

  /** Destroys a volume of this run that no Machine uses. */
  void giveBack(Taken volume) {
    destroy(volume.id(), volume.name());
  }

  /** Records which volume the member has. */
  void used(ObjectNode mount, JsonNode machine) {
    if (mount == null || given(mount)) return;
    var id = machine.at("/config/mounts/0/volume").asText("");
    if (!id.isEmpty()) members.put(name(mount), id);
  }

  /** Destroys volumes with a member's name that the member does not use. */
  void sweep() {
    if (members.isEmpty()) return;
    var settled = start + LAG.toNanos() - Deadline.clock().nanos();
    if (settled > 0) Deadline.sleep(Duration.ofNanos(settled));
    for (var volume : list(Duration.ZERO)) {
      var used = members.get(volume.name());
      if (used == null || used.equals(volume.id()) || !volume.free()) continue;
      destroy(volume.id(), volume.name());
    }
  }

  /** Fly.io refuses to destroy a volume that a Machine has by now. */
  private void destroy(String id, String name) {
    try {
      var fly = this.fly.afresh();
      var now = fly.get(VOLUMES + "/{volume}", app, id);
      if (!now.path("attached_machine_id").asText("").isEmpty()) return;
      fly.delete(VOLUMES + "/{volume}", app, id);
      story.say("Destroyed the volume %s: %s has another.", id, name);
    } catch (FlyException e) {
      if (e.status == 404 || e.status == 412) return;
      story.insist(
          "warning: the volume %s is not used and costs money: fly-destroy-volume --app %s %s (%s)",
          id, app, id, e.why);
    }
  }

  /** True if the request may have taken effect. */
  static boolean open(FlyException e) {
    return e.exitCode == 5 || e.status == 408 || e.status >= 500 || e.status < 0;
  }
}
