//SOURCES ../message/JsonRpcMessage.java ../message/SseReader.java DeliveryException.java HeartbeatStream.java
//SOURCES HttpErrors.java HttpSender.java PendingCall.java ServerTransport.java StdioClient.java
package fly.mcp.proxy;

import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SseReader;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A server that sends everything on one GET, which has to be open before the first message. After a
 * cut another server may be behind it, so the client's handshake is sent again.
 */
abstract class SingleStreamTransport extends ServerTransport {
  private static final long HANDSHAKE_MS = 10_000;
  private static final long LONGEST_PAUSE_MS = 1_000;

  /** Time for late replies after a cut, if the server was unreachable meanwhile. */
  private static final long GRACE_MS = 10_000;

  private static final String HELD = "; it may still hold the stream that this proxy has lost";

  private static final long AT_ONCE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Requests that the server took and has not answered. */
  private final Set<PendingCall> taken = new LinkedHashSet<>();

  private boolean up;
  private int streams;
  private DeliveryException refusal;
  private String trouble;
  private boolean wasUp;
  private long cutAt;
  private boolean awaySinceCut;
  private String lastId;
  private volatile HeartbeatStream stream;
  volatile boolean ended;

  SingleStreamTransport(Link link) {
    super(link);
  }

  /** Opens the GET. */
  final void start() {
    daemon("mcp-listen", this::listen);
  }

  /** Address for messages; known once the stream is open. */
  abstract URI target();

  /** True if this answer to the GET is the stream. */
  abstract boolean isStream(HttpSender.Response response);

  /** True if this event makes the stream usable. */
  abstract boolean isOpen(SseReader.Event event) throws IOException;

  /** True if the stream is usable as soon as it is open. */
  abstract boolean opensAtOnce();

  /** True for a refusal that is final; any other is tried again. */
  abstract boolean isFinal(int status, long sinceMs);

  /** True if the server forgets its open requests when the stream ends. */
  abstract boolean forgets();

  @Override
  String revision() {
    return null;
  }

  @Override
  void end() {
    ended = true;
  }

  @Override
  final boolean repliesToPosts() {
    return false;
  }

  /**
   * Reopens a stream that was silent since the request was sent, because it may be dead. The next
   * messages wait for that.
   */
  @Override
  final void late(PendingCall call) {
    var open = stream;
    if (open == null || call.written == 0) return;
    var why = "it said nothing until the time of " + call.head.method + " was up";
    synchronized (this) {
      if (stream != open || !open.suspect(call.written, why)) return;
      taken.remove(call);
      up = false;
    }
  }

  /** Posts a message once the stream is open. */
  final void deliver(PendingCall call, JsonRpcMessage body, List<PendingCall> calls)
      throws DeliveryException, InterruptedException {
    var way =
        new Way() {
          private int stream;

          @Override
          public URI target() throws DeliveryException, InterruptedException {
            stream = awaitUp(call);
            return SingleStreamTransport.this.target();
          }

          @Override
          public void left() {
            synchronized (SingleStreamTransport.this) {
              taken(calls);
              if (stream != streams) lost(calls, "the server's stream was cut", false);
            }
          }

          @Override
          public void returned() {
            synchronized (SingleStreamTransport.this) {
              taken.removeAll(calls);
            }
          }
        };
    post(way, call, body);
  }

  /** Records requests that the server has, or may have. */
  final synchronized void taken(List<PendingCall> calls) {
    taken.removeIf(earlier -> !client.waitsFor(earlier));
    taken.addAll(calls);
  }

  /** Posts a message of the handshake before any other may be sent. */
  final void tell(PendingCall call) throws DeliveryException, InterruptedException {
    post(this::target, call, call.message);
  }

  private void post(Way way, PendingCall call, JsonRpcMessage body)
      throws DeliveryException, InterruptedException {
    try (var response = post(way, Map.of("Accept", JSON), call, body)) {
      if (response.status / 100 != 2) {
        throw new DeliveryException(
            refusal("POST", target(), response), response.status, lasting(response.status));
      }
      response.whole().close();
    } catch (IOException e) {
      log("taken, but then: " + HttpErrors.reason(e));
    }
  }

  /** Waits for the stream; returns its number. */
  final synchronized int awaitUp(PendingCall call) throws DeliveryException, InterruptedException {
    var begin = System.nanoTime();
    while (!up) {
      if (refusal != null) throw refusal;
      if (trouble != null) call.trouble = trouble;
      if (waitedTooLong(call, begin, 0)) {
        throw new DeliveryException(trouble == null ? "the server opens no stream" : trouble);
      }
      wait(100);
    }
    return streams;
  }

