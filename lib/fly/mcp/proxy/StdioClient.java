//SOURCES ../../DaemonThread.java ../message/JsonRpcHead.java ../message/JsonRpcMessage.java
//SOURCES ../message/SpooledBytes.java PendingCall.java
package fly.mcp.proxy;

import fly.DaemonThread;
import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SpooledBytes;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The MCP client on the other side of stdin and stdout, and its open requests. The client gets
 * whole messages, one a line, and exactly one reply or error for each request.
 */
final class StdioClient {
  /** JSON-RPC's own codes, and the two that MCP's SDKs use for transport failures. */
  static final int NOT_JSON = -32700;

  static final int NO_REQUEST = -32600;
  static final int NO_CONNECTION = -32000;
  static final int NO_REPLY_IN_TIME = -32001;

  private final OutputStream out;
  private final Consumer<String> log;
  private final Consumer<PendingCall> onLate;
  private final Map<String, PendingCall> byKey = new HashMap<>();
  private final Set<PendingCall> waiting = new LinkedHashSet<>();
  private final Map<String, CompletableFuture<JsonRpcHead>> ours = new HashMap<>();
  private final CompletableFuture<Void> gone = new CompletableFuture<>();
  private volatile boolean answered;

  private boolean ended;

  /** Replies that are no longer awaited, and not yet written. */
  private int unwritten;

  /**
   * @param onLate receives each request whose time is up, before the client gets its error
   */
  StdioClient(OutputStream out, Consumer<String> log, Consumer<PendingCall> onLate) {
    this.out = new BufferedOutputStream(out, SpooledBytes.LARGE);
    this.log = log;
    this.onLate = onLate;
    DaemonThread.start("mcp-deadlines", this::watchDeadlines);
  }

  /** Completes once the client has closed its side. */
  CompletableFuture<Void> gone() {
    return gone;
  }

  /** True once the server has replied. */
  boolean answered() {
    return answered;
  }

  /** Waits for replies to the requests of this message from now on. */
  synchronized void expect(PendingCall call) {
    if (call.open.isEmpty()) return;
    for (var key : call.open.keySet()) byKey.put(key, call);
    waiting.add(call);
    notifyAll();
  }

  synchronized boolean waitsFor(PendingCall call) {
    return !call.open.isEmpty();
  }

  /** Marks a request as cancelled; a reply that still comes is passed on. */
  void cancelled(String key) {
    PendingCall call;
    synchronized (this) {
      call = byKey.get(key);
      if (call == null) return;
      call.cancelled = true;
      notifyAll();
    }
    call.letGo();
  }

  synchronized PendingCall find(String key) {
    return byKey.get(key);
  }

  /** A reply to a request of our own, which the client does not get to see. */
  synchronized CompletableFuture<JsonRpcHead> keep(String key) {
    return ours.computeIfAbsent(key, any -> new CompletableFuture<>());
  }

  synchronized void keepNoMore(String key) {
    ours.remove(key);
  }

  /**
   * Passes the server's messages on.
   *
   * @param on the call whose stream carried the message, or null. A reply there answers that call,
   *     even if the server has rounded its id
   */
  void deliver(JsonRpcMessage message, PendingCall on) throws IOException {
    try (message) {
      var head = message.head();
      switch (head.kind) {
        case REQUEST, NOTIFICATION -> write(message);
        case RESPONSE, BATCH -> {
          if (!isWanted(head, on)) return;
          write(message);
          written();
        }
        default -> log.accept("no JSON-RPC, passed over: " + message.start(80));
      }
    }
  }

  /** Sends the client an error: there will be no reply. */
  void fail(PendingCall call, int code, String why) {
    List<String> ids;
    synchronized (this) {
      ids = call.cancelled ? List.of() : List.copyOf(call.open.values());
      forget(call);
      unwritten++;
    }
    for (var id : ids) error(id, code, why);
    written();
    call.letGo();
  }

  /** Sends the error for a request that cannot be sent. */
  void error(String id, int code, String why) {
    log.accept("error for the client: " + why);
    write(JsonRpcMessage.error(id, code, why));
  }

  /** Fails all open requests. */
  void failAll(int code, String why) {
    List<PendingCall> all;
    synchronized (this) {
      all = List.copyOf(waiting);
    }
    for (var call : all) fail(call, code, why);
  }

  /** Waits until all replies have come and are written; false if one is missing. */
  synchronized boolean drain(long millis) throws InterruptedException {
    var end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (unwritten > 0 || waiting.stream().anyMatch(call -> !call.cancelled && !call.lasts())) {
      var left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0) return false;
      wait(left);
    }
    return true;
  }

  /** True if the client waits for a part of the message; {@link #written} has to follow. */
  private synchronized boolean isWanted(JsonRpcHead head, PendingCall on) {
    var wanted = false;
    for (var part : head.all()) {
      wanted |=
          switch (part.kind) {
            case REQUEST, NOTIFICATION -> true;
            case RESPONSE -> isAnswer(part, on);
            default -> false;
          };
    }
    if (wanted) unwritten++;
    return wanted;
  }

  private synchronized void written() {
    unwritten--;
    notifyAll();
  }

  private boolean isAnswer(JsonRpcHead head, PendingCall on) {
    var mine = ours.remove(head.key);
    if (mine != null) {
      mine.complete(head);
      return false;
    }
    var call = on != null && on.open.containsKey(head.key) ? on : byKey.get(head.key);
    var key = head.key;
    if (call == null && on != null && on.open.size() == 1) {
      key = on.open.keySet().iterator().next();
      if (sameRounded(key, head.key)) call = on;
    }
    if (call == null) {
      log.accept("a reply that nobody waits for: " + head);
      return false;
    }
    call.open.remove(key);
    byKey.remove(key, call);
    if (call.open.isEmpty()) forget(call);
    answered = true;
    return true;
  }

  /** True if JavaScript would take both for the same number. */
  private static boolean sameRounded(String key, String other) {
    try {
      return other != null && Double.parseDouble(key) == Double.parseDouble(other);
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private void forget(PendingCall call) {
    for (var key : call.open.keySet()) byKey.remove(key, call);
    call.open.clear();
    waiting.remove(call);
    notifyAll();
  }

  private void write(JsonRpcMessage message) {
    synchronized (out) {
      try {
        message.writeTo(out);
        out.write('\n');
        out.flush();
      } catch (IOException e) {
        gone.complete(null);
      }
    }
  }

  /** Watches no more deadlines. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  private void watchDeadlines() {
    try {
      while (true) {
        PendingCall late = null;
        synchronized (this) {
          if (ended) return;
          var now = System.nanoTime();
          var next = Long.MAX_VALUE;
          for (var call : waiting) {
            if (call.lasts() && call.written != 0) continue;
            next = Math.min(next, call.deadline - now);
            if (call.deadline - now <= 0) late = call;
          }
          if (late == null) {
            wait(next == Long.MAX_VALUE ? 0 : 1 + TimeUnit.NANOSECONDS.toMillis(next));
            continue;
          }
        }
        onLate.accept(late);
        fail(
            late,
            NO_REPLY_IN_TIME,
            "no reply to %s in time%s"
                .formatted(late.head.method, late.trouble == null ? "" : ": " + late.trouble));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
