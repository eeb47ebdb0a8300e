//SOURCES ApiError.java App.java Machine.java World.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Which Machines serve requests, and since when others have not: those Fly Proxy stops or suspends,
 * where a service has autostop, as long as min_machines_running of their app and region stay. A
 * request counts until its answer has ended, open streams too.
 */
final class Load {
  /** Fly Proxy looks every few minutes. */
  private static final Duration USUAL = Duration.ofMinutes(5);

  private static final Duration SHORTEST = Duration.ofMillis(10);

  private static final class Use {
    private volatile int requests;
    private long last;

    Use(long last) {
      this.last = last;
    }
  }

  private final World world;
  private final Map<Machine, Use> uses = new ConcurrentHashMap<>();
  private volatile Duration idle = USUAL;
  private long departures;

  Load(World world) {
    this.world = world;
    watch();
  }

  /** How long a Machine may be idle from now on. */
  void idle(Duration idle) {
    this.idle = idle;
    watch();
  }

  /** How many requests the Machine is answering. */
  int of(Machine machine) {
    var use = uses.get(machine);
    return use == null ? 0 : use.requests;
  }

  /** Counts one more request, unless there are so many already. */
  boolean enter(Machine machine, int most) {
    var entered = new AtomicBoolean();
    uses.compute(
        machine,
        (key, use) -> {
          var current = use == null ? new Use(world.elapsed()) : use;
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
          use.last = world.elapsed();
          return use;
        });
    synchronized (this) {
      departures++;
      notifyAll();
    }
  }

  /** How many requests have left so far. */
  synchronized long departures() {
    return departures;
  }

  /** Waits until more have left than were seen; false once the deadline (of nanoTime) is over. */
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
    world.later(
        quarter.compareTo(SHORTEST) < 0 ? SHORTEST : quarter,
        () -> {
          if (!current.equals(idle)) return; // somebody else watches
          for (var app : world.apps()) look(app);
          uses.entrySet().removeIf(use -> gone(use.getKey(), use.getValue()));
          watch();
        });
  }

  private static boolean gone(Machine machine, Use use) {
    return use.requests == 0 && !machine.state().equals("started");
  }

  /** At most one Machine of an app at a time, as Fly Proxy does. */
  private void look(App app) {
    var started = app.living().stream().filter(machine -> machine.state().equals("started"));
    for (var machine : started.toList()) {
      for (var service : machine.config().path("services")) {
        var how = service.path("autostop").asText("off");
        if (how.equals("off") || how.equals("false")) continue;
        if (running(app, machine.region) <= least(machine, service)) continue;
        if (end(machine, how)) return;
      }
    }
  }

  /** Only in the primary region, which the config tells; where it does not, in each. */
  private static int least(Machine machine, JsonNode service) {
    var primary = machine.config().at("/env/PRIMARY_REGION").asText(machine.region);
    return machine.region.equals(primary) ? service.path("min_machines_running").asInt() : 0;
  }

  private static long running(App app, String region) {
    return app.living().stream()
        .filter(machine -> machine.region.equals(region) && machine.state().equals("started"))
        .count();
  }

  /** Under the same lock as a request's arrival, which so finds it started or about to stop. */
  private boolean end(Machine machine, String how) {
    var before = machine.state();
    uses.compute(
        machine,
        (key, use) -> {
          if (use == null) return new Use(world.elapsed());
          if (use.requests > 0 || world.elapsed() - use.last < idle.toNanos()) return use;
          try {
            if (how.equals("suspend") && machine.suspendable()) machine.suspend();
            else machine.stop(null, null);
          } catch (ApiError e) {
            return use; // somebody else was faster
          }
          return null;
        });
    return !machine.state().equals(before);
  }
}
