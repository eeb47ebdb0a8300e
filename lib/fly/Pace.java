//SOURCES Deadline.java Settings.java
package fly;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Fly.io's documented rate limits, kept by the client. Each action on each Machine or app may come
 * once a second, with a burst of three. Get Machine may come five times a second, with a burst of
 * ten. https://fly.io/docs/machines/api/working-with-machines-api/#rate-limits
 *
 * <p>A sandbox on this machine has no limits unless its user sets them. Without them the pace
 * begins with the first 429.
 */
final class Pace {
  private static final String ON = "FLY_RATE_LIMITS";
  private static final long SECOND = 1_000_000_000L;

  /** One token is left to Fly.io: the requests of a second do not arrive evenly. */
  private enum Limit {
    ACTION(SECOND, 2),
    GET_MACHINE(SECOND / 5, 9);

    final long interval;
    final int burst;

    Limit(long interval, int burst) {
      this.interval = interval;
      this.burst = burst;
    }
  }

  /**
   * The time at which the bucket of an action on one thing will be full; it holds a burst of
   * tokens.
   */
  private final Map<String, Long> full = new ConcurrentHashMap<>();

  private final boolean fromTheStart;

  private Pace(boolean fromTheStart) {
    this.fromTheStart = fromTheStart;
  }

  /** A sandbox that limits the rate exports {@value #ON}=on. */
  static Pace of(boolean loopback) {
    return new Pace(!loopback || "on".equals(Settings.lookup(ON)));
  }

  /** Takes a token: the time to wait for it. */
  Duration take(String method, String path) {
    var bucket = Bucket.of(method, path);
    if (bucket == null || !fromTheStart && !full.containsKey(bucket.key)) return Duration.ZERO;
    var limit = bucket.limit;
    var now = Deadline.clock().nanos();
    var first = now + limit.interval;
    var next = full.merge(bucket.key, first, (time, one) -> Math.max(time + limit.interval, one));
    return Duration.ofNanos(Math.max(0, next - now - limit.interval * limit.burst));
  }

  /** After a 429 the bucket is empty. */
  void limited(String method, String path) {
    var bucket = Bucket.of(method, path);
    if (bucket == null) return;
    var limit = bucket.limit;
    var empty = Deadline.clock().nanos() + limit.interval * limit.burst;
    full.merge(bucket.key, empty, Math::max);
  }

  /**
   * The bucket of an action on a Machine or an app.
   *
   * @param key the action and the id
   */
  private record Bucket(String key, Limit limit) {
    /** Null for a request without a documented limit. */
    static Bucket of(String method, String path) {
      var query = path.indexOf('?');
      var parts = (query < 0 ? path : path.substring(0, query)).split("/", 7);
      if (parts.length < 4 || !parts[1].equals("v1") || !parts[2].equals("apps")) return null;
      if (parts.length > 5 && parts[4].equals("machines") && !parts[5].isEmpty()) {
        var action = parts.length == 6 ? "" : parts[6];
        var read = method.equals("GET") && action.isEmpty();
        return new Bucket(
            method + "/" + action + " " + parts[5], read ? Limit.GET_MACHINE : Limit.ACTION);
      }
      var action = String.join("/", List.of(parts).subList(4, parts.length));
      return new Bucket(method + action + " " + parts[3], Limit.ACTION);
    }
  }
}
