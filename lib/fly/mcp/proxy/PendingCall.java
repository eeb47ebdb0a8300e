//SOURCES ../message/JsonRpcHead.java ../message/JsonRpcMessage.java
package fly.mcp.proxy;

import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** A message of the client on its way to the server. */
final class PendingCall {
  final JsonRpcMessage message;
  final JsonRpcHead head;

  /** Deadline for the replies to its requests: System.nanoTime. */
  final long deadline;

  /** Ids of requests without a reply, by key. Guarded by {@link StdioClient}. */
  final Map<String, String> open = new LinkedHashMap<>();

  /** The client cancelled it. */
  volatile boolean cancelled;

  /** Cancels the request on its way; null if that cannot be done. */
  private Runnable letGo;

  /** Time at which its first byte was sent; 0 before that. */
  volatile long written;

  /** It got a 502, so that the server may or may not have it. */
  volatile boolean doubtful;

  /** The last failure so far, or null. */
  volatile String trouble;

  PendingCall(JsonRpcMessage message, long deadline) throws IOException {
    this.message = message;
    this.head = message.head();
    this.deadline = deadline;
    for (var part : head.all()) {
      if (part.kind == JsonRpcHead.Kind.REQUEST) open.put(part.key, part.id);
    }
  }

  /** A message that is sent alone: no other is sent until it is done. */
  boolean opensSession() {
    return head.is("initialize");
  }

  /** It is of MCP 2026-07-28, in which hanging up cancels a request. */
  boolean endsByHangingUp() {
    return head.revision != null && !head.repeatable();
  }

  synchronized void canBeLetGo(Runnable how) {
    letGo = how;
    if (cancelled) how.run();
  }

  /** The client no longer waits for it. */
  void letGo() {
    Runnable how;
    synchronized (this) {
      cancelled = true;
      how = letGo;
    }
    if (how != null) how.run();
  }

  /** Its reply comes only when the client ends it: MCP 2026-07-28. */
  boolean lasts() {
    return head.is("subscriptions/listen");
  }

  @Override
  public String toString() {
    return head.toString();
  }
}
