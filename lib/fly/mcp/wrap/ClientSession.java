//SOURCES ../message/JsonRpcHead.java ../message/JsonRpcMessage.java McpProgram.java ReplayStream.java
package fly.mcp.wrap;

import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One client's conversation with a program of its own: which reply belongs to which request, and
 * what goes to the client's standing stream.
 */
final class ClientSession implements McpProgram.Receiver {
  private static final int FINISHED_KEPT = 16;

  private record OpenRequest(String id, String progressToken, ReplayStream stream) {}

  /** Null for the one of the wrap protocol, which knows no sessions. */
  final String id;

  final McpProgram child;

  /** What belongs to no request; its name is 0. */
  final ReplayStream standing;

  private final Duration heartbeat;
  private final boolean patient;
  private final Consumer<String> log;
  private final Consumer<ClientSession> onEnd;
  private final Map<String, OpenRequest> calls = new LinkedHashMap<>();
  private final Map<String, ReplayStream> streams = new LinkedHashMap<>();
  private int streamsOpened;
  private String ending;
  private long lastUsed = System.nanoTime();

  /**
   * @param patient whether the program waits for a slow reader: not where others have it too
   * @param log is told of messages that are lost
   * @param onEnd told when the program has ended
   */
  ClientSession(
      String id,
      McpProgram child,
      Duration heartbeat,
      boolean patient,
      Consumer<String> log,
      Consumer<ClientSession> onEnd) {
    this.id = id;
    this.child = child;
    this.heartbeat = heartbeat;
    this.patient = patient;
    this.log = log;
    this.standing = new ReplayStream("0", heartbeat, patient, log);
    this.onEnd = onEnd;
    child.serve(this);
  }

  /**
   * Passes messages on; the replies, and what belongs to them, come on the stream.
   *
   * @return null where a request with one of these ids has no reply yet
   */
  ReplayStream request(List<JsonRpcMessage> messages) throws IOException {
    ReplayStream stream;
    synchronized (this) {
      stream = new ReplayStream(String.valueOf(++streamsOpened), heartbeat, patient, log);
      for (var message : messages) {
        if (message.head().kind != JsonRpcHead.Kind.REQUEST || expect(message, stream)) continue;
        calls.values().removeIf(call -> call.stream() == stream);
        return null;
      }
      streams.put(String.valueOf(streamsOpened), stream);
      forgetFinished();
    }
    for (var message : messages) pass(message);
    return stream;
  }

  /** Passes a message on; its reply comes on the standing stream. */
  void requestOnStanding(JsonRpcMessage message) throws IOException {
    synchronized (this) {
      if (message.head().kind == JsonRpcHead.Kind.REQUEST) expect(message, standing);
    }
    pass(message);
  }

  private boolean expect(JsonRpcMessage request, ReplayStream stream) throws IOException {
    var call = new OpenRequest(request.head().id, request.head().progressToken, stream);
    if (calls.putIfAbsent(request.head().key, call) != null) return false;
    if (ending != null) fail(ending);
    return true;
  }

  /** Passes a message on that nobody answers. */
  void pass(JsonRpcMessage message) throws IOException {
    used();
    if (message.head().is("notifications/cancelled")) cancelled(message);
    try {
      child.send(message);
    } catch (IOException e) {
      ended(child.ending()); // it hears nothing any more
      if (child.alive()) child.stop(Duration.ZERO);
    }
  }

  /** A request that is cancelled gets no reply. */
  private synchronized void cancelled(JsonRpcMessage message) throws IOException {
    var call = calls.get(message.head().cancels);
    if (call == null || call.stream() == standing) return;
    calls.remove(message.head().cancels);
    if (answered(call.stream())) call.stream().end();
  }

  private boolean answered(ReplayStream stream) {
    return stream != standing && calls.values().stream().noneMatch(call -> call.stream() == stream);
  }

  private void forgetFinished() {
    var finished = new ArrayList<String>();
    streams.forEach(
        (name, stream) -> {
          if (stream.ended() && !stream.read()) finished.add(name);
        });
    for (var i = 0; i < finished.size() - FINISHED_KEPT; i++) {
      streams.remove(finished.get(i)).drop();
    }
  }

  /** A stream by its name in event ids; null where it is forgotten. */
  synchronized ReplayStream stream(String name) {
    return name.equals("0") ? standing : streams.get(name);
  }

  @Override
  public void said(JsonRpcMessage message) throws IOException, InterruptedException {
    ReplayStream stream;
    var last = false;
    synchronized (this) {
      stream = standing;
      if (message.head().kind == JsonRpcHead.Kind.RESPONSE) {
        var call = calls.remove(message.head().key);
        if (call == null && id != null) {
          message.close(); // it answers a request that was cancelled
          return;
        }
        if (call != null) stream = call.stream();
        last = answered(stream);
      } else {
        var call = callOf(message);
        if (call != null) stream = call.stream();
      }
    }
    stream.add(message);
    if (last) stream.end();
  }

  /**
   * Stdio does not tell to which request a message belongs. Progress does; anything else goes to
   * the standing stream where somebody reads it, and else to the oldest request.
   */
  private OpenRequest callOf(JsonRpcMessage message) throws IOException {
    if (message.head().is("notifications/progress") && message.head().progressToken != null) {
      var token = message.head().progressToken;
      for (var call : calls.values()) if (token.equals(call.progressToken())) return call;
    }
    if (standing.read() || calls.isEmpty()) return null;
    return calls.values().iterator().next();
  }

  @Override
  public void ended(String why) {
    synchronized (this) {
      if (ending != null) return;
      ending = why;
      fail(why);
      streams.values().forEach(ReplayStream::end);
      standing.end();
    }
    onEnd.accept(this);
  }

  /** Every request gets its reply: here, that there will be none. */
  private void fail(String why) {
    for (var call : calls.values()) {
      call.stream().addAtOnce(JsonRpcMessage.error(call.id(), -32000, why));
    }
    calls.values().forEach(call -> call.stream().end());
    calls.clear();
  }

  synchronized boolean over() {
    return ending != null;
  }

  synchronized String ending() {
    return ending;
  }

  synchronized void used() {
    lastUsed = System.nanoTime();
  }

  /** Whether nobody reads, waits for a reply, or has sent anything for so long. */
  synchronized boolean idle(long nanos) {
    if (standing.read() || streams.values().stream().anyMatch(ReplayStream::read)) {
      lastUsed = System.nanoTime();
    }
    return System.nanoTime() - lastUsed > nanos;
  }

  /** Forgets all that is kept for the client, once it has heard the end. */
  synchronized void forget() {
    standing.drop();
    streams.values().forEach(ReplayStream::drop);
    streams.clear();
  }
}
