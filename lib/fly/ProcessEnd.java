package fly;

import java.time.Duration;
import java.util.Collection;

/** Waits for the end of processes. */
public final class ProcessEnd {
  private static final int LOOK_MS = 5;

  private ProcessEnd() {}

  /**
   * Waits until all of these processes have ended. A zombie has ended: it runs no command, and
   * stays listed until its parent takes its exit code, which may be never.
   *
   * @return false if one still runs after this time, or if this thread is interrupted
   */
  public static boolean await(Collection<ProcessHandle> processes, Duration longest) {
    var deadline = System.nanoTime() + longest.toNanos();
    while (processes.stream().anyMatch(ProcessEnd::runs)) {
      if (System.nanoTime() - deadline > 0) return false;
      try {
        Thread.sleep(LOOK_MS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }

  private static boolean runs(ProcessHandle process) {
    return process.isAlive() && process.info().command().isPresent();
  }
}
