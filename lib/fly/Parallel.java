//SOURCES FlyException.java
package fly;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** Work on many things at once, in threads that do not keep the JVM alive. */
public final class Parallel {
  private Parallel() {}

  /**
   * Does the work on each item. A failure ends the work on its item only; a refused token ends all.
   *
   * @return the failures, in the order of their times
   */
  public static <T> Map<T, FlyException> each(
      Collection<T> items, int threads, Consumer<? super T> work) {
    var left = new ConcurrentLinkedQueue<>(items);
    var failures = Collections.synchronizedMap(new LinkedHashMap<T, FlyException>());
    var bug = new AtomicReference<Throwable>();
    var count = Math.max(1, Math.min(threads, items.size()));
    var ended = new CountDownLatch(count);
    Runnable worker =
        () -> {
          try {
            for (var item = left.poll(); item != null; item = left.poll()) {
              try {
                work.accept(item);
              } catch (FlyException e) {
                failures.put(item, e);
                if (e.exitCode == FlyException.TOKEN) left.clear();
              }
            }
          } catch (RuntimeException | Error e) {
            bug.set(e);
            left.clear();
          } finally {
            ended.countDown();
          }
        };
    for (int i = 0; i < count; i++) {
      var thread = new Thread(worker, "parallel-" + i);
      thread.setDaemon(true);
      thread.start();
    }
    try {
      ended.await();
    } catch (InterruptedException e) {
      left.clear();
      Thread.currentThread().interrupt();
      throw new FlyException("interrupted", "the wait was ended from outside", "run this again");
    }
    if (bug.get() instanceof Error error) throw error;
    if (bug.get() instanceof RuntimeException exception) throw exception;
    return failures;
  }
}
