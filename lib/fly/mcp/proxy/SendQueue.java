//SOURCES ../message/JsonRpcHead.java ../message/SpooledBytes.java PendingCall.java
package fly.mcp.proxy;

import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.SpooledBytes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Sends the client's messages, many at a time, in an order that a server can rely on. A
 * notification is sent after the requests before it; nothing is sent after it until the server has
 * accepted it. Requests do not wait for each other, however long one takes.
 */
final class SendQueue {
  /** Connections at a time while calls are quick. */
  private static final int WIDTH = 16;

  private static final int MOST = 256;
  private static final int LONGEST_QUEUE = 1024;

  /** Most bytes of the heap for all messages, waiting or under way. */
  private static final long MOST_BYTES = 4 << 20;

  private static final long STUCK_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

  /** Head start after which a request arrives before one on another connection. */
  private static final long AHEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private final Consumer<PendingCall> sender;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ready = lock.newCondition();
  private final Condition room = lock.newCondition();
  private final Condition empty = lock.newCondition();
  private final Deque<PendingCall> queue = new ArrayDeque<>();
  private final Set<PendingCall> underWay = new HashSet<>();
  private PendingCall alone;
  private boolean serial;
  private int workers;
  private int idle;
  private long lastTaken;
  private boolean growing;
  private boolean ended;
  private long bytes;

  /**
   * @param sender sends one message; the next ones that may leave beside it do so in other threads
   */
  SendQueue(Consumer<PendingCall> sender) {
    this.sender = sender;
  }

  /** Sends one message after the other from now on. */
  void serial() {
    lock.lock();
    serial = true;
    lock.unlock();
  }

  /** Sends no other message until this one is done. */
  void alone(PendingCall call) {
    lock.lock();
    alone = call;
    lock.unlock();
  }

  /** Waits while the queue is full. */
  void put(PendingCall call) throws InterruptedException {
    lock.lock();
    try {
      while (!ended && (queue.size() >= LONGEST_QUEUE || bytes > MOST_BYTES)) room.await();
      queue.add(call);
      bytes += inMemory(call);
      callSomebody();
    } finally {
      lock.unlock();
    }
  }

  /** The next message, if it may be sent beside those under way; else null. */
  PendingCall poll(long longest) {
    lock.lock();
    try {
      var next = queue.peek();
      if (next == null || next.message.length() > longest) return null;
      bytes -= inMemory(next);
      room.signal();
      return queue.poll();
    } finally {
      lock.unlock();
    }
  }

  /** Its first byte is being sent. */
  void leaves(PendingCall call) {
    call.written = System.nanoTime();
    lock.lock();
    ready.signal();
    lock.unlock();
  }

  /** Later messages no longer wait for it. */
  void done(PendingCall call) {
    lock.lock();
    try {
      if (underWay.remove(call)) bytes -= inMemory(call);
      room.signal();
      if (alone == call) alone = null;
      ready.signal();
      if (queue.isEmpty() && underWay.isEmpty()) empty.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The rest of it is in a file. */
  private static long inMemory(PendingCall call) {
    return Math.min(SpooledBytes.LARGE, call.message.length());
  }

  /** Waits until all messages have been sent; false if they were not in time. */
  boolean drain(long millis) throws InterruptedException {
    var left = TimeUnit.MILLISECONDS.toNanos(millis);
    lock.lock();
    try {
      while (!queue.isEmpty() || !underWay.isEmpty()) {
        if (left <= 0) return false;
        left = empty.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Sends no more messages, and ends the threads. */
  void end() {
    lock.lock();
    ended = true;
    ready.signalAll();
    room.signalAll();
    lock.unlock();
  }

  /** A worker checks if the next message may be sent. */
  private void callSomebody() {
    if (idle > 0 || serial && workers > 0) {
      ready.signal();
    } else if (workers < WIDTH) {
      start();
    } else if (!growing) {
      growing = true;
      daemon(this::grow, "mcp-outbox");
    }
  }

  private void start() {
    workers++;
    daemon(this::work, "mcp-call");
  }

  private static void daemon(Runnable work, String name) {
    var thread = new Thread(null, work, name, 512 * 1024);
    thread.setDaemon(true);
    thread.start();
  }

  private void work() {
    try {
      for (var call = take(); call != null; call = take()) {
        try {
          sender.accept(call);
        } finally {
          done(call);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The next message that may be sent; null if this worker is to end. */
  private PendingCall take() throws InterruptedException {
    lock.lock();
    try {
      while (true) {
        if (ended) {
          workers--;
          return null;
        }
        var wait = queue.isEmpty() ? Long.MAX_VALUE : wait(queue.peek());
        if (wait == 0) break;
        idle++;
        var tired = false;
        if (wait == Long.MAX_VALUE) tired = !ready.await(10, TimeUnit.SECONDS);
        else ready.awaitNanos(wait);
        idle--;
        if (tired && queue.isEmpty() && workers > WIDTH) {
          workers--;
          return null;
        }
      }
      var call = queue.poll();
      underWay.add(call);
      lastTaken = System.nanoTime();
      room.signal();
      if (!queue.isEmpty()) callSomebody();
      return call;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Nanoseconds that the next message must wait: 0 for none, Long.MAX_VALUE until another is done.
   */
  private long wait(PendingCall next) {
    if (underWay.isEmpty()) return 0;
    if (serial || alone != null || next.opensSession()) return Long.MAX_VALUE;
    var wait = 0L;
    for (var call : underWay) {
      if (call.opensSession()) return Long.MAX_VALUE;
      if (call.head.kind == JsonRpcHead.Kind.NOTIFICATION) return Long.MAX_VALUE;
      if (next.head.kind != JsonRpcHead.Kind.NOTIFICATION) continue;
      if (call.written == 0) return Long.MAX_VALUE;
      wait = Math.max(wait, call.written + AHEAD_NANOS - System.nanoTime());
    }
    return wait;
  }

  /** Starts more workers while all are busy with slow calls. */
  private void grow() {
    try {
      while (true) {
        TimeUnit.NANOSECONDS.sleep(STUCK_NANOS);
        lock.lock();
        try {
          if (queue.isEmpty() || ended) {
            growing = false;
            return;
          }
          if (idle > 0 || System.nanoTime() - lastTaken < STUCK_NANOS) continue;
          if (wait(queue.peek()) != 0) continue;
          for (int i = 0; i < queue.size() && workers < MOST; i++) start();
        } finally {
          lock.unlock();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
