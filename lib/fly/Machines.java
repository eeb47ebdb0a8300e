//SOURCES Deadline.java Fly.java FlyException.java Story.java Waiting.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Starts, stops, suspends, restarts, destroys and waits for Machines. A Machine between two states
 * refuses (409, 412): the request is repeated until it succeeds or the deadline is over.
 */
public final class Machines {
  /** States in which {@link #waitFor} can end; {@code settled} is any state that lasts. */
  public enum State {
    started,
    stopped,
    suspended,
    destroyed,
    failed,
    settled
  }

  /** States that a Machine leaves by itself (Fly.io, Machine states). */
  private static final Set<String> PASSING =
      Set.of(
          "created",
          "creating",
          "pending",
          "starting",
          "stopping",
          "suspending",
          "restarting",
          "replacing",
          "updating");

  private static final List<String> SIGNALS =
      List.of("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM");

  private static final String MACHINE = "/v1/apps/{app}/machines/{machine}";
  private static final long LONGEST_S = 60; // of one request (Fly.io, Machines API, wait)
  private static final long REPLICATION_NS = TimeUnit.SECONDS.toNanos(2);

  private final Fly fly;
  private final Story story;

  public Machines(Fly fly, Story story) {
    this.fly = fly;
    this.story = story;
  }

  /** The states that are known, in alphabetical order. */
  public static SortedSet<String> states() {
    var states = new TreeSet<>(PASSING);
    for (var state : State.values()) if (state != State.settled) states.add(state.name());
    states.add("destroying");
    return states;
  }

  /** The signal as Fly.io takes it for a stop or a restart: {@code TERM} is {@code SIGTERM}. */
  public static String signal(String given) {
    var name = given.toUpperCase(Locale.ROOT).replaceFirst("^(SIG)?", "SIG");
    if (SIGNALS.contains(name)) return name;
    throw FlyException.usage(
        "a Machine cannot be stopped by " + given,
        "Fly.io takes " + String.join(", ", SIGNALS),
        "--signal TERM");
  }

  /**
   * Starts the Machine; returns before it is {@code started}.
   *
   * @return Fly.io's answer, or the Machine if it has started already
   */
  public JsonNode start(String app, String id) {
    return act(app, id, "start", null, "started", "starting");
  }

  /**
   * Stops the Machine; returns before it is {@code stopped}.
   *
   * @param request {@code signal} and {@code timeout}, or null for the Machine's own
   * @return Fly.io's answer, or the Machine if it has stopped already
   */
  public JsonNode stop(String app, String id, JsonNode request) {
    return act(app, id, "stop", request, "stopped", "stopping");
  }

  /** Suspends the Machine, its memory included; returns before it is {@code suspended}. */
  public JsonNode suspend(String app, String id) {
    return act(app, id, "suspend", null, "suspended", "suspending");
  }

  /**
   * Restarts the Machine; returns before it is {@code started} again.
   *
   * @param query such as {@code ?signal=SIGTERM&timeout=10s}; may be empty
   */
  public JsonNode restart(String app, String id, String query) {
    return act(app, id, "restart" + query, null, "restarting");
  }

  private JsonNode act(String app, String id, String action, JsonNode request, String... there) {
    var path = MACHINE + "/" + action;
    return repeat(app, id, Set.of(there), one -> one.action(path, request, app, id));
  }

  /**
   * Destroys the Machine; its volumes stay. A Machine that is destroyed already counts as
   * destroyed, if its app is there.
   *
   * @param force true to destroy a Machine that runs
   */
  public JsonNode destroy(String app, String id, boolean force) {
    try {
      return repeat(
          app,
          id,
          Set.of("destroying", "destroyed"),
          one -> one.delete(MACHINE + (force ? "?force=true" : ""), app, id));
    } catch (FlyException e) {
      if (e.status != 404 || !id.matches("[0-9a-f]{14}")) throw e; // a name, or half an id
      if (fly.find("/v1/apps/{app}", app).isEmpty()) throw e;
      story.say("There is no such Machine (any more).");
      return Fly.JSON.createObjectNode().put("ok", true);
    }
  }

