package fly.sandbox;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

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
    private int requests;
    private long last = System.nanoTime();
  }

  private final World world;
  private final Map<Machine, Use> uses = new ConcurrentHashMap<>();
  private volatile Duration idle = USUAL;

  Load(World world) {
    this.world = world;
    watch();
  }

  /** How long a Machine may be idle from now on. */
  void idle(Duration idle) {
    this.idle = idle;
    watch();
  }

  void enter(Machine machine) {
    uses.compute(
        machine,
        (key, use) -> {
          var current = use == null ? new Use() : use;
          current.requests++;
          return current;
        });
  }

  void leave(Machine machine) {
    uses.computeIfPresent(
        machine,
        (key, use) -> {
          use.requests--;
          use.last = System.nanoTime();
          return use;
        });
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
        if (running(app, machine.region) <= service.path("min_machines_running").asInt()) continue;
        if (end(machine, how)) return;
      }
    }
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
          if (use == null) return new Use();
          if (use.requests > 0 || System.nanoTime() - use.last < idle.toNanos()) return use;
          try {
            if (how.equals("suspend")) machine.suspend();
            else machine.stop(null, null);
          } catch (ApiError e) {
            return use; // somebody else was faster
          }
          return null;
        });
    return !machine.state().equals(before);
  }
}
