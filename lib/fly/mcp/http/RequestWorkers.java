//SOURCES ../../DaemonThread.java
package fly.mcp.http;

import fly.DaemonThread;
import java.io.IOException;
import java.util.Comparator;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads of an HTTP server, bounded in number. A connection whose request head does not arrive in
 * time is closed. While all threads are busy, those with the slowest heads are closed first.
 */
final class RequestWorkers implements Executor {
  /** Bytes of the heap for each request that is being read; 28 KB were seen. */
  private static final long MEMORY = 128 << 10;

  private static final int MOST_THREADS =
      (int) Math.max(64, Math.min(1024, Runtime.getRuntime().maxMemory() / MEMORY));

  private static final long HEAD_MS = 10_000;

  /** A head may take this long even if other requests wait for a thread. */
  private static final long HURRIED_HEAD_MS = 250;

  private static final long LOOK_MS = 100;

  private final ThreadLocal<Work> current = new ThreadLocal<>();
  private final Set<Work> reading = ConcurrentHashMap.newKeySet();
  private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();
  private final ThreadPoolExecutor threads =
      new ThreadPoolExecutor(
          4,
          MOST_THREADS,
          10,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          task -> DaemonThread.of("mcp-http", task),
          (task, pool) -> waiting.add(task));

  RequestWorkers() {
    DaemonThread.start("mcp-http-heads", this::watch);
  }

  @Override
  public void execute(Runnable request) {
    threads.execute(new Work(request));
  }

  /**
   * The head of this thread's request is complete.
   *
   * @throws IOException if it came too late
   */
  void headIsRead() throws IOException {
    current.get().headIsRead();
  }

  private void watch() {
    try {
      while (!threads.isShutdown()) {
        Thread.sleep(LOOK_MS);
        var limit = waiting.isEmpty() ? HEAD_MS : HURRIED_HEAD_MS;
        reading.stream()
            .sorted(Comparator.comparingLong(work -> work.begin))
            .filter(work -> work.isOlderThan(limit))
            .limit(waiting.isEmpty() ? Long.MAX_VALUE : waiting.size())
            .forEach(Work::closeConnection);
        for (var task = waiting.poll(); task != null; task = waiting.poll()) {
          var before = waiting.size();
          threads.execute(task);
          if (waiting.size() > before) break; // no thread is free
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void stop() {
    threads.shutdownNow();
  }

  /** One request. */
  private final class Work implements Runnable {
    private final Runnable request;
    private Thread thread;
    private volatile long begin;

    Work(Runnable request) {
      this.request = request;
    }

    @Override
    public void run() {
      begin = System.nanoTime();
      synchronized (this) {
        thread = Thread.currentThread();
      }
      current.set(this);
      reading.add(this);
      try {
        request.run();
      } finally {
        leaveHead();
        Thread.interrupted(); // a late closeConnection() must not reach the next request
      }
    }

    private boolean leaveHead() {
      synchronized (this) {
        thread = null;
      }
      return reading.remove(this);
    }

    void headIsRead() throws IOException {
      if (leaveHead()) return;
      Thread.interrupted();
      throw new IOException("the head of the request came too late");
    }

    boolean isOlderThan(long millis) {
      return System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** An interrupt closes the channel that the thread reads. */
    synchronized void closeConnection() {
      if (thread == null || !reading.remove(this)) return;
      thread.interrupt();
    }
  }
}
