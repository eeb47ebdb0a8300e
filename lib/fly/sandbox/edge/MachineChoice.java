//SOURCES MachineLoad.java ../model/ApiError.java ../model/App.java ../model/Machine.java
//SOURCES ../service/MachineLifecycle.java
package fly.sandbox.edge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Machine;
import fly.sandbox.service.MachineLifecycle;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;

/** Chooses the Machine for a request. */
final class MachineChoice {
  /**
   * The wishes of a request; each may be null.
   *
   * @param instance the id of the only allowed Machine
   * @param preferred the id of a Machine that is better than others
   * @param region the allowed regions, with commas between them
   * @param near regions that are better than others, the best first
   * @param not the id of an excluded Machine
   */
  record Wanted(
      App app, String instance, String preferred, String region, String near, Machine not) {}

  private static final int NEVER = 4;

  private final MachineLoad load;
  private final MachineLifecycle lifecycle;

  MachineChoice(MachineLoad load, MachineLifecycle lifecycle) {
    this.load = load;
    this.lifecycle = lifecycle;
  }

  /**
   * Chooses a Machine with room, and counts the request for it until {@link MachineLoad#leave}.
   * Running Machines below their soft limit come first, then those that a request may start, then
   * those below their hard limit. Without any, it waits. Among equals it prefers healthy Machines,
   * better regions and fewer requests.
   */
  Machine enter(Wanted wanted, Duration hold) {
    var deadline = System.nanoTime() + hold.toNanos();
    while (true) {
      var seen = load.departures();
      var candidates =
          wanted.app().living().stream()
              .filter(machine -> !machine.cordoned() && !service(machine).isMissingNode())
              .filter(machine -> wanted.instance() == null || machine.id.equals(wanted.instance()))
              .filter(machine -> wanted.region() == null || in(machine.region, wanted.region()))
              .filter(machine -> machine != wanted.not())
              .filter(machine -> readiness(machine) < NEVER)
              .sorted(
                  Comparator.comparing((Machine machine) -> !machine.id.equals(wanted.preferred()))
                      .thenComparing(this::readiness)
                      .thenComparing(machine -> !lifecycle.running(machine).healthy())
                      .thenComparing(machine -> rank(machine.region, wanted.near()))
                      .thenComparing(load::of))
              .toList();
      if (candidates.isEmpty()) throw nobody(wanted);
      for (var machine : candidates) {
        var most = service(machine).at("/concurrency/hard_limit").asInt(0);
        if (load.enter(machine, most == 0 ? Integer.MAX_VALUE : most)) return machine;
      }
      if (!load.awaitDeparture(seen, deadline)) {
        throw ApiError.atHardLimit(wanted.app().name);
      }
    }
  }

  /** 0 for a Machine that takes requests at once, up to {@link #NEVER}. */
  private int readiness(Machine machine) {
    var full = load.of(machine) >= service(machine).at("/concurrency/soft_limit").asInt(20);
    return switch (machine.state()) {
      case STARTED -> full ? 3 : 0;
      case STARTING, SUSPENDING -> full ? 3 : 1;
      case SUSPENDED, STOPPED, CREATED, STOPPING, FAILED -> machine.autostart() ? 2 : NEVER;
      default -> NEVER;
    };
  }

  /** The service of port 443, else 80, else any; missing if there is none. */
  static JsonNode service(Machine machine) {
    var services = machine.config().path("services");
    for (var wanted : new int[] {443, 80}) {
      for (var service : services) {
        for (var port : service.path("ports")) {
          var first = port.path("start_port").asInt(port.path("port").asInt());
          if (first <= wanted && wanted <= port.path("end_port").asInt(first)) return service;
        }
      }
    }
    for (var service : services) return service;
    return MissingNode.getInstance();
  }

  private ApiError nobody(Wanted wanted) {
    var app = wanted.app();
    if (wanted.instance() != null) {
      return ApiError.noSuchInstance(app.name, wanted.instance());
    }
    if (wanted.region() != null) {
      return ApiError.nobodyInRegion(app.name, wanted.region());
    }
    var living = app.living();
    if (living.stream().allMatch(Machine::cordoned)) {
      return ApiError.noMachine(app.name);
    }
    if (living.stream().allMatch(machine -> service(machine).isMissingNode())) {
      return ApiError.noService(app.name);
    }
    return ApiError.noneStarts(app.name);
  }

  private static boolean in(String region, String list) {
    return List.of(list.trim().split("\\s*,\\s*")).contains(region);
  }

  private static int rank(String region, String preferred) {
    if (preferred == null) return 0;
    var regions = List.of(preferred.trim().split("\\s*,\\s*"));
    return regions.contains(region) ? regions.indexOf(region) : regions.size();
  }
}
