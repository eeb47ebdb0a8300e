//SOURCES Deadline.java Settings.java
package fly;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Fly.io's documented rate limits, kept on our side: each action on each Machine or app once a
 * second with a burst of three, Get Machine five times a second with a burst of ten.
 * https://fly.io/docs/machines/api/working-with-machines-api/#rate-limits
 *
 * <p>A sandbox on this machine has no limits unless its user wants them: without them the pace
 * begins with the first 429.
 */
final class Pace {
  private static final Pattern MACHINE = Pattern.compile("/v1/apps/[^/]+/machines/([^/?]+)(.*)");
  private static final Pattern APP = Pattern.compile("/v1/apps/([^/?]+)(.*)");
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

  /** When the bucket of an action on one thing will be full; it holds a burst of tokens. */
  private final Map<String, Long> full = new HashMap<>();

  private final boolean fromTheStart;

  private Pace(boolean fromTheStart) {
    this.fromTheStart = fromTheStart;
  }

  /** A sandbox that limits the rate exports {@value #ON}=on. */
  static Pace of(boolean loopback) {
    return new Pace(!loopback || "on".equals(Settings.lookup(ON)));
  }

  /** Takes a token: the time to wait for it. */
  synchronized Duration take(String method, String path) {
    var key = key(method, path);
    if (key == null || !fromTheStart && !full.containsKey(key)) return Duration.ZERO;
    var limit = limit(method, path);
    var now = Deadline.clock().nanos();
    var next = Math.max(now, full.getOrDefault(key, now)) + limit.interval;
    full.put(key, next);
    return Duration.ofNanos(Math.max(0, next - now - limit.interval * limit.burst));
  }

  /** After a 429 the bucket is empty. */
  synchronized void limited(String method, String path) {
    var key = key(method, path);
    if (key == null) return;
    var limit = limit(method, path);
    var empty = Deadline.clock().nanos() + limit.interval * limit.burst;
    full.merge(key, empty, Math::max);
  }

  private static Limit limit(String method, String path) {
    var machine = MACHINE.matcher(path);
    var read = method.equals("GET") && machine.matches() && machine.group(2).isEmpty();
    return read ? Limit.GET_MACHINE : Limit.ACTION;
  }

  /** Action and id; null for what has no documented limit. */
  private static String key(String method, String path) {
    var machine = MACHINE.matcher(path);
    if (machine.matches()) return method + bare(machine.group(2)) + " " + machine.group(1);
    var app = APP.matcher(path);
    return app.matches() ? method + bare(app.group(2)) + " " + app.group(1) : null;
  }

  /** Without the query. */
  private static String bare(String path) {
    var query = path.indexOf('?');
    return query < 0 ? path : path.substring(0, query);
  }
}
