//SOURCES ../model/ApiError.java ../model/App.java ../model/Clock.java ../model/Machine.java
//SOURCES ../model/MachineState.java ../service/MachineLifecycle.java ../service/Organization.java
package fly.sandbox.edge;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Machine;
import fly.sandbox.model.MachineState;
import fly.sandbox.service.MachineLifecycle;
import fly.sandbox.service.Organization;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Counts requests per Machine, and stops or suspends idle ones (autostop), keeping
 * min_machines_running per region. A request counts until its answer has ended, open streams too.
 */
public final class MachineLoad {
  /** Fly Proxy looks for idle Machines every few minutes. */
  private static final Duration USUAL = Duration.ofMinutes(5);

  private static final Duration SHORTEST = Duration.ofMillis(10);

  private static final class Use {
    private volatile int requests;
    private long last;

    Use(long last) {
      this.last = last;
    }
  }

  private final Clock clock;
  private final Organization organization;
  private final MachineLifecycle lifecycle;
  private final Map<Machine, Use> uses = new ConcurrentHashMap<>();
  private volatile Duration idle = USUAL;
  private long departures;

  public MachineLoad(Clock clock, Organization organization, MachineLifecycle lifecycle) {
    this.clock = clock;
    this.organization = organization;
    this.lifecycle = lifecycle;
    watch();
  }

  /** Sets the time that a Machine may be idle. */
  public void idle(Duration idle) {
    this.idle = idle;
    watch();
  }

  /** The number of requests that the Machine is answering. */
  int of(Machine machine) {
    var use = uses.get(machine);
    return use == null ? 0 : use.requests;
  }

  /** Counts one more request, up to a limit; false if the limit is reached. */
  boolean enter(Machine machine, int most) {
    var entered = new AtomicBoolean();
    uses.compute(
        machine,
        (key, use) -> {
          var current = use == null ? new Use(clock.elapsed()) : use;
          entered.set(current.requests < most);
          if (entered.get()) current.requests++;
          return current;
        });
    return entered.get();
  }

  void leave(Machine machine) {
    uses.computeIfPresent(
        machine,
        (key, use) -> {
          use.requests--;
          use.last = clock.elapsed();
          return use;
        });
    synchronized (this) {
      departures++;
      notifyAll();
    }
  }

  /** The number of requests that have ended. */
  synchronized long departures() {
    return departures;
  }

  /** Waits until another request has ended; false once the deadline (of nanoTime) is over. */
  synchronized boolean awaitDeparture(long seen, long deadline) {
    try {
      while (departures == seen) {
        var left = deadline - System.nanoTime();
        if (left <= 0) return false;
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void watch() {
    var current = idle;
    var quarter = current.dividedBy(4);
    clock.later(
        quarter.compareTo(SHORTEST) < 0 ? SHORTEST : quarter,
        () -> {
          if (!current.equals(idle)) return; // a newer watch runs
          for (var app : organization.apps()) look(app);
          for (var machine : uses.keySet()) uses.computeIfPresent(machine, MachineLoad::unlessGone);
          watch();
        });
  }

  /** Null removes the use, under the lock that {@link #enter} takes. */
  private static Use unlessGone(Machine machine, Use use) {
    return use.requests == 0 && !machine.is(MachineState.STARTED) ? null : use;
  }

  /** At most one Machine of an app at a time, as Fly Proxy does. */
  private void look(App app) {
    var started = app.living().stream().filter(machine -> machine.is(MachineState.STARTED));
    for (var machine : started.toList()) {
      for (var service : machine.config().path("services")) {
        var how = service.path("autostop").asText("off");
        if (how.equals("off") || how.equals("false")) continue;
        if (running(app, machine.region) <= least(machine, service)) continue;
        if (end(machine, how)) return;
      }
    }
  }

  /**
   * min_machines_running counts in the primary region, or in each region if the config names none.
   */
  private static int least(Machine machine, JsonNode service) {
    var primary = machine.config().at("/env/PRIMARY_REGION").asText(machine.region);
    return machine.region.equals(primary) ? service.path("min_machines_running").asInt() : 0;
  }

  private static long running(App app, String region) {
    return app.living().stream()
        .filter(machine -> machine.region.equals(region) && machine.is(MachineState.STARTED))
        .count();
  }

  /** Holds the lock that enter() takes, so a new request sees the Machine started or stopping. */
  private boolean end(Machine machine, String how) {
    var before = machine.state();
    uses.compute(
        machine,
        (key, use) -> {
          if (use == null) return new Use(clock.elapsed());
          if (use.requests > 0 || clock.elapsed() - use.last < idle.toNanos()) return use;
          try {
            if (how.equals("suspend") && machine.suspendable()) lifecycle.suspend(machine);
            else lifecycle.stop(machine, null, null);
          } catch (ApiError e) {
            return use; // another request was faster
          }
          return null;
        });
    return machine.state() != before;
  }
}
