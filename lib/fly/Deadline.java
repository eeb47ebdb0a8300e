//SOURCES Durations.java FlyException.java
package fly;

import java.time.Duration;
import java.time.Instant;

/**
 * A budget of time for a whole command: connecting, answers, repetitions and waiting together. All
 * of package fly takes its time from here, so that a test can set the clock.
 */
public final class Deadline {
  /** The time, and how it passes. */
  public interface Clock {
    /** As {@link System#nanoTime}. */
    long nanos();

    /** The date, for a Retry-After that names one. */
    Instant now();

    void sleep(Duration time) throws InterruptedException;

    /** The time of a socket that corresponds to this clock's; the same unless a clock runs fast. */
    default Duration real(Duration time) {
      return time;
    }
  }

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

  private static final Duration FOREVER = Duration.ofDays(365);

  private static volatile Clock clock = REAL;

  private final Duration budget;
  private final long start;

  private Deadline(Duration budget) {
    this.budget = budget;
    this.start = clock.nanos();
  }

  /** Begins now. */
  public static Deadline after(Duration budget) {
    return new Deadline(budget);
  }

  public static Deadline none() {
    return new Deadline(FOREVER);
  }

  /** For tests: the clock of all deadlines from now on; null is the real one. */
  public static void clock(Clock other) {
    clock = other == null ? REAL : other;
  }

  public static Clock clock() {
    return clock;
  }

  public Duration budget() {
    return budget;
  }

  /** The rest of the budget; zero once it is used up. */
  public Duration left() {
    var left = budget.minusNanos(clock.nanos() - start);
    return left.isNegative() ? Duration.ZERO : left;
  }

  public boolean over() {
    return left().isZero();
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
        "--deadline " + Durations.text(budget.multipliedBy(3)) + " allows more time");
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
