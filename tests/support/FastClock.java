import fly.Deadline;
import java.time.Duration;
import java.time.Instant;

/**
 * A clock on which waiting takes no time: a sleep sets it forward. Sockets keep real time, so that
 * a time limit of theirs is a part of what it would be.
 */
final class FastClock implements Deadline.Clock {
  private final long begin = System.nanoTime();
  private final int speed;
  private final Duration shortest;
  private long slept;

  FastClock() {
    this(1);
  }

  /**
   * @param speed the part of real time that sockets wait: a 60th of 30 s is 0.5 s
   */
  FastClock(int speed) {
    this(speed, Duration.ZERO);
  }

  private FastClock(int speed, Duration shortest) {
    this.speed = speed;
    this.shortest = shortest;
  }

  /** Only sleeps pass: a busy machine takes no time. Sockets keep real time. */
  static FastClock ofSleeps() {
    return new FastClock(0, Duration.ZERO);
  }

  /** Shorter waits take their time: another thread or process may need it. */
  static FastClock forWaitsFrom(Duration shortest) {
    return new FastClock(1, shortest);
  }

  @Override
  public synchronized long nanos() {
    return begin + (System.nanoTime() - begin) * speed + slept;
  }

  @Override
  public synchronized Instant now() {
    return Instant.now().plusNanos(slept);
  }

  @Override
  public void sleep(Duration time) throws InterruptedException {
    if (time.compareTo(shortest) < 0) {
      Thread.sleep(time.toMillis());
      return;
    }
    synchronized (this) {
      slept += time.toNanos();
    }
  }

  @Override
  public Duration real(Duration time) {
    return speed == 0 ? time : time.dividedBy(speed);
  }
}
