//SOURCES ../Count.java ../Deadline.java ../Fly.java ../FlyException.java ../Lease.java ../Machines.java ../Story.java
//SOURCES AppTeardown.java Fleet.java Marks.java Rest.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Count;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Lease;
import fly.Machines;
import fly.Story;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Machines of a fleet that wait for an owner. A Machine's metadata names the owner; its lease keeps
 * two claims at the same moment apart.
 */
public final class Pool {
  private static final String MACHINES = "/v1/apps/{app}/machines";
  private static final String MACHINE = MACHINES + "/{machine}";
  private static final List<String> READY = List.of("suspended", "stopped", "created", "started");
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private final Fly fly;
  private final Story story;
  private final String app;
  private final String fleet;
  private List<JsonNode> last;
  private long readAt;

  public Pool(Fly fly, Story story, String app, String fleet) {
    this.fly = fly;
    this.story = story;
    this.app = app;
    this.fleet = fleet;
  }

  /** The Machines of the fleet. */
  public List<JsonNode> members() {
    return members(Duration.ZERO);
  }

  /** Parallel claims share one list. */
  private synchronized List<JsonNode> members(Duration age) {
    if (last == null || Deadline.clock().nanos() - readAt > age.toNanos()) {
      last =
          fly.list(MACHINES, app).stream()
              .filter(machine -> fleet.equals(mark(machine, Marks.FLEET)))
              .toList();
      readAt = Deadline.clock().nanos();
    }
    return last;
  }

  /** The owner of a Machine; empty if there is none. */
  public static String owner(JsonNode machine) {
    return mark(machine, Marks.OWNER);
  }

  static String mark(JsonNode machine, String key) {
    return machine.path("config").path("metadata").path(key).asText("");
  }

  /**
   * Takes a Machine for the owner, suspended ones first, and starts it. An owner that has one gets
   * it again.
   *
   * @param ready returns once the Machine's program answers
   * @throws FlyException if none is free
   */
  public JsonNode claim(String owner, Consumer<JsonNode> ready) {
    var deadline = fly.deadline();
    var failures = new ArrayList<FlyException>();
    var hopeless = new HashSet<String>();
    for (var age = Duration.ofSeconds(2); ; age = Duration.ofMillis(500)) {
      var members = members(age);
      for (var machine : members) {
        if (owner(machine).equals(owner)) return started(machine, owner, ready);
      }
      var busy = 0;
      var tries = 0;
      for (var candidate : candidates(members, owner, hopeless)) {
        if (++tries > 5) break; // a new list is quicker than trying the others one by one
        var result = attempt(candidate, owner, ready, hopeless, failures);
        if (result != null) return result;
        busy++;
      }
      if (busy == 0) throw none(members, failures);
      if (deadline.over()) throw deadline.passed("others claim Machines at the same moment");
      Deadline.sleep(Duration.ofMillis(300));
    }
  }

  /** Free Machines, the readiest first; equal ones in an order that differs by owner. */
  private static List<JsonNode> candidates(
      List<JsonNode> members, String owner, Set<String> hopeless) {
    var all = new ArrayList<JsonNode>();
    for (var state : READY) {
      var equal = new ArrayList<JsonNode>();
      for (var machine : members) {
        var free = owner(machine).isEmpty() && !hopeless.contains(id(machine));
        if (free && machine.path("state").asText().equals(state)) equal.add(machine);
      }
      if (!equal.isEmpty())
        Collections.rotate(equal, Math.floorMod(owner.hashCode(), equal.size()));
      all.addAll(equal);
    }
    return all;
  }

  /** The Machine, or null if another claim has it. */
  private JsonNode attempt(
      JsonNode candidate,
      String owner,
      Consumer<JsonNode> ready,
      Set<String> hopeless,
      List<FlyException> failures) {
    var id = id(candidate);
    try (var lease = Lease.take(fly, story, app, id, "claim", Duration.ZERO)) {
      var now = fly.get(MACHINE, app, id);
      if (!owner(now).isEmpty() && !owner(now).equals(owner)) {
        hopeless.add(id);
        return null;
      }
      var metadata = MACHINE + "/metadata/{key}";
      lease.fly().action(metadata, value(owner), app, id, Marks.OWNER);
      var time = Deadline.clock().now().toString();
      lease.fly().action(metadata, value(time), app, id, Marks.CLAIMED_AT);
      try {
        return started(lease.fly(), fly.get(MACHINE, app, id), ready);
      } catch (FlyException e) {
        story.say("%s does not start: %s", id, e.what);
        failures.add(e);
        hopeless.add(id);
        lease.fly().delete(metadata, app, id, Marks.OWNER);
        return null;
      }
    } catch (FlyException e) {
      if (e.status == 404) hopeless.add(id);
      else if (e.status != 409 && e.status != 412) throw e;
      return null;
    }
  }

