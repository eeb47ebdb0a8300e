//SOURCES HttpConnection.java
package fly;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * Connections that were left open after an answer, each for another request to the same origin. A
 * connection that was idle for a moment is checked before its next use, which takes 1 ms. It is
 * also checked before its first reuse, because some servers close each connection unannounced.
 */
public final class KeptConnections {
  private static final int MOST = 64;
  private static final long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Servers keep an idle connection for 5 s or longer; a network may drop it unannounced. */
  private static final long IDLE_NS = TimeUnit.SECONDS.toNanos(4);

  private record Idle(String origin, HttpConnection connection) {}

  /** The newest first. */
  private final Deque<Idle> idle = new ArrayDeque<>();

  /** Time of the last {@link #closeIdle}: System.nanoTime. */
  private volatile long suspected = System.nanoTime();

  /** A connection to the origin that seems open, or null. */
  public HttpConnection take(String origin) {
    for (var next = poll(origin); next != null; next = poll(origin)) {
      if (usable(next.connection)) return next.connection;
      next.connection.close();
    }
    return null;
  }

  /** The age counts from the last byte: a thread may keep a connection long after its answer. */
  private boolean usable(HttpConnection connection) {
    var heard = connection.heard();
    var age = System.nanoTime() - heard;
    var trusted = connection.reused() && heard - suspected > 0;
    if (age < LOOK_NS && trusted) return connection.unread() == 0;
    return age < IDLE_NS && connection.quiet();
  }

  private synchronized Idle poll(String origin) {
    for (var each = idle.iterator(); each.hasNext(); ) {
      var one = each.next();
      if (!one.origin.equals(origin)) continue;
      each.remove();
      return one;
    }
    return null;
  }

  /** Takes a connection whose answer was read whole. */
  public synchronized void keep(String origin, HttpConnection connection) {
    idle.addFirst(new Idle(origin, connection));
    if (idle.size() > MOST) idle.removeLast().connection.close();
  }

  /** Closes those that are idle now, and trusts no other before a look: the server may be gone. */
  public synchronized void closeIdle() {
    suspected = System.nanoTime();
    idle.forEach(one -> one.connection.close());
    idle.clear();
  }
}
