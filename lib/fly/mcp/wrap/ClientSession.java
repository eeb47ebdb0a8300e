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
 * A client's session with a program. Assigns each reply to its request's stream, and all other
 * messages to the client's standing stream.
 */
final class ClientSession implements McpProgram.Receiver {
  private static final int FINISHED_KEPT = 16;

  private record OpenRequest(String id, String progressToken, ReplayStream stream) {}

  /** Null for the session of the wrap protocol, which has no session ids. */
  final String id;

  final McpProgram program;

  /** Stream of messages that belong to no request; its name is 0. */
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
   * @param patient true if the program waits for a slow reader; false if other sessions share it
   * @param log takes a line about dropped messages
   * @param onEnd called when the program has ended
   */
  ClientSession(
      String id,
      McpProgram program,
      Duration heartbeat,
      boolean patient,
      Consumer<String> log,
      Consumer<ClientSession> onEnd) {
    this.id = id;
    this.program = program;
    this.heartbeat = heartbeat;
    this.patient = patient;
    this.log = log;
    this.standing = new ReplayStream("0", heartbeat, patient, log);
    this.onEnd = onEnd;
    program.serve(this);
  }

  /**
   * Passes messages to the program.
   *
   * @return stream of the replies and what belongs to them; null if a request with one of these ids
   *     still waits for its reply
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

  /** Passes a message to the program; the reply comes on the standing stream. */
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

  /** Passes a message without a reply to the program. */
  void pass(JsonRpcMessage message) throws IOException {
    used();
    if (message.head().is("notifications/cancelled")) cancelled(message);
    try {
      program.send(message);
    } catch (IOException e) {
      ended(program.ending()); // the program reads no more
      if (program.alive()) program.stop(Duration.ZERO);
    }
  }

  /** Drops a cancelled request: it gets no reply. */
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

  /** The stream with this name in event ids; null if it was dropped. */
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
          message.close(); // the reply to a cancelled request
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
   * The request that a message of the program belongs to; null for the standing stream. On stdio
   * only progress names its request. All else goes to the standing stream if a client reads it, and
   * to the oldest request otherwise.
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

  /** Answers every open request with an error. */
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

  /** True if no client has read, waited or sent for this long. */
  synchronized boolean idle(long nanos) {
    if (standing.read() || streams.values().stream().anyMatch(ReplayStream::read)) {
      lastUsed = System.nanoTime();
    }
    return System.nanoTime() - lastUsed > nanos;
  }

  /** Drops all that is kept for the client, once the client has read the end. */
  synchronized void forget() {
    standing.drop();
    streams.values().forEach(ReplayStream::drop);
    streams.clear();
  }
}
