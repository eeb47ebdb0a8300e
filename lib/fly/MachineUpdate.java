//SOURCES Fly.java FlyException.java Lease.java Machines.java Story.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * An update of a Machine. Fly.io replaces the whole configuration, so the new one is the present
 * one with the changes in it; unknown fields survive.
 */
public final class MachineUpdate {
  private static final String MACHINE = "/v1/apps/{app}/machines/{machine}";
  private static final Pattern SECRET =
      Pattern.compile("(?i).*(token|secret|password|passwd|api_?key|private_?key)[^.]*");

  private final Fly fly;
  private final Story story;

  public MachineUpdate(Fly fly, Story story) {
    this.fly = fly;
    this.story = story;
  }

  /**
   * The request of an update.
   *
   * @param before the Machine as it is
   * @param difference a line for each field: {@code config.guest.memory_mb: 256 -> 512}
   */
  public record Plan(JsonNode before, ObjectNode request, List<String> difference) {}

  /**
   * Reads the Machine, and plans the change of its configuration.
   *
   * @param edit gets {@code {"config": {...}}}
   */
  public Plan plan(String app, String id, Consumer<ObjectNode> edit) {
    var before = fly.get(MACHINE, app, id);
    if (!before.path("config").isObject()) {
      throw new FlyException(
          "the Machine %s shows no configuration".formatted(id),
          "its host is " + before.path("host_status").asText("unknown"),
          "wait until its host answers: fly-status");
    }
    var old = Fly.JSON.createObjectNode().<ObjectNode>set("config", before.path("config"));
    var request = old.deepCopy();
    edit.accept(request);
    var lines = new ArrayList<String>();
    difference("", old, request, lines);
    request.put("current_version", before.path("instance_id").asText());
    return new Plan(before, request, lines);
  }

  /**
   * Takes the lease, reads, changes, sends, and waits for the new version.
   *
   * @param show gets the difference before it is sent
   * @param leasePatience the time to wait for another holder of the lease
   * @param timeout the longest wait for the new version
   * @return the Machine
   */
  public JsonNode update(
      String app,
      String id,
      Consumer<ObjectNode> edit,
      Consumer<List<String>> show,
      Duration leasePatience,
      Duration timeout) {
    try (var lease = Lease.take(fly, story, app, id, "update", leasePatience)) {
      var leased = lease.fly();
      var plan = new AtomicReference<Plan>();
      try {
        var machine =
            new Machines(leased, story)
                .repeat(app, id, Set.of(), one -> send(one, app, id, edit, show, plan));
        if (plan.get().difference().isEmpty()) return machine;
        return updated(leased, app, id, plan.get(), machine, timeout);
      } catch (FlyException failed) {
        throw plan.get() == null ? failed : withPresent(app, id, failed);
      }
    }
  }

  /** Plans and sends; plans again if the Machine has changed its state meanwhile. */
  private JsonNode send(
      Fly leased,
      String app,
      String id,
      Consumer<ObjectNode> edit,
      Consumer<List<String>> show,
      AtomicReference<Plan> last) {
    var plan = new MachineUpdate(leased, story).plan(app, id, edit);
    var before = last.getAndSet(plan);
    if (before == null || !before.difference().equals(plan.difference())) {
      show.accept(plan.difference());
    }
    if (plan.difference().isEmpty()) return plan.before();
    var old = plan.before().path("instance_id");
    // The lease keeps other clients away: a new version is the one that was sent.
    return leased.create(
        MACHINE,
        plan.request(),
        () ->
            Optional.of(leased.get(MACHINE, app, id))
                .filter(now -> !now.path("instance_id").equals(old)),
        app,
        id);
  }

  private JsonNode updated(
      Fly leased, String app, String id, Plan plan, JsonNode machine, Duration timeout) {
    var ran = plan.before().path("state").asText().matches("started|starting|restarting");
    new Machines(leased, story)
        .waitForVersion(
            app,
            id,
            ran ? Machines.State.started : Machines.State.settled,
            machine.path("instance_id").asText(),
            timeout);
    return leased.get(MACHINE, app, id);
  }

  /** The failure, with the version that runs now. */
  private FlyException withPresent(String app, String id, FlyException failed) {
    String present;
    try {
      var now = fly.afresh().get(MACHINE, app, id);
      present =
          "; now it is %s, version %s with image %s"
              .formatted(
                  now.path("state").asText(),
                  now.path("instance_id").asText(),
                  now.at("/config/image").asText("(none)"));
    } catch (FlyException e) {
      present = "; its present version could not be read: " + e.what;
    }
    return new FlyException(
        failed.what, failed.why + present, failed.tryNext, failed.exitCode, failed.status);
  }

  private static void difference(String path, JsonNode old, JsonNode now, List<String> lines) {
    if (old.equals(now)) return;
    if (old.isObject() && (now.isObject() || now.isMissingNode())
        || old.isMissingNode() && now.isObject() && !now.isEmpty()) {
      var names = new TreeSet<String>();
      old.fieldNames().forEachRemaining(names::add);
      now.fieldNames().forEachRemaining(names::add);
      for (var name : names) {
        difference(
            path.isEmpty() ? name : path + "." + name, old.path(name), now.path(name), lines);
      }
    } else if (old.isArray() && now.isArray() && old.size() == now.size()) {
      for (int i = 0; i < old.size(); i++) {
        difference(path + "." + i, old.get(i), now.get(i), lines);
      }
    } else {
      lines.add("%s: %s -> %s".formatted(path, shown(path, old), shown(path, now)));
    }
  }

  private static String shown(String path, JsonNode value) {
    if (value.isMissingNode()) return "(none)";
    return SECRET.matcher(path).matches() ? "***" : value.toString();
  }
}
