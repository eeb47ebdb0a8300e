//SOURCES Deadline.java
package fly;

import java.time.Duration;

/**
 * Deadlines for a client's requests: one for all of them, with one more for each item of {@link
 * Fly#each}; or one for each request.
 */
final class Budget {
  private final Duration time;
  private final Deadline all;
  private final ThreadLocal<Deadline> item = new ThreadLocal<>();

  private Budget(Duration time, Deadline all) {
    this.time = time;
    this.all = all;
  }

  /** A budget that gives each request this time for itself. */
  static Budget ofEach(Duration time) {
    return new Budget(time, null);
  }

  static Budget of(Deadline all) {
    return new Budget(all.budget(), all);
  }

  /** The deadline of the next request. */
  Deadline deadline() {
    if (all == null) return Deadline.after(time);
    var own = item.get();
    return own == null ? all : own;
  }

  /** Begins the same time anew. */
  Budget afresh() {
    return all == null ? this : of(Deadline.after(time));
  }

  /** Runs the work with a deadline for this thread only. */
  void item(Runnable work) {
    item.set(Deadline.after(time));
    try {
      work.run();
    } finally {
      item.remove();
    }
  }
}
