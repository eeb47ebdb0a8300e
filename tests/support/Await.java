import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Waits for a condition, for half a minute at most. */
final class Await {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Await() {}

  static void until(Callable<Boolean> condition) throws Exception {
    until(condition, () -> "it does not become true");
  }

  static void until(Callable<Boolean> condition, Supplier<Object> why) throws Exception {
    var end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() > end) fail(String.valueOf(why.get()));
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }
}