  private static ObjectNode value(String text) {
    return Fly.JSON.createObjectNode().put("value", text);
  }

  private JsonNode started(JsonNode machine, String owner, Consumer<JsonNode> ready) {
    story.say("%s has %s already.", owner, id(machine));
    return started(fly, machine, ready);
  }

  private JsonNode started(Fly client, JsonNode machine, Consumer<JsonNode> ready) {
    var id = id(machine);
    var machines = new Machines(client, story);
    if (!machine.path("state").asText().equals("started")) {
      machines.start(app, id);
      machines.waitFor(app, id, Machines.State.started, PATIENCE);
    }
    fly.deadline()
        .excluding(
            () -> {
              ready.accept(machine); // it has another time limit
              return null;
            });
    return fly.get(MACHINE, app, id);
  }

  private FlyException none(List<JsonNode> members, List<FlyException> failures) {
    var owned = members.stream().filter(machine -> !owner(machine).isEmpty()).count();
    var why = "%s, %d with an owner".formatted(Count.of(members.size(), "Machine"), owned);
    for (var failure : failures) why += "; " + failure.what + " (" + failure.why + ")";
    return new FlyException(
        "no Machine of the fleet %s is free".formatted(fleet),
        why,
        "fly-release-machine gives one back; fly-create-fleet with a larger --count makes more");
  }

  /** The Machine that the owner has. */
  public JsonNode of(String owner) {
    for (var machine : members()) if (owner(machine).equals(owner)) return machine;
    throw new FlyException(
        "%s has no Machine of the fleet %s".formatted(owner, fleet),
        "no Machine of %s names this owner".formatted(app),
        "fly-fleet-status");
  }

  /** Gives a Machine back: without an owner, and in its state of rest. */
  public JsonNode release(String id, Rest.State rest) {
    try (var lease = Lease.take(fly, story, app, id, "release", Duration.ofSeconds(30))) {
      var state = fly.get(MACHINE, app, id).path("state").asText();
      if (state.equals("started")) new Rest(lease.fly(), story).bringFromStarted(app, id, rest);
      for (var key : List.of(Marks.CLAIMED_AT, Marks.OWNER)) {
        lease.fly().delete(MACHINE + "/metadata/{key}", app, id, key);
      }
      return fly.get(MACHINE, app, id);
    }
  }

  /** Destroys a Machine with its volume, and creates another in its place. */
  public JsonNode replace(String id, Rest.State rest) {
    var old = fly.get(MACHINE, app, id);
    var request = Fly.JSON.createObjectNode().put("region", old.path("region").asText());
    request.set("config", old.path("config").deepCopy());
    var metadata = request.withObject("/config/metadata");
    metadata.remove(List.of(Marks.OWNER, Marks.CLAIMED_AT));
    var machines = new Machines(fly, story);
    machines.destroy(app, id, true);
    machines.waitFor(app, id, Machines.State.destroyed, PATIENCE);
    if (request.at("/config/mounts/0") instanceof ObjectNode mount) {
      var volume = fly.get("/v1/apps/{app}/volumes/{v}", app, mount.path("volume").asText());
      new AppTeardown(fly, story, app).destroyVolume(volume);
      mount.put("volume", volume.path("name").asText());
    }
    request.put("name", old.path("name").asText());
    var member = new Fleet.Member(app, 1, request);
    var made = new ArrayList<JsonNode>();
    var failed = new Fleet(fly, story, List.of(), rest).create(List.of(member), 1, made::add);
    for (var failure : failed.values()) throw failure;
    return fly.get(MACHINE, app, id(made.get(0)));
  }

  private static String id(JsonNode machine) {
    return machine.path("id").asText();
  }
}
