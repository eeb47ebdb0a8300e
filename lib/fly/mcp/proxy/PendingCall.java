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

  /** When its requests must have been answered: System.nanoTime. */
  final long deadline;

  /** Ids of requests without a reply, by key. Guarded by {@link StdioClient}. */
  final Map<String, String> open = new LinkedHashMap<>();

  /** The client does not care any more. */
  volatile boolean cancelled;

  /** Cancels the request on its way; null if that cannot be done. */
  private Runnable letGo;

  /** When its bytes began to leave; 0 before that. */
  volatile long written;

  /** It got a 502, and nobody knows whether the server had it. */
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

  /** One that has to go alone: nothing can be sent beside it, or before it is done. */
  boolean opensSession() {
    return head.is("initialize");
  }

  /** It is of MCP 2026-07-28, where who hangs up cancels, and may take a while. */
  boolean endsByHangingUp() {
    return head.revision != null && !head.repeatable();
  }

  synchronized void canBeLetGo(Runnable how) {
    letGo = how;
    if (cancelled) how.run();
  }

  /** Nobody waits for it any more. */
  void letGo() {
    Runnable how;
    synchronized (this) {
      cancelled = true;
      how = letGo;
    }
    if (how != null) how.run();
  }

  /** Its reply comes when the client ends it, and not before: MCP 2026-07-28. */
  boolean lasts() {
    return head.is("subscriptions/listen");
  }

  @Override
  public String toString() {
    return head.toString();
  }
}
