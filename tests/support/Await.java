import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Waits of the tests. Their limit only guards against a test that hangs, so it is far above the
 * need of a busy machine. No test asserts by it that something is quick.
 */
final class Await {
  /** The one limit, below JUnit's for a test. */
  static final Duration LIMIT = Duration.ofMinutes(2);

  static final int LIMIT_MS = (int) LIMIT.toMillis();

  private Await() {}

  static void until(Callable<Boolean> condition) throws Exception {
    until(condition, () -> "it does not become true");
  }

  static void until(Callable<Boolean> condition, Supplier<Object> why) throws Exception {
    var end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() > end) fail(String.valueOf(why.get()));
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }

  /** Waits until the latch is open. */
  static void open(CountDownLatch latch) throws InterruptedException {
    assertTrue(latch.await(LIMIT_MS, TimeUnit.MILLISECONDS), "the latch does not open");
  }

  /** The exit code of a process, once it has ended. */
  static int exit(Process process) throws InterruptedException {
    return exit(process, () -> process.info().commandLine().orElse("the process"));
  }

  static int exit(Process process, Supplier<Object> why) throws InterruptedException {
    if (!process.waitFor(LIMIT_MS, TimeUnit.MILLISECONDS)) fail("does not end: " + why.get());
    return process.exitValue();
  }

  /** The value of a future, once it is there. */
  static <T> T value(Future<T> future) throws ExecutionException, InterruptedException {
    try {
      return future.get(LIMIT_MS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return fail("the future has no value after " + LIMIT);
    }
  }
}
