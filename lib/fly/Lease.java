//SOURCES Deadline.java Fly.java FlyException.java Parallel.java Story.java Waiting.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * A Machine's lease: until it is closed, only requests of {@link #fly} change the Machine. It is
 * short and refreshed: a process that dies blocks the Machine for half a minute at most. Ctrl-C
 * releases it, too.
 */
public final class Lease implements AutoCloseable {
  private static final String LEASE = "/v1/apps/{app}/machines/{machine}/lease";
  private static final int TTL_S = 30;
  private static final int REFRESH_S = 10;
  private static final Pattern HELD =
      Pattern.compile("lease currently held by ([^,]+), expires at (\\S+?)[\\s)\"]");
  private static final Set<Lease> OPEN = ConcurrentHashMap.newKeySet();
  private static final ScheduledExecutorService TIMER =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            var thread = new Thread(task, "lease-refresh");
            thread.setDaemon(true);
            return thread;
          });

  /** For the release of one lease, when the process ends. */
  private static final Duration AT_THE_END = Duration.ofSeconds(10);

  private static volatile boolean ending;

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(Lease::closeAll));
  }

  private final Fly fly;
  private final String app;
  private final String machine;
  private final Future<?> refreshing;

  private Lease(Fly fly, String app, String machine) {
    this.fly = fly;
    this.app = app;
    this.machine = machine;
    this.refreshing =
        TIMER.scheduleAtFixedRate(this::refresh, REFRESH_S, REFRESH_S, TimeUnit.SECONDS);
    OPEN.add(this);
    if (!ending) return;
    close(fly.within(Deadline.after(AT_THE_END)));
    throw new FlyException("interrupted", "this process ends", "run this again");
  }

  private static void closeAll() {
    ending = true;
    Parallel.each(OPEN, 50, lease -> lease.close(lease.fly.within(Deadline.after(AT_THE_END))));
  }

  /**
   * Takes the lease.
   *
   * @param patience the time to wait for another holder; zero for none
   * @throws FlyException if another holds it, with the holder's name and the time of its end
   */
  public static Lease take(
      Fly fly, Story story, String app, String machine, String purpose, Duration patience) {
    var begin = Deadline.clock().nanos();
    var end = begin + patience.toNanos();
    var waiting = new Waiting(story);
    // If the answer is lost, the mark identifies this lease.
    var mark = purpose + " " + UUID.randomUUID();
    var request = Fly.JSON.createObjectNode().put("ttl", TTL_S).put("description", mark);
    while (true) {
      try {
        var answer = fly.create(LEASE, request, () -> own(fly, app, machine, mark), app, machine);
        return new Lease(fly.leased(data(answer).path("nonce").asText()), app, machine);
      } catch (FlyException refused) {
        if (refused.status != 409) throw refused;
        var held = HELD.matcher(refused.why);
        var known = held.find();
        var holder = known ? held.group(1) : "another client";
        var until = known ? held.group(2) : "a time that Fly.io does not name";
        if (Deadline.clock().nanos() >= end) throw held(machine, holder, until, refused);
        var pause = Duration.ofMillis(known ? pause(until) : 1_000);
        var text = "%s holds the lease of %s until %s; waiting ...";
        waiting.say(begin, pause, text.formatted(holder, machine, until));
        fly.deadline().pauseWithLimit(pause);
      }
    }
  }

  /** Until the lease expires, and two seconds at most: its holder may release it before. */
  private static long pause(String until) {
    try {
      var left = Duration.between(Deadline.clock().now(), Instant.parse(until)).toMillis();
      return Math.max(200, Math.min(2_000, left));
    } catch (DateTimeParseException e) {
      return 1_000;
    }
  }

  private static FlyException held(String machine, String holder, String until, FlyException e) {
    return new FlyException(
        "the Machine %s is leased by %s until %s".formatted(machine, holder, until),
        e.why,
        "the same command with --wait, which waits for the lease",
        FlyException.REFUSED,
        e.status);
  }

  private static Optional<JsonNode> own(Fly fly, String app, String machine, String mark) {
    return fly.find(LEASE, app, machine)
        .filter(lease -> data(lease).path("description").asText().equals(mark));
  }

  /** Fly.io answers with an envelope; the API's document shows the bare lease. */
  private static JsonNode data(JsonNode answer) {
    return answer.has("data") ? answer.path("data") : answer;
  }

  /** The client that may change the Machine. */
  public Fly fly() {
    return fly;
  }

  private void refresh() {
    try {
      fly.afresh().action(LEASE, Fly.JSON.createObjectNode().put("ttl", TTL_S), app, machine);
    } catch (FlyException e) {
      // the next refresh tries again; if the lease is lost, the next write is refused
    }
  }

  /** Releases the lease. One that could not be released expires by itself. */
  @Override
  public void close() {
    close(fly.afresh());
  }

  private void close(Fly fly) {
    if (!OPEN.remove(this)) return;
    refreshing.cancel(false);
    try {
      fly.delete(LEASE, app, machine);
    } catch (FlyException e) {
      // gone with its Machine, or it expires
    }
  }
}
