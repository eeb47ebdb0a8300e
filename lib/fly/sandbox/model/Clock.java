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
 * The time for leases, waits, idle Machines, rate limits and latencies. Real programs, and requests
 * on their way to them, always use the real time.
 */
public interface Clock {
  Instant now();

  /** Nanoseconds since some point, unaffected by corrections of the clock. */
  long elapsed();

  /**
   * Runs a task, which must not take long, after the delay.
   *
   * @return cancels the task
   */
  Runnable later(Duration delay, Runnable task);

  /** Returns when this much time has passed. */
  default void pass(Duration time) throws InterruptedException {
    var over = new CountDownLatch(1);
    later(time, over::countDown);
    over.await();
  }

  /** Runs no more tasks. */
  void close();

  /** The real time. */
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

  /** A clock for tests, which stands still until a test advances it. */
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

    /** Advances the time, and runs the tasks planned for it in this thread, each at its time. */
    public void advance(Duration by) {
      var end = now().plus(by);
      for (var next = next(end); next != null; next = next(end)) next.task().run();
    }

    /** Sets the time forward at once: a task planned for the time between runs once, and late. */
    public void leap(Duration by) {
      synchronized (this) {
        now = now.plus(by);
      }
      advance(Duration.ZERO);
    }

    private synchronized Planned next(Instant end) {
      var first = planned.peek();
      if (first == null || first.at().isAfter(end)) {
        now = end;
        return null;
      }
      if (first.at().isAfter(now)) now = first.at();
      return planned.poll();
    }

    @Override
    public synchronized void close() {
      planned.clear();
    }
  }
}
