//SOURCES JsonNodes.java MachineState.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** The clients that wait for a state of a Machine. The Machine's monitor guards them. */
public final class StateWaiters {
  /** The state and version of a Machine, and the id of its newest event. */
  record Status(MachineState state, String version, String eventId) {
    ObjectNode json() {
      return JsonNodes.ok()
          .put("state", state.toString())
          .put("version", version)
          .put("event_id", eventId);
    }
  }

  /**
   * The goal of a wait.
   *
   * @param states any of these; settled means every state that lasts
   * @param version a version of the Machine; null for any
   * @param fromEventId an event after which the state has to be reached; null for no such event
   */
  public record Wanted(Set<String> states, String version, String fromEventId) {
    public static Wanted of(Set<String> states) {
      return new Wanted(states, null, null);
    }

    boolean reached(Status now) {
      var there =
          states.contains(now.state().toString())
              || states.contains("settled") && now.state().isSettled();
      return there
          && (version == null || version.equals(now.version()))
          && (fromEventId == null || now.eventId().compareTo(fromEventId) > 0);
    }

    /** The message for a client whose time is over. */
    String late(Status now) {
      var superseded = version != null && !version.equals(now.version());
      return "deadline_exceeded: machine failed to reach desired state, %s, currently %s"
          .formatted(String.join(",", states), superseded ? "replaced" : now.state().toString());
    }
  }

  private record Waiter(Wanted wanted, CompletableFuture<ObjectNode> reached) {}

  private final List<Waiter> waiters = new ArrayList<>();

  /** Completes when the goal is reached. A waiter that gives up is removed, under the monitor. */
  CompletableFuture<ObjectNode> add(Wanted wanted, Status now, Object monitor) {
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

  /** Completes, on the workers, the waits that have reached their goal. */
  void complete(Status now, Consumer<Runnable> workers) {
    var done = waiters.stream().filter(waiter -> waiter.wanted().reached(now)).toList();
    if (done.isEmpty()) return;
    waiters.removeAll(done);
    var answer = now.json();
    for (var waiter : done) workers.accept(() -> waiter.reached().complete(answer));
  }
}
