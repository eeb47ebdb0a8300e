//SOURCES ../model/Clock.java
package fly.sandbox.faults;

import fly.sandbox.model.Clock;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The documented rate limits. Each action on each Machine or app may come once a second, with a
 * burst of three. Reads of a Machine may come five times a second, with a burst of ten. There may
 * be a hundred app deletions a minute
 * (https://fly.io/docs/machines/api/working-with-machines-api/#rate-limits).
 */
final class RateLimits {
  /** A token bucket. */
  private static final class Bucket {
    private double tokens;
    private Long at;

    synchronized boolean take(long now, double perSecond, double burst) {
      var since = at == null ? 0 : (now - at) / 1e9;
      tokens = at == null ? burst : Math.min(burst, tokens + since * perSecond);
      at = now;
      if (tokens < 1) return false;
      tokens--;
      return true;
    }
  }

  private final Clock clock;
  private final Map<String, Bucket> buckets = new ConcurrentHashMap<>();
  private volatile boolean on;

  RateLimits(Clock clock) {
    this.clock = clock;
  }

  /** Switches the limits; all buckets are full again. */
  void set(boolean on) {
    buckets.clear();
    this.on = on;
  }

  boolean areOn() {
    return on;
  }

  /** Takes a token for a request; false if there is none left. */
  boolean admit(String method, String path) {
    if (!on) return true;
    var parts = path.split("/"); // "", v1, apps, APP, machines, ID, ACTION
    if (parts.length < 3 || !parts[1].equals("v1") || !parts[2].equals("apps")) return true;
    var ofMachine = parts.length > 5 && parts[4].equals("machines");
    var id = ofMachine ? parts[5] : parts.length > 3 ? parts[3] : "";
    var rest = ofMachine ? parts.length > 6 ? parts[6] : "" : parts.length > 4 ? parts[4] : "";
    if (method.equals("DELETE") && parts.length == 4) return take("delete app", 100 / 60.0, 100);
    var key = method + " " + (ofMachine ? "machine " : "app ") + rest + " " + id;
    if (method.equals("GET") && ofMachine && rest.isEmpty()) return take(key, 5, 10);
    return take(key, 1, 3);
  }

  private boolean take(String key, double perSecond, double burst) {
    return buckets
        .computeIfAbsent(key, name -> new Bucket())
        .take(clock.elapsed(), perSecond, burst);
  }
}
