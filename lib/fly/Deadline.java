//SOURCES Durations.java FlyException.java
package fly;

import java.time.Duration;
import java.time.Instant;
import java.util.function.Supplier;

/**
 * A time limit for several requests together: connecting, answers, retries and waiting. All of
 * package fly takes its time from here, so that a test can set the clock.
 */
public final class Deadline {
  /** A source of time, and of waiting. */
  public interface Clock {
    /** Nanoseconds, which {@link System#nanoTime} gives on the real clock. */
    long nanos();

    /** The date, for a Retry-After that names one. */
    Instant now();

    void sleep(Duration time) throws InterruptedException;

    /** The time of a socket that corresponds to this clock's; the same unless a clock runs fast. */
    default Duration real(Duration time) {
      return time;
    }
  }

  /** The usual time for a command; without a command, for each request. */
  public static final Duration USUAL = Duration.ofMinutes(3);

  private static final Clock REAL =
      new Clock() {
        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public Instant now() {
          return Instant.now();
        }

        @Override
        public void sleep(Duration time) throws InterruptedException {
          Thread.sleep(time.toMillis(), time.toNanosPart() % 1_000_000);
        }
      };

  private static final Duration LAST_LOOK = Duration.ofSeconds(1);

  private static final Duration FOREVER = Duration.ofDays(365);

  private static volatile Clock clock = REAL;

  private final Duration budget;
  private long start;

  private Deadline(Duration budget) {
    this.budget = budget;
    this.start = clock.nanos();
  }

  /** A deadline that begins now. */
  public static Deadline after(Duration budget) {
    return new Deadline(budget);
  }

  /** A deadline that never passes. */
  public static Deadline none() {
    return new Deadline(FOREVER);
  }

  /** Sets the clock of all deadlines, for tests; null is the real clock. */
  public static void clock(Clock other) {
    clock = other == null ? REAL : other;
  }

  /** The clock of all deadlines. */
  public static Clock clock() {
    return clock;
  }

  /** The whole time, used or not. */
  public Duration budget() {
    return budget;
  }

  /** The rest of the budget; zero once the budget is used up. */
  public synchronized Duration left() {
    var left = budget.minusNanos(clock.nanos() - start);
    return left.isNegative() ? Duration.ZERO : left;
  }

  /** True once the budget is used up. */
  public boolean over() {
    return left().isZero();
  }

  /** Runs work that has another time limit; its time does not count here. */
  public <T> T excluding(Supplier<T> work) {
    var begin = clock.nanos();
    try {
      return work.get();
    } finally {
      exclude(clock.nanos() - begin);
    }
  }

  /** Sleeps for work that has another time limit; the time does not count here. */
  public void pauseWithLimit(Duration time) {
    excluding(
        () -> {
          sleep(time);
          return null;
        });
  }

  private synchronized void exclude(long nanos) {
    start += nanos;
  }

  /**
   * Waits before the next request that looks at something, and leaves time for a last one.
   *
   * @return false if the last look is over
   */
  public boolean pauseForLook(Duration time) {
    var last = LAST_LOOK.compareTo(budget.dividedBy(4)) < 0 ? LAST_LOOK : budget.dividedBy(4);
    var most = left().minus(last);
    if (most.isNegative() || most.isZero()) return false;
    sleep(time.compareTo(most) < 0 ? time : most);
    return true;
  }

  /**
   * Waits.
   *
   * @throws FlyException at once if the wait would end after the deadline
   */
  public void pause(Duration time) {
    if (time.compareTo(left()) > 0) throw passed("another " + Durations.text(time) + " to wait");
    sleep(time);
  }

  /** The failure that ends a command whose budget is used up. */
  public FlyException passed(String why) {
    return new FlyException(
        "not done within " + Durations.text(budget),
        why,
        "--deadline " + longer() + " allows more time");
  }

  /** Advice for the reader: the option with a longer budget. */
  String longer() {
    return Durations.text(budget.multipliedBy(3));
  }

  /** Waits without a budget. */
  public static void sleep(Duration time) {
    try {
      clock.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FlyException("interrupted", "the wait was ended from outside", "run this again");
    }
  }
}
