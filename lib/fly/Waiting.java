//SOURCES Deadline.java Story.java
package fly;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Reports waits. A wait that has lasted for ten seconds is reported to quiet readers, too, and then
 * at most every ten seconds, however many threads wait.
 */
final class Waiting {
  private static final Duration LONG = Duration.ofSeconds(10);

  private final Story story;
  private final AtomicLong next = new AtomicLong(Long.MIN_VALUE);

  Waiting(Story story) {
    this.story = story;
  }

  /**
   * @param since clock time at which the wait began
   * @param pause that begins now
   */
  void say(long since, Duration pause, String text) {
    var now = Deadline.clock().nanos();
    var end = now - since + pause.toNanos();
    if (end >= LONG.toNanos() && due(now)) story.insist("%s", text);
    else story.say("%s", text);
  }

  /** Reports a wait only if it is long. */
  void sayIfLong(Duration pause, String text) {
    if (pause.compareTo(LONG) >= 0 && due(Deadline.clock().nanos())) story.insist("%s", text);
  }

  private boolean due(long now) {
    var last = next.get();
    return (last == Long.MIN_VALUE || now - last >= 0)
        && next.compareAndSet(last, now + LONG.toNanos());
  }
}