  /**
   * Sends the request again while the Machine passes through a state that refuses it.
   *
   * @param there the states in which the request has nothing left to do
   */
  JsonNode repeat(String app, String id, Set<String> there, Function<Fly, JsonNode> request) {
    var deadline = fly.deadline();
    var within = fly.within(deadline);
    var begin = Deadline.clock().nanos();
    var waiting = new Waiting(story);
    for (long pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
      try {
        return request.apply(within);
      } catch (FlyException refused) {
        if (refused.status != 412 && refused.status != 409) throw refused;
        if (refused.why.contains("lease currently held")) throw refused;
        var now = look(within, app, id, refused);
        var state = now.path("state").asText();
        if (there.contains(state)) {
          story.say("It is %s already.", state);
          return now;
        }
        var over = deadline.left().toMillis() < pause;
        if (!passing(state, refused) || over) throw refused;
        waiting.say(begin, Duration.ofMillis(pause), "It is %s; waiting ...".formatted(state));
        deadline.pause(Duration.ofMillis(pause));
      }
    }
  }

  /** The Machine's state; if it cannot be read, the refusal that it explains is thrown. */
  private static JsonNode look(Fly fly, String app, String id, FlyException refused) {
    try {
      return fly.get(MACHINE, app, id);
    } catch (FlyException e) {
      refused.addSuppressed(e);
      throw refused;
    }
  }

  /** True if the Machine will soon be ready, by its state or by Fly.io's text. */
  private static boolean passing(String state, FlyException refused) {
    return PASSING.contains(state)
        || refused.why.matches(
            "(?s).*(still active|still attempting|getting replaced|concurrent update).*");
  }

  /**
   * Waits until the Machine is in this state, with as many requests as it takes.
   *
   * @param timeout whole seconds, one at least
   * @return the answer of the last request, or {@code {"ok": true}} for a Machine that is gone
   * @throws FlyException if the time is over
   */
  public JsonNode waitFor(String app, String id, State state, Duration timeout) {
    return waitFor(
        app,
        id,
        state,
        timeout,
        one -> {
          // Fly.io waits for a stopped Machine in one version of it, which the request has to name.
          if (state != State.stopped || one.dryRun()) return "";
          return one.get(MACHINE, app, id).path("instance_id").asText();
        });
  }

  /**
   * Waits until one version of the Machine is in this state.
   *
   * @param version its {@code instance_id}
   */
  public JsonNode waitForVersion(
      String app, String id, State state, String version, Duration timeout) {
    return waitFor(app, id, state, timeout, one -> version);
  }

  /** The wait has its own time limit; only a request's time beyond it counts for the deadline. */
  private JsonNode waitFor(
      String app, String id, State state, Duration timeout, Function<Fly, String> version) {
    var deadline = fly.deadline();
    return deadline.excluding(() -> waitFor(deadline.budget(), app, id, state, timeout, version));
  }

  private JsonNode waitFor(
      Duration budget,
      String app,
      String id,
      State state,
      Duration timeout,
      Function<Fly, String> version) {
    var start = Deadline.clock().nanos();
    var waiting = new Waiting(story);
    while (true) {
      var left =
          timeout.toSeconds() - TimeUnit.NANOSECONDS.toSeconds(Deadline.clock().nanos() - start);
      var seconds = Math.max(1, Math.min(LONGEST_S, left));
      var one = fly.within(Deadline.after(budget.plusSeconds(seconds)));
      try {
        var wait = MACHINE + "/wait?state={state}&timeout={seconds}";
        var instance = version.apply(one);
        if (instance.isEmpty()) return one.get(wait, app, id, state, seconds);
        return one.get(wait + "&instance_id={instance}", app, id, state, seconds, instance);
      } catch (FlyException e) {
        var young = Deadline.clock().nanos() - start < REPLICATION_NS;
        if (e.status == 404 && state == State.destroyed) return gone(app, state, e);
        if (e.status != 408 && !(e.status == 404 && young)) throw e;
        if (e.status == 408 && Deadline.clock().nanos() - start >= timeout.toNanos()) {
          throw late(state, timeout, e);
        }
        if (e.status == 408) waiting.say(start, Duration.ZERO, "Not yet: " + e.why);
      }
      Deadline.sleep(Duration.ofMillis(500));
    }
  }

  /** Fly.io forgets a destroyed Machine after a while. */
  private JsonNode gone(String app, State state, FlyException e) {
    if (fly.find("/v1/apps/{app}", app).isEmpty()) throw e;
    story.say("It is gone.");
    return Fly.JSON.createObjectNode().put("ok", true).put("state", state.name());
  }

  private static FlyException late(State state, Duration timeout, FlyException e) {
    return new FlyException(
        "the Machine is not %s after %s s".formatted(state, timeout.toSeconds()),
        e.why,
        "wait longer: --timeout %ss, or look at it: fly-status".formatted(2 * timeout.toSeconds()));
  }
}
