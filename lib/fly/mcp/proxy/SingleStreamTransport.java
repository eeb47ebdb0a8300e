//SOURCES ../message/JsonRpcMessage.java ../message/SseReader.java DeliveryException.java HttpErrors.java
//SOURCES HttpSender.java PendingCall.java ServerTransport.java StdioClient.java
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
 * A server that says everything on one GET, which has to be open before anything is sent. When it
 * is open again after a cut, nobody knows whether the same server is behind it: the handshake is
 * made again, as the client made it.
 */
abstract class SingleStreamTransport extends ServerTransport {
  private static final long HANDSHAKE_MS = 10_000;
  private static final long LONGEST_PAUSE_MS = 1_000;

  /** So long a reply may still come after a cut, if the server was away in between. */
  private static final long GRACE_MS = 10_000;

  private static final long AT_ONCE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** What the server took, and has not answered. */
  private final Set<PendingCall> taken = new LinkedHashSet<>();

  private boolean up;
  private int streams;
  private DeliveryException refusal;
  private String trouble;
  private boolean wasUp;
  private long cutAt;
  private boolean awaySinceCut;
  private String lastId;
  volatile boolean ended;
  private Thread listener;

  SingleStreamTransport(Link link) {
    super(link);
  }

  /** Opens the GET. */
  final void start() {
    listener = daemon("mcp-listen", this::listen);
  }

  /** Waits until nobody reads the stream any more. */
  final void awaitLeft(long millis) throws InterruptedException {
    if (listener != null) listener.join(millis);
  }

  /** Where messages go; known once the stream is open. */
  abstract URI target();

  /** Whether an answer to the GET is the stream. */
  abstract boolean isStream(HttpSender.Response response);

  /** Whether with this event the stream can be used. */
  abstract boolean isOpen(SseReader.Event event) throws IOException;

  /** Whether it can be used as soon as it is open. */
  abstract boolean opensAtOnce();

  /** Whether a refusal is the server's last word: the others may still become a stream. */
  abstract boolean isFinal(int status, long sinceMs);

  /** Whether the requests that the server took are lost with the stream. */
  abstract boolean forgets();

  @Override
  String revision() {
    return null;
  }

  @Override
  void end() {
    ended = true;
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
              if (stream != streams) lost(calls, "the server's stream was cut");
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

  /** The server has these, or may have them. */
  final synchronized void taken(List<PendingCall> calls) {
    taken.removeIf(earlier -> !client.waitsFor(earlier));
    taken.addAll(calls);
  }

  /** Posts something of the handshake, whether or not others may send already. */
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

  /** Waits for the stream, and tells which one it is. */
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
            if (opensAtOnce()) opened();
            read(response);
          } else {
            wait = retryAfter(response);
            var why = refusal("GET", http.uri, response);
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

  private Map<String, String> headers() {
    var headers = new LinkedHashMap<String, String>();
    headers.put("Accept", EVENTS + ", " + JSON);
    if (lastId != null) headers.put("Last-Event-ID", lastId);
    return headers;
  }

  private void read(HttpSender.Response response) {
    try {
      var reader = new SseReader(response.body());
      for (var event = reader.next(); event != null; event = reader.next()) {
        if (isOpen(event)) opened();
        else if (event.type().equals("message")) client.deliver(event.data(), null);
        if (reader.lastId() != null) lastId = reader.lastId();
        if (ended) return;
      }
      cut("the server has ended its stream");
    } catch (IOException e) {
      cut("the server's stream was cut: " + HttpErrors.reason(e));
    }
  }

  /** Whether there is no point in asking again. */
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

  private void cut(String why) {
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
    if (!ended && !lost.isEmpty()) lost(lost, why);
  }

  /** Their replies would have come on a stream that is no more. */
  private void lost(List<PendingCall> calls, String why) {
    var told = why + "; the request was not sent again, because it may have taken effect";
    if (forgets()) calls.forEach(call -> client.fail(call, StdioClient.NO_CONNECTION, told));
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
