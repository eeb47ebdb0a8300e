//SOURCES Message.java Outbox.java Upstream.java
package fly.mcp;

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
final class Session implements Upstream.Client {
  private static final int FINISHED_KEPT = 16;

  private record Call(String id, String progressToken, Outbox stream) {}

  /** Null for the one of the wrap protocol, which knows no sessions. */
  final String id;

  final Upstream child;

  /** What belongs to no request; its name is 0. */
  final Outbox standing;

  private final Duration heartbeat;
  private final Consumer<Session> onEnd;
  private final Map<String, Call> calls = new LinkedHashMap<>();
  private final Map<String, Outbox> streams = new LinkedHashMap<>();
  private int streamsOpened;
  private String ending;
  private long lastUsed = System.nanoTime();

  /**
   * @param onEnd told when the program has ended
   */
  Session(String id, Upstream child, Duration heartbeat, Consumer<Session> onEnd) {
    this.id = id;
    this.child = child;
    this.heartbeat = heartbeat;
    this.standing = new Outbox("0", heartbeat);
    this.onEnd = onEnd;
    child.serve(this);
  }

  /**
   * Passes a request on; its reply, and what belongs to it, comes on the stream.
   *
   * @return null where a request with this id has no reply yet
   */
  Outbox request(Message request) throws IOException {
    Outbox stream;
    synchronized (this) {
      stream = new Outbox(String.valueOf(++streamsOpened), heartbeat);
      if (!expect(request, stream)) return null;
      streams.put(String.valueOf(streamsOpened), stream);
      forgetFinished();
    }
    pass(List.of(request));
    return stream;
  }

  /** Passes messages on; replies come on the standing stream. */
  void requestOnStanding(List<Message> messages) throws IOException {
    synchronized (this) {
      for (var message : messages) {
        if (message.kind() == Message.Kind.REQUEST) expect(message, standing);
      }
    }
    pass(messages);
  }

  private boolean expect(Message request, Outbox stream) {
    var call = new Call(request.id(), Message.key(request.progressToken()), stream);
    if (calls.putIfAbsent(Message.key(request.id()), call) != null) return false;
    if (ending != null) fail(ending);
    return true;
  }

  /** Passes messages on that nobody answers. */
  void pass(List<Message> messages) throws IOException {
    used();
    for (var message : messages) if (message.is("notifications/cancelled")) cancelled(message);
    try {
      child.send(messages);
    } catch (IOException e) {
      if (child.alive()) throw e;
      ended(child.ending());
    }
  }

  /** A request that is cancelled gets no reply. */
  private synchronized void cancelled(Message message) {
    var call = calls.get(Message.key(message.requestId()));
    if (call == null || call.stream() == standing) return;
    calls.remove(Message.key(message.requestId()));
    call.stream().end();
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
  synchronized Outbox stream(String name) {
    return name.equals("0") ? standing : streams.get(name);
  }

  @Override
  public void said(Message message) throws InterruptedException {
    Outbox stream;
    var last = false;
    synchronized (this) {
      stream = standing;
      if (message.kind() == Message.Kind.RESPONSE) {
        var call = calls.remove(Message.key(message.id()));
        if (call == null && id != null) return; // to a request that was cancelled
        if (call != null) stream = call.stream();
        last = stream != standing;
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
  private Call callOf(Message message) {
    if (message.is("notifications/progress") && message.progressToken() != null) {
      var token = Message.key(message.progressToken());
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
      streams.values().forEach(Outbox::end);
      standing.end();
    }
    onEnd.accept(this);
  }

  /** Every request gets its reply: here, that there will be none. */
  private void fail(String why) {
    try {
      for (var call : calls.values()) {
        call.stream().add(Message.error(call.id(), -32000, why));
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
    if (standing.read() || streams.values().stream().anyMatch(Outbox::read)) {
      lastUsed = System.nanoTime();
    }
    return System.nanoTime() - lastUsed > nanos;
  }

  /** Forgets all that is kept for the client. */
  synchronized void forget() {
    standing.drop();
    streams.values().forEach(Outbox::drop);
    streams.clear();
  }
}
