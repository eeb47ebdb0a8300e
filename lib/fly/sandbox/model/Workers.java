package fly.sandbox.model;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/** The sandbox's own threads, all of them daemons. */
public final class Workers implements AutoCloseable {
  /** Health checks that run at the same time; the others wait. */
  private static final int CHECKERS = 16;

  private final ThreadFactory threads = daemons("sandbox");
  private final ExecutorService workers = Executors.newCachedThreadPool(threads);
  private final ExecutorService checkers =
      Executors.newFixedThreadPool(CHECKERS, daemons("sandbox-checks"));

  public static ThreadFactory daemons(String name) {
    var count = new AtomicInteger();
    return task -> {
      var thread = new Thread(task, name + "-" + count.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** Runs a task soon. Once the sandbox is closing, drops it: the next start does its work. */
  public void run(Runnable task) {
    try {
      workers.execute(task);
    } catch (RejectedExecutionException e) {
      if (!workers.isShutdown()) throw e;
    }
  }

  /** Runs a slow task, of which there may be many, when one of a few threads is free. */
  public void check(Runnable task) {
    checkers.execute(task);
  }

  /** Runs a task on a thread that no pool owns. */
  public void thread(Runnable task) {
    threads.newThread(task).start();
  }

  public Executor executor() {
    return workers;
  }

  @Override
  public void close() {
    checkers.shutdownNow();
    workers.shutdownNow();
  }
}
