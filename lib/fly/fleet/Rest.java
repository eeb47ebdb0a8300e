//SOURCES ../Deadline.java ../Fly.java ../Machines.java ../Story.java Marks.java
package fly.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.Fly;
import fly.Machines;
import fly.Story;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** The state in which a Machine waits for work. */
public final class Rest {
  /** {@code created} was never launched; the others were, so their host has the image. */
  public enum State {
    created,
    stopped,
    suspended,
    started
  }

  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /** An older Machine that runs counts as used. */
  private static final Duration YOUNG = Duration.ofMinutes(15);

  private final Fly fly;
  private final Machines machines;

  public Rest(Fly fly, Story story) {
    this.fly = fly;
    this.machines = new Machines(fly, story);
  }

  /**
   * Brings a Machine to this state. A Machine with an owner, or one that has run for long, stays as
   * it is.
   *
   * @param fresh true if it was created just now
   * @return its state
   */
  public String bring(String app, JsonNode machine, State rest, boolean fresh) {
    var id = machine.path("id").asText();
    var state = machine.path("state").asText();
    if (rest == State.created || state.equals(rest.name())) return state;
    if (!machine.at("/config/metadata/" + Marks.OWNER).asText("").isEmpty()) return state;
    if (!fresh && state.equals("started") && !young(machine)) return state;
    if (!state.equals("started")) {
      if (!fresh && state.matches("created|stopped|suspended")) machines.start(app, id);
      machines.waitFor(app, id, Machines.State.started, PATIENCE);
    }
    return bringFromStarted(app, id, rest);
  }

  /** Brings a Machine that runs to this state. */
  String bringFromStarted(String app, String id, State rest) {
    switch (rest) {
      case stopped -> {
        machines.stop(app, id, null);
        machines.waitFor(app, id, Machines.State.stopped, PATIENCE);
      }
      case suspended -> {
        machines.suspend(app, id);
        machines.waitFor(app, id, Machines.State.suspended, PATIENCE);
      }
      default -> {}
    }
    return rest.name();
  }

  private static boolean young(JsonNode machine) {
    try {
      var created = Instant.parse(machine.path("created_at").asText());
      return created.plus(YOUNG).isAfter(Deadline.clock().now());
    } catch (DateTimeParseException e) {
      return false;
    }
  }
}