  private void listen() {
    var begin = System.nanoTime();
    long pause = 100;
    try {
      while (!ended) {
        long wait = 0;
        try (var response = http.send("GET", http.uri, headers(), null, () -> {}, 0, null)) {
          if (response.status == 200 && isStream(response)) {
            pause = 100;
            stream = response.stream();
            if (opensAtOnce()) opened();
            read(stream);
          } else {
            wait = retryAfter(response);
            var why = refusal("GET", http.uri, response);
            if (response.status == 409 && wasUp) why += HELD;
            var sinceMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            var last = lasting(response.status) && isFinal(response.status, sinceMs);
            if (failed(why, last ? new DeliveryException(why, response.status, true) : null))
              return;
          }
        } catch (HttpErrors.NotSent e) {
          var why = e.getMessage() + " (GET " + HttpErrors.shown(http.uri) + ")";
          if (failed(why, e.lasting ? new DeliveryException(why, e) : null)) return;
        } catch (IOException e) {
          failed(HttpErrors.reason(e) + " (GET " + HttpErrors.shown(http.uri) + ")", null);
        }
        pause(Math.max(wait, pause));
        pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Headers of the GET. */
  Map<String, String> headers() {
    var headers = new LinkedHashMap<String, String>();
    headers.put("Accept", EVENTS + ", " + JSON);
    if (lastId != null) headers.put("Last-Event-ID", lastId);
    return headers;
  }

  private void read(HeartbeatStream stream) {
    try {
      var reader = new SseReader(stream);
      for (var event = reader.next(); event != null; event = reader.next()) {
        if (isOpen(event)) opened();
        else if (event.type().equals("message")) client.deliver(event.data(), null);
        if (reader.lastId() != null) lastId = reader.lastId();
        if (ended) return;
      }
      cut("the server has ended its stream", false);
    } catch (IOException e) {
      if (ended) return;
      var silent = e instanceof HeartbeatStream.Silent;
      var what = silent ? "the server's stream has died: " : "the server's stream was cut: ";
      cut(what + HttpErrors.reason(e), silent);
    }
  }

  /** Records a failed GET; true if another would fail, too. */
  private synchronized boolean failed(String why, DeliveryException last) {
    if (why.equals(trouble) || last != null) log(why);
    else link.log().waiting(why);
    trouble = why;
    if (!wasUp || last != null && (last.status == 401 || last.status == 403)) refusal = last;
    awaySinceCut = true;
    notifyAll();
    return refusal != null && !wasUp;
  }

  private void opened() {
    boolean again;
    int stream;
    synchronized (this) {
      again = wasUp;
      stream = streams;
      wasUp = true;
      refusal = null;
      trouble = null;
      if (System.nanoTime() - cutAt > AT_ONCE_NANOS) awaySinceCut = true;
    }
    if (again && initialize != null) daemon("mcp-handshake", () -> handshake(stream));
    else ready(stream);
  }

  private synchronized void ready(int stream) {
    up = stream == streams;
    notifyAll();
  }

  /**
   * @param silent true if replies may have been lost at any time before, so that none is awaited
   */
  private void cut(String why, boolean silent) {
    List<PendingCall> lost;
    synchronized (this) {
      log(why);
      http.cut();
      trouble = why;
      up = false;
      streams++;
      cutAt = System.nanoTime();
      awaySinceCut = false;
      taken.removeIf(call -> !client.waitsFor(call) || call.opensSession());
      lost = List.copyOf(taken);
      taken.clear();
    }
    if (!ended && !lost.isEmpty()) lost(lost, why, silent);
    if (silent) http.abandon(); // their senders, too, wait on connections that may be dead
  }

  /** Fails requests whose replies would have come on the stream that ended. */
  private void lost(List<PendingCall> calls, String why, boolean atOnce) {
    var told = why + "; the request was not sent again, because it may have taken effect";
    if (forgets() || atOnce)
      calls.forEach(call -> client.fail(call, StdioClient.NO_CONNECTION, told));
    else daemon("mcp-grace", () -> failLater(calls, told));
  }

  private void failLater(List<PendingCall> lost, String why) {
    try {
      Thread.sleep(GRACE_MS);
      synchronized (this) {
        if (up && !awaySinceCut) return; // a cut line, and the same server behind it
      }
      lost.forEach(call -> client.fail(call, StdioClient.NO_CONNECTION, why));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void handshake(int stream) {
    try {
      var call = new PendingCall(initialize, System.nanoTime() + link.timeout().toNanos());
      if (client.find(call.head.key) != null) {
        tell(call); // it was the first one that was lost: the client still waits for its reply
      } else {
        var reply = client.keep(call.head.key);
        try {
          tell(call);
          if (await(reply, HANDSHAKE_MS) == null) log("initialize is not answered again");
        } finally {
          client.keepNoMore(call.head.key);
        }
        if (initialized != null) tell(new PendingCall(initialized, call.deadline));
      }
    } catch (IOException e) {
      log("no handshake: " + HttpErrors.reason(e));
    } catch (DeliveryException e) {
      log("no handshake: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    ready(stream);
  }
}
