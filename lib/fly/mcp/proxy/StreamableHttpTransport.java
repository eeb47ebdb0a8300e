//SOURCES ../message/JsonRpcHead.java ../message/JsonRpcMessage.java ../message/SseReader.java DeliveryException.java
//SOURCES HttpErrors.java HttpSender.java PendingCall.java ServerTransport.java
package fly.mcp.proxy;

import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SseReader;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Streamable HTTP (MCP 2025-03-26 and later): each message is a POST, whose answer holds the reply
 * as JSON or as a stream of events. Up to 2025-11-25 there is a session, and a GET for the server's
 * own messages; from 2026-07-28 on each request is independent.
 */
final class StreamableHttpTransport extends ServerTransport {
  /** Other protocols that the first POST may reveal. */
  interface Otherwise {
    /** The wrap's protocol: it has taken the request, and replies elsewhere. */
    void wrapped(PendingCall call) throws DeliveryException, InterruptedException;

    /**
     * Perhaps HTTP+SSE, which takes no POST here.
     *
     * @param refusal the refusal if it is not
     */
    void refused(PendingCall call, DeliveryException refusal)
        throws DeliveryException, InterruptedException;
  }

  private static final long RESUME_MS = 250;
  private static final long LONGEST_PAUSE_MS = 5_000;
  private static final long RESUME_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int FAREWELL_MS = 2_000;

  /**
   * @param id null for a server without sessions
   * @param revision null before the first handshake
   * @param listening done once it is known whether the GET stream is open
   */
  private record Session(String id, String revision, CountDownLatch listening) {}

  private volatile Session session = new Session(null, null, null);
  private volatile Otherwise otherwise;
  private final Object farewell = new Object();
  private volatile boolean ended;

  /**
   * @param otherwise null if it has to be Streamable HTTP
   */
  StreamableHttpTransport(Link link, Otherwise otherwise) {
    super(link);
    this.otherwise = otherwise;
  }

  @Override
  String revision() {
    return session.revision;
  }

  /** From 2026-07-28 on, which has no sessions. */
  @Override
  boolean cancelsByHangingUp() {
    return session.revision == null;
  }

  @Override
  void send(PendingCall call) throws DeliveryException, InterruptedException {
    if (call.cancelled && call.endsByHangingUp()) return;
    remember(call);
    var used = session;
    if (call.head.is("notifications/initialized") && used.listening != null) {
      awaitOpening(used);
    }
    try {
      var response = post(this::address, headers(call.head, used), call, call.message);
      if (sessionIsOver(response, used, call)) {
        response.close();
        if (call.head.kind == JsonRpcHead.Kind.RESPONSE) return; // its question is over, too
        if (call.doubtful)
          throw new DeliveryException("the server has lost its session" + NOT_AGAIN);
        renew(used);
        if (call.message == initialized) return; // the new session has had it
        response = post(this::address, headers(call.head, session), call, call.message);
      }
      receive(response, call);
    } catch (IOException e) {
      throw new DeliveryException(HttpErrors.reason(e));
    }
  }

  /** Deletes the session, as a client that leaves should. */
  @Override
  void end() {
    synchronized (farewell) {
      if (ended) return;
      ended = true;
      var last = session;
      if (last.id == null) return;
      try (var response =
          http.send("DELETE", http.uri, headers(last), null, () -> {}, FAREWELL_MS, null)) {
        response.whole().close();
      } catch (IOException e) {
        log("the session was not deleted: " + HttpErrors.reason(e));
      }
    }
  }

  private URI address() {
    return http.uri;
  }

  private Map<String, String> headers(Session session) {
    var headers = new LinkedHashMap<String, String>();
    if (session.id != null) headers.put("Mcp-Session-Id", session.id);
    if (session.revision != null) headers.put("MCP-Protocol-Version", session.revision);
    return headers;
  }

  private Map<String, String> headers(JsonRpcHead head, Session session) {
    var headers = head.is("initialize") ? new LinkedHashMap<String, String>() : headers(session);
    headers.put("Accept", JSON + ", " + EVENTS);
    if (head.revision == null) return headers;
    headers.put("MCP-Protocol-Version", head.revision);
    headers.put("Mcp-Method", inHeader(head.method));
    var name = head.is("resources/read") ? head.uri : head.name;
    if (name != null && (head.method.matches("tools/call|prompts/get|resources/read"))) {
      headers.put("Mcp-Name", inHeader(name));
    }
    return headers;
  }

