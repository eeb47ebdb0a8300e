//SOURCES ../../DaemonThread.java BridgeConfig.java ClientSession.java HttpRefusal.java Programs.java
package fly.mcp.wrap;

import fly.DaemonThread;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** The open sessions of a bridge; idle ones expire. */
final class Sessions implements AutoCloseable {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int MOST = 256;

  private final BridgeConfig config;
  private final Programs programs;
  private final ScheduledExecutorService reaper =
      Executors.newSingleThreadScheduledExecutor(task -> DaemonThread.of("mcp-expiry", task));
  private final Map<String, ClientSession> open = new ConcurrentHashMap<>();

  /** Sessions that are over; their programs may still run. */
  private final Set<ClientSession> ending = ConcurrentHashMap.newKeySet();

  /** The one session of the wrap protocol. */
  private ClientSession lines;

  Sessions(BridgeConfig config, Programs programs) {
    this.config = config;
    this.programs = programs;
    var period = Math.max(100, Math.min(10_000, config.idle().toMillis() / 4));
    reaper.scheduleWithFixedDelay(this::expire, period, period, TimeUnit.MILLISECONDS);
  }

  /** A new session of Streamable HTTP. */
  ClientSession open() {
    if (open.size() >= MOST) {
      throw new HttpRefusal(503, "there are too many sessions").with("Retry-After", "10");
    }
    var bytes = new byte[24];
    RANDOM.nextBytes(bytes);
    var session = session(HexFormat.of().formatHex(bytes));
    open.put(session.id, session);
    return session;
  }

  /** The session with this id; null if there is none. */
  ClientSession find(String id) {
    return open.get(id);
  }

  /** The session of the wrap protocol. */
  synchronized ClientSession lines() {
    var trouble = trouble();
    if (trouble != null) throw new HttpRefusal(502, trouble);
    if (lines == null || lines.over()) lines = session(null);
    return lines;
  }

  private ClientSession session(String id) {
    return new ClientSession(
        id, programs.next(), config.heartbeat(), !config.shared(), config.log(), this::ended);
  }

  private void ended(ClientSession session) {
    if (session.id != null) open.remove(session.id);
    if (!session.program.crashed()) return;
    config.log().accept(session.ending());
    if (session.id == null || config.shared()) programs.crashed(session.program);
  }

  /** Ends a session and its program. */
  void end(ClientSession session) {
    ending.add(session);
    if (session.id != null) open.remove(session.id);
    session.program.stop(config.grace());
    session.ended("the session has ended");
    session.forget();
    ending.remove(session);
  }

  private void expire() {
    for (var session : List.copyOf(open.values())) {
      // One thread for each: a program may use its whole grace time.
      if (session.idle(config.idle().toNanos()) && ending.add(session)) {
        DaemonThread.start("mcp-end", () -> end(session));
      }
    }
  }

  /** Reason why the wrap protocol does not work; null if it works, or no client uses it. */
  synchronized String trouble() {
    return lines != null && lines.over() && !config.restart() ? lines.ending() : null;
  }

  @Override
  public void close() {
    reaper.shutdown();
    var all = new LinkedHashSet<>(open.values());
    all.addAll(ending); // the threads that end them may be killed with the JVM
    synchronized (this) {
      if (lines != null) all.add(lines);
    }
    var threads = all.stream().map(session -> new Thread(() -> end(session))).toList();
    threads.forEach(Thread::start);
    try {
      for (var thread : threads) thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
