//SOURCES ../../Durations.java ../message/JsonRpcHead.java ../message/JsonRpcMessage.java DeliveryException.java
//SOURCES HttpErrors.java HttpSender.java Patience.java PendingCall.java ProxyLog.java SendQueue.java StdioClient.java
package fly.mcp.proxy;

import fly.Durations;
import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The server, by one of the transports that carry MCP over HTTP. */
abstract class ServerTransport {
  static final String JSON = "application/json";
  static final String EVENTS = "text/event-stream";

  /** Time to wait for a server that is away after the client has left. */
  private static final long FAREWELL_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Time between the client's time-out and the end of the connection. */
  private static final long LATE_MS = 1_000;

  private static final long FIRST_PAUSE_MS = 100;
  private static final long LONGEST_PAUSE_MS = 500;

  static final String NOT_AGAIN = "; it was not sent again, because it may have taken effect";

  /** Time for the answer to a message that gets no reply. */
  private static final int TAKEN_MS = 10_000;

  /** Time for a server that replies elsewhere to take a message. */
  private static final int TAKEN_AT_MOST_MS = 30_000;

  /** Parts that all transports share. */
  record Link(
      HttpSender http,
      StdioClient client,
      SendQueue outbox,
      Duration timeout,
      Patience patience,
      ProxyLog log,
      End end) {}

  /** The end of the client's input, once it has come. */
  static final class End {
    private final CountDownLatch latch = new CountDownLatch(1);
    private volatile long at;

    void come() {
      at = System.nanoTime();
      latch.countDown();
    }

    boolean hasCome() {
      return latch.getCount() == 0;
    }
  }

  final Link link;
  final HttpSender http;
  final StdioClient client;

  /** The client's own handshake, kept for the next session; null until there was one. */
  volatile JsonRpcMessage initialize;

  volatile JsonRpcMessage initialized;

  ServerTransport(Link link) {
    this.link = link;
    this.http = link.http;
    this.client = link.client;
  }

  /** Sends one message; the client gets the reply, or an error. */
  abstract void send(PendingCall call) throws DeliveryException, InterruptedException;

  /** The revision that the server chose; null before that. */
  abstract String revision();

  /** True if closing the connection cancels a request, and not a notification. */
  boolean cancelsByHangingUp() {
    return false;
  }

  /** Ends the session, if there is one. */
  void end() {}

  void log(String text) {
    link.log.line(text);
  }

  /** Remembers the handshake, which a later session needs. */
  final void remember(PendingCall call) {
    if (call.head.is("initialize")) {
      initialize = call.message;
      initialized = null;
    } else if (call.head.is("notifications/initialized")) {
      initialized = call.message;
    }
  }

  /** Closes a message that was sent, unless it may be needed again. */
  final void release(PendingCall call) {
    if (call.message != initialize && call.message != initialized) call.message.close();
  }

  /** Destination and bookkeeping of a message that is posted. */
  interface Way {
    /** The address; may wait until there is one. */
    URI target() throws DeliveryException, InterruptedException;

    /** Its first byte is being sent. */
    default void left() {}

    /** It was not taken, and will be sent again. */
    default void returned() {}
  }