  /** Encodes in Base64 a value that a header cannot hold (MCP 2026-07-28, Streamable HTTP). */
  private static String inHeader(String value) {
    if (value.matches("[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?")
        && !value.matches("=\\?base64\\?.*\\?=")) return value;
    return "=?base64?"
        + Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8))
        + "?=";
  }

  /** True for 404 (MCP 2025-03-26), and for 400 of servers that do not know the session. */
  private boolean sessionIsOver(HttpSender.Response response, Session used, PendingCall call)
      throws IOException {
    if (used.id == null || call.head.is("initialize") || call.head.revision != null) return false;
    return response.status == 404
        || response.status == 400 && text(response).matches("(?is).*session.*");
  }

  private void receive(HttpSender.Response response, PendingCall call)
      throws IOException, DeliveryException, InterruptedException {
    if (response.status / 100 != 2) {
      refused(response, call);
    } else if (response.is(EVENTS)) {
      otherwise = null;
      events(response, call);
    } else {
      var reply = response.whole();
      response.close();
      if (reply.head().kind == JsonRpcHead.Kind.BROKEN && reply.length() == 0) {
        nothing(call);
      } else if (reply.head().kind == JsonRpcHead.Kind.BROKEN
          || reply.head().kind == JsonRpcHead.Kind.OTHER) {
        throw new DeliveryException(
            "the answer to %s is no JSON-RPC: %s".formatted(call.head.method, reply.start(200)));
      } else {
        otherwise = null;
        deliver(reply, call, response);
        if (!client.waitsFor(call)) return;
        var error = reply.head().error;
        throw new DeliveryException(
            "the answer to %s holds no reply to it%s"
                .formatted(call.head.method, error == null ? "" : ": " + http.masked(error)));
      }
    }
  }

  /** Handles 202: right for all messages but a request. */
  private void nothing(PendingCall call) throws DeliveryException, InterruptedException {
    if (call.open.isEmpty()) return;
    var other = otherwise;
    if (other == null) call.trouble = "the server has taken it, and given no reply";
    else other.wrapped(call);
  }

  private void refused(HttpSender.Response response, PendingCall call)
      throws IOException, DeliveryException, InterruptedException {
    var body = response.whole();
    response.close();
    if (body.head().kind == JsonRpcHead.Kind.RESPONSE && body.head().key != null) {
      otherwise = null;
      client.deliver(body, call);
      if (!client.waitsFor(call)) return;
    }
    var failure =
        new DeliveryException(
            refusal("POST", http.uri, response), response.status, lasting(response.status));
    var other = otherwise;
    var maybeSse = response.status == 400 || response.status == 404 || response.status == 405;
    if (other != null && maybeSse && body.head().kind != JsonRpcHead.Kind.RESPONSE) {
      other.refused(call, failure);
    } else {
      throw failure;
    }
  }

  private void deliver(JsonRpcMessage message, PendingCall call, HttpSender.Response response)
      throws IOException {
    var head = message.head();
    var opens =
        call.opensSession() && head.kind == JsonRpcHead.Kind.RESPONSE && head.chosen != null;
    if (opens && client.waitsFor(call)) open(response.header("Mcp-Session-Id"), head.chosen);
    client.deliver(message, call);
    if (opens) link.outbox().done(call);
  }

  /** Reads the events of a POST. If they are cut before the reply, requests the rest. */
  private void events(HttpSender.Response response, PendingCall call)
      throws IOException, DeliveryException, InterruptedException {
    String lastId = null;
    var first = response;
    while (true) {
      var reader = new SseReader(response.body());
      try (var open = response) {
        for (var event = reader.next(); event != null; event = reader.next()) {
          if (event.type().equals("message")) deliver(event.data(), call, first);
        }
      } catch (IOException e) {
        if (call.cancelled && call.endsByHangingUp()) return;
        http.cut();
        log("a reply stream was cut: " + HttpErrors.reason(e));
      }
      if (!client.waitsFor(call) || call.cancelled) return;
      if (reader.lastId() != null) lastId = reader.lastId();
      if (lastId == null || call.head.revision != null)
        throw new DeliveryException("the reply stream ended before the reply");
      response = resume(lastId, reader.retryMs(), call, first);
    }
  }

  private HttpSender.Response resume(
      String lastId, long retryMs, PendingCall call, HttpSender.Response first)
      throws IOException, DeliveryException, InterruptedException {
    var headers = headers(session);
    if (call.opensSession() && first.header("Mcp-Session-Id") != null) {
      headers.put("Mcp-Session-Id", first.header("Mcp-Session-Id"));
    }
    headers.put("Accept", EVENTS);
    headers.put("Last-Event-ID", lastId);
    var begin = System.nanoTime();
    pause(retryMs < 0 ? RESUME_MS : retryMs);
    while (true) {
      String why;
      try {
        var left = TimeUnit.NANOSECONDS.toMillis(call.deadline - System.nanoTime());
        if (left <= 0) throw new DeliveryException("the time is up");
        var response = http.send("GET", http.uri, headers, null, () -> {}, inMillis(left), null);
        if (response.status == 200 && response.is(EVENTS)) return response;
        why = refusal("GET", http.uri, response);
        response.close();
        if (lasting(response.status)) throw new DeliveryException(cut(why));
      } catch (IOException e) {
        why = HttpErrors.reason(e);
      }
      if (System.nanoTime() - begin > RESUME_PATIENCE_NANOS) throw new DeliveryException(cut(why));
      pause(RESUME_MS);
    }
  }

  private static String cut(String why) {
    return "the reply stream was cut, and could not be resumed: " + why;
  }

  private void open(String id, String revision) {
    var opened = new Session(id, revision, new CountDownLatch(1));
    session = opened;
    daemon("mcp-listen", () -> listen(opened));
  }

  /** Opens a new session after one has ended, with the client's own handshake. */
  private synchronized void renew(Session used)
      throws IOException, DeliveryException, InterruptedException {
    if (session != used) return;
    log("the session is over; opening another one");
    var handshake = new PendingCall(initialize, System.nanoTime() + link.timeout().toNanos());
    var reply = client.keep(handshake.head.key);
    try (var response = post(this::address, headers(handshake.head, used), handshake, initialize)) {
      if (response.status / 100 != 2) {
        throw new DeliveryException(refusal("POST", http.uri, response), response.status, false);
      }
      if (response.is(EVENTS)) {
        var reader = new SseReader(response.body());
        while (!reply.isDone()) {
          var event = reader.next();
          if (event == null) break;
          client.deliver(event.data(), null);
        }
      } else {
        client.deliver(response.whole(), null);
      }
      var head = reply.getNow(null);
      if (head == null || head.chosen == null)
        throw new DeliveryException("the server opens no new session");
      open(response.header("Mcp-Session-Id"), head.chosen);
    } finally {
      client.keepNoMore(handshake.head.key);
    }
    if (initialized == null) return;
    awaitOpening(session);
    var greeting = new PendingCall(initialized, handshake.deadline);
    var response = post(this::address, headers(greeting.head, session), greeting, initialized);
    response.whole().close();
    response.close();
  }

  private void awaitOpening(Session opened) throws InterruptedException {
    opened.listening.await(link.patience().opening().toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Reads the server's own messages until the session is over. */
  private void listen(Session mine) {
    String lastId = null;
    var worked = false;
    var failures = 0;
    try {
      while (session == mine && !ended) {
        long wait = -1;
        var headers = headers(mine);
        headers.put("Accept", EVENTS);
        if (lastId != null) headers.put("Last-Event-ID", lastId);
        try (var response = http.send("GET", http.uri, headers, null, () -> {}, 0, null)) {
          mine.listening.countDown();
          if (response.status == 200 && response.is(EVENTS)) {
            worked = true;
            var begin = System.nanoTime();
            var reader = new SseReader(response.body());
            try {
              for (var event = reader.next(); event != null; event = reader.next()) {
                failures = 0;
                if (event.type().equals("message")) client.deliver(event.data(), null);
                if (reader.lastId() != null) lastId = reader.lastId();
              }
            } finally {
              http.cut();
              if (reader.lastId() != null) lastId = reader.lastId();
              wait = reader.retryMs();
              var lasted = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
              if (lasted > LONGEST_PAUSE_MS) failures = 0;
            }
          } else {
            response.whole().close();
            if (response.status == 404 && worked) {
              renew(mine);
              return;
            }
            var none = response.status == 405 || response.status / 100 != 4;
            if (lasting(response.status) && (none || ++failures > 3)) return;
          }
        } catch (IOException e) {
          if (ended) return;
          log("the server's own stream was cut: " + HttpErrors.reason(e));
        } catch (DeliveryException e) {
          log("no new session: " + e.getMessage());
        }
        mine.listening.countDown();
        pause(wait >= 0 ? wait : Math.min(LONGEST_PAUSE_MS, RESUME_MS << Math.min(failures++, 5)));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
