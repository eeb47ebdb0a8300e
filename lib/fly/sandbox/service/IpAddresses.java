//SOURCES ../model/ApiError.java ../model/App.java ../model/Clock.java ../model/Guesses.java ../model/Ids.java
//SOURCES ../model/Regions.java ../store/Journal.java
package fly.sandbox.service;

import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Ids;
import fly.sandbox.model.Regions;
import fly.sandbox.store.Journal;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;

/** Allocates and releases the IP addresses of apps. */
public final class IpAddresses {
  private static final Set<String> TYPES = Set.of("v4", "v6", "private_v6", "shared_v4");

  private final Clock clock;
  private final Journal journal;
  private final Guesses guesses;

  public IpAddresses(Clock clock, Journal journal, Guesses guesses) {
    this.clock = clock;
    this.journal = journal;
    this.guesses = guesses;
  }

  /** Returns the address that the app has already for a type which it may have only once. */
  public App.Ip allocate(App app, String type, String region, String service, String network) {
    if (!TYPES.contains(type)) throw ApiError.unknownIpType(status(), type);
    var where = region.isEmpty() ? "global" : region;
    if (!where.equals("global") && !Regions.ALL.containsKey(where)) {
      throw ApiError.unknownRegion(status(), where);
    }
    synchronized (app) {
      app.requireThere();
      if (type.equals("shared_v4")) {
        for (var ip : app.ips) if (ip.type().equals(type)) return ip;
      }
      var address = free(app, type);
      var ip = new App.Ip(Ids.ip(), address, type, where, service, network, clock.now());
      app.ips.add(ip);
      journal.changed(app);
      return ip;
    }
  }

  private int status() {
    return guesses.status(Guesses.Guess.IP_UNKNOWN);
  }

  /** A random address that the app does not have yet. */
  private static String free(App app, String type) {
    var random = ThreadLocalRandom.current();
    while (true) {
      var one = random.nextInt(64);
      var other = random.nextInt(1, 255);
      var address =
          switch (type) {
            case "shared_v4" -> "66.241.%d.%d".formatted(124 + one % 2, other);
            case "v4" -> "149.248.%d.%d".formatted(192 + one, other);
            case "v6" -> "2a09:8280:1::%s:%s:0".formatted(Ids.hex(2), Ids.hex(4));
            default -> "fdaa:0:1:0:1::%x".formatted(other);
          };
      if (app.ips.stream().noneMatch(ip -> ip.address().equals(address))) return address;
    }
  }

  /**
   * @return false if the app has no such address
   */
  public boolean release(App app, String addressOrId) {
    synchronized (app) {
      journal.changed(app);
      return app.ips.removeIf(
          ip -> ip.address().equals(addressOrId) || ip.id().equals(addressOrId));
    }
  }

  /** The addresses, v4 first, from which the app's Machines of a region call other servers. */
  public List<App.Ip> allocateEgress(App app, String region) {
    synchronized (app) {
      var there = app.egressIps.stream().filter(ip -> ip.region().equals(region)).toList();
      if (!there.isEmpty()) return there;
      var number = app.egressIps.size();
      var v4 = "169.155.%d.%d".formatted(app.number % 254 + 1, number + 2);
      var v6 = "2605:4c40:%s:%s::1".formatted(Ids.hex(4), Ids.hex(4));
      var pair =
          List.of(
              new App.Ip(Ids.ip(), v4, "v4", region, "", "", clock.now()),
              new App.Ip(Ids.ip(), v6, "v6", region, "", "", clock.now()));
      app.egressIps.addAll(pair);
      journal.changed(app);
      return pair;
    }
  }

  /** Releases egress addresses and returns them. */
  public List<App.Ip> releaseEgress(App app, Predicate<App.Ip> which) {
    synchronized (app) {
      var released = app.egressIps.stream().filter(which).toList();
      app.egressIps.removeAll(released);
      journal.changed(app);
      return released;
    }
  }
}