  /**
   * Posts a message until a server takes it. The message is sent again if it changes nothing, or if
   * the server cannot have acted on it. That is so if the server was not reached, or a proxy (502,
   * 503) or a limit (429) refused. A 502 may also mean that the message made the server die; then
   * one of its streams was cut meanwhile.
   *
   * @param body the call's message, or one that holds it
   */
  final HttpSender.Response post(
      Way way, Map<String, String> headers, PendingCall call, JsonRpcMessage body)
      throws DeliveryException, InterruptedException {
    var repeatable = body == call.message && call.head.repeatable();
    var begin = System.nanoTime();
    var pause = FIRST_PAUSE_MS;
    var brokenSince = 0L;
    while (true) {
      String why;
      var wait = pause;
      var broken = false;
      var uri = way.target();
      try {
        var left = TimeUnit.NANOSECONDS.toMillis(call.deadline - System.nanoTime());
        if (left <= 0) throw new DeliveryException("the time is up");
        var response =
            http.send(
                "POST",
                uri,
                headers,
                body,
                () -> {
                  link.outbox.leaves(call);
                  way.left();
                },
                inMillis(answerMs(call, left)),
                call.endsByHangingUp() ? call::canBeLetGo : null);
        if (!returned(response)) {
          call.trouble = null; // of before it was taken
          return response;
        }
        why = refusal("POST", uri, response);
        broken = response.status == 502;
        wait = Math.max(pause, retryAfter(response));
        response.close();
      } catch (HttpErrors.NotSent e) {
        why = e.getMessage() + " (POST " + HttpErrors.shown(uri) + ")";
        if (e.lasting) throw new DeliveryException(why, e);
      } catch (IOException e) {
        why = HttpErrors.reason(e) + " (POST " + HttpErrors.shown(uri) + ")";
        if (e instanceof SocketTimeoutException) late(call);
        if (!repeatable) throw new DeliveryException(why + NOT_AGAIN);
      }
      way.returned();
      if (!broken || !why.equals(call.trouble)) brokenSince = System.nanoTime();
      if (!why.equals(call.trouble)) link.log.waiting(why);
      call.trouble = why;
      var leftAt = call.written;
      call.written = 0;
      var still = System.nanoTime() - brokenSince > link.patience.broken().toNanos();
      if (still || waitedTooLong(call, begin, wait)) throw new DeliveryException(why);
      pause(wait);
      if (broken && !repeatable) {
        call.doubtful = true;
        if (http.cutSince(leftAt)) throw new DeliveryException(why + NOT_AGAIN);
      }
      pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
    }
  }

  /** A socket's time limit; a longer one than 12 days is cut. */
  static int inMillis(long millis) {
    return (int) Math.min(millis, 1 << 30);
  }

  private long answerMs(PendingCall call, long left) {
    if (call.open.isEmpty()) return TAKEN_MS;
    return repliesToPosts() ? left + LATE_MS : Math.min(left + LATE_MS, TAKEN_AT_MOST_MS);
  }

  /** True if the reply to a request comes as the answer to its POST. */
  boolean repliesToPosts() {
    return true;
  }

  /** Handles a message whose time is up without a reply, or without a server that took it. */
  void late(PendingCall call) {}

  /** True if the client gets the failure now: it has left, or has waited long enough. */
  final boolean waitedTooLong(PendingCall call, long begin, long waitMs) {
    var then = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMs);
    return then - begin > link.patience.away().toNanos()
        || then - call.deadline > 0
        || link.end.hasCome() && then - link.end.at > FAREWELL_NANOS;
  }

  /** Waits, but not long once the client has left. */
  final void pause(long millis) throws InterruptedException {
    if (link.end.hasCome()) Thread.sleep(Math.min(millis, FIRST_PAUSE_MS));
    else link.end.latch.await(millis, TimeUnit.MILLISECONDS);
  }

  private static boolean returned(HttpSender.Response response) throws IOException {
    return switch (response.status) {
      case 429, 502, 503 -> response.whole().head().kind != JsonRpcHead.Kind.RESPONSE;
      default -> false;
    };
  }

  /** Retry-After in milliseconds; 0 without one. */
  static long retryAfter(HttpSender.Response response) {
    var value = response.header("Retry-After");
    if (value == null) return 0;
    return Durations.retryAfter(value, Instant.now()).orElse(Duration.ZERO).toMillis();
  }

  /** One line with the request, the status and the server's text. */
  final String refusal(String method, URI uri, HttpSender.Response response) throws IOException {
    var text = text(response);
    return "HTTP %d from %s %s%s"
        .formatted(
            response.status, method, HttpErrors.shown(uri), text.isEmpty() ? "" : ": " + text);
  }

  /** Text of a refusal: the error of a JSON-RPC message, or the beginning of the body. */
  final String text(HttpSender.Response response) throws IOException {
    var body = response.whole();
    var error = body.head().error;
    if (error == null || error.isEmpty()) error = body.start(300);
    return http.masked(error.replaceAll("(<[^>]*>|\\s)+", " ").strip());
  }

  /** A status that the server would give again. */
  static boolean lasting(int status) {
    if (status == 408 || status == 425 || status == 429) return false;
    return status / 100 != 5 || status == 501;
  }

  /** Waits for the reply to a request of our own. */
  final JsonRpcHead await(Future<JsonRpcHead> reply, long millis) throws InterruptedException {
    try {
      return reply.get(millis, TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      return null;
    }
  }

  static Thread daemon(String name, Runnable work) {
    var thread = new Thread(null, work, name, 512 * 1024);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
