//SOURCES Rest.java
package fly.sandbox;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Who waits for a Machine to get somewhere. The Machine's monitor guards it; no thread waits. */
final class Waits {
  private static final Set<String> PERSISTENT =
      Set.of("created", "started", "stopped", "suspended", "failed", "destroyed");

  /** Where a Machine is, and the id of its newest event. */
  record Where(String state, String version, String eventId) {
    ObjectNode json() {
      return Rest.ok().put("state", state).put("version", version).put("event_id", eventId);
    }
  }

  /**
   * What somebody waits for.
   *
   * @param states one of these; settled is every one that lasts
   * @param version of this version of the Machine; null for any
   * @param fromEventId reached later than this event; null for at any time
   */
  record Wanted(Set<String> states, String version, String fromEventId) {
    static Wanted of(Set<String> states) {
      return new Wanted(states, null, null);
    }

    boolean reached(Where where) {
      var there =
          states.contains(where.state())
              || states.contains("settled") && PERSISTENT.contains(where.state());
      return there
          && (version == null || version.equals(where.version()))
          && (fromEventId == null || where.eventId().compareTo(fromEventId) > 0);
    }

    /** What to tell somebody whose time is up. */
    String late(Where where) {
      var superseded = version != null && !version.equals(where.version());
      return "deadline_exceeded: machine failed to reach desired state, %s, currently %s"
          .formatted(String.join(",", states), superseded ? "replaced" : where.state());
    }
  }

  private record Waiter(Wanted wanted, CompletableFuture<ObjectNode> reached) {}

  private final List<Waiter> waiters = new ArrayList<>();

  /** Completes once it is there; who gives up is forgotten, under this monitor. */
  CompletableFuture<ObjectNode> add(Wanted wanted, Where now, Object monitor) {
    if (wanted.reached(now)) return CompletableFuture.completedFuture(now.json());
    var waiter = new Waiter(wanted, new CompletableFuture<>());
    waiters.add(waiter);
    waiter
        .reached()
        .whenComplete(
            (reached, failure) -> {
              synchronized (monitor) {
                waiters.remove(waiter);
              }
            });
    return waiter.reached();
  }

  /** Tells, by these workers, who wanted it to be where it is now. */
  void tell(Where now, Consumer<Runnable> workers) {
    var done = waiters.stream().filter(waiter -> waiter.wanted().reached(now)).toList();
    if (done.isEmpty()) return;
    waiters.removeAll(done);
    var answer = now.json();
    for (var waiter : done) workers.accept(() -> waiter.reached().complete(answer));
  }
}
