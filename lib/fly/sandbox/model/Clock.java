//SOURCES Workers.java
package fly.sandbox.model;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The time by which the sandbox goes: when leases end, waits are over, idle Machines stop, tokens
 * of a rate limit come back, latencies are through. Real programs, and requests on their way to
 * them, go by the real one always.
 */
public interface Clock {
  Instant now();

  /** Nanoseconds from any point on, which no correction of the clock changes. */
  long elapsed();

  /**
   * Runs a task, which must not take long, once the delay is over.
   *
   * @return what calls that off
   */
  Runnable later(Duration delay, Runnable task);

  /** Returns once so much time has passed. */
  default void pass(Duration time) throws InterruptedException {
    var over = new CountDownLatch(1);
    later(time, over::countDown);
    over.await();
  }

  /** Runs no more tasks. */
  void close();

  /** The real one. */
  static Clock real() {
    return new Real();
  }

  /** The time of day. */
  final class Real implements Clock {
    private final ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(Workers.daemons("sandbox-timer"));

    @Override
    public Instant now() {
      return Instant.now();
    }

    @Override
    public long elapsed() {
      return System.nanoTime();
    }

    @Override
    public Runnable later(Duration delay, Runnable task) {
      var planned = timer.schedule(task, delay.toMillis(), TimeUnit.MILLISECONDS);
      return () -> planned.cancel(false);
    }

    @Override
    public void close() {
      timer.shutdownNow();
    }
  }

  /** For tests: it stands still, and goes on when it is told to. */
  final class Virtual implements Clock {
    private record Planned(Instant at, long order, Runnable task) {}

    private final Queue<Planned> planned =
        new PriorityQueue<>(Comparator.comparing(Planned::at).thenComparing(Planned::order));
    private Instant now;
    private long order;

    public Virtual(Instant start) {
      this.now = start;
    }

    @Override
    public synchronized Instant now() {
      return now;
    }

    @Override
    public synchronized long elapsed() {
      return Duration.between(Instant.EPOCH, now).toNanos();
    }

    @Override
    public synchronized Runnable later(Duration delay, Runnable task) {
      var one = new Planned(now.plus(delay), order++, task);
      planned.add(one);
      return () -> callOff(one);
    }

    private synchronized void callOff(Planned one) {
      planned.remove(one);
    }

    /** Lets so much time pass: what is planned for it happens, each at its time, in this thread. */
    public void advance(Duration by) {
      var end = now().plus(by);
      for (var next = next(end); next != null; next = next(end)) next.task().run();
    }

    private synchronized Planned next(Instant end) {
      var first = planned.peek();
      if (first == null || first.at().isAfter(end)) {
        now = end;
        return null;
      }
      now = first.at();
      return planned.poll();
    }

    @Override
    public synchronized void close() {
      planned.clear();
    }
  }
}
