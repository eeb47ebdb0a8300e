package fly;

/** Threads that do not keep the JVM alive. */
public final class DaemonThread {
  /** Enough for our call depths; the JVM's default reserves four times as much. */
  private static final long STACK_BYTES = 256 * 1024;

  private DaemonThread() {}

  /** A thread that has not started. */
  public static Thread of(String name, Runnable task) {
    var thread = new Thread(null, task, name, STACK_BYTES);
    thread.setDaemon(true);
    return thread;
  }

  public static Thread start(String name, Runnable task) {
    var thread = of(name, task);
    thread.start();
    return thread;
  }
}
