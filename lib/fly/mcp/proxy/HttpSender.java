//SOURCES ../../HttpConnection.java ../../HttpReader.java ../../KeptConnections.java ../../Network.java
//SOURCES ../message/JsonRpcMessage.java ../message/SpooledBytes.java HeartbeatStream.java HttpErrors.java
package fly.mcp.proxy;

import fly.HttpConnection;
import fly.HttpReader;
import fly.KeptConnections;
import fly.Network;
import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SpooledBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.Security;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** HTTP requests to one MCP server, each sent once, over connections that are used again. */
public final class HttpSender {
  /** Statuses of Fly Proxy, or of a busy server: they show nothing about the server behind. */
  public static final Set<Integer> NOT_NOW = Set.of(408, 425, 429, 502, 503, 504);

  private static final int REDIRECTS = 5;
  private static final int CONNECT_MS = 10_000;

  final URI uri;
  private final Map<String, String> headers;
  private final Consumer<String> log;

  private final KeptConnections kept = new KeptConnections();

  /** Connections on which an answer to a POST is awaited. */
  private final Set<HttpConnection> busy = ConcurrentHashMap.newKeySet();

  /** Connections that carry answers without end. */
  private final Set<HttpConnection> streams = ConcurrentHashMap.newKeySet();

  private volatile boolean answered;
  private volatile boolean ended;
  private volatile long reached;
  private volatile long accepted;

  /** Time at which a connection was last seen to break. */
  private volatile long cut = System.nanoTime();

  /**
   * @param headers for every request to this origin, and to no other: they may hold secrets
   * @param log takes a line for each request
   */
  HttpSender(URI uri, Map<String, String> headers, Consumer<String> log) {
    this.uri = uri;
    this.headers = headers;
    this.log = log;
    Network.SYSTEM.check(uri);
    // A name that is unknown now may be known in a moment; Java would ask again after 10 s. An
    // address needs none of this, which takes its time.
    if (!uri.getHost().matches("[\\d.]+|\\[.*")) {
      Security.setProperty("networkaddress.cache.negative.ttl", "0");
    }
  }

  /** Status of the answer to an empty POST without credentials. */
  public static int statusOfEmptyPost(URI uri, int timeoutMs) throws IOException {
    var sender = new HttpSender(uri, Map.of(), line -> {});
    try (var empty = JsonRpcMessage.of("");
        var response = sender.send("POST", uri, Map.of(), empty, () -> {}, timeoutMs, null)) {
      return response.status;
    }
  }

  /** Status of the answer to a GET without credentials; its body may have no end. */
  public static int statusOfGet(URI uri, int timeoutMs) throws IOException {
    var sender = new HttpSender(uri, Map.of(), line -> {});
    try (var response = sender.send("GET", uri, Map.of(), null, () -> {}, timeoutMs, null)) {
      return response.status;
    }
  }

  /** True once anything has answered. */
  boolean answered() {
    return answered;
  }

  /** First answer that is no refusal for the time being: System.nanoTime; 0 for none. */
  long reached() {
    return reached;
  }

  /** First request that was taken: System.nanoTime; 0 for none. */
  long accepted() {
    return accepted;
  }

  private void answered(int status) {
    answered = true;
    var now = System.nanoTime();
    if (reached == 0 && !NOT_NOW.contains(status)) reached = now;
    if (accepted == 0 && status / 100 == 2) accepted = now;
  }

  /** An answer; one thread reads its body and closes it. */
  final class Response implements AutoCloseable {
    final int status;
    private final HttpConnection connection;
    private final HttpReader.Head head;
    private final InputStream body;
    private final boolean pooled;
    private JsonRpcMessage whole;

    private Response(
        HttpConnection connection, HttpReader.Head head, InputStream body, boolean pooled) {
      this.status = head.status();
      this.connection = connection;
      this.head = head;
      this.body = body;
      this.pooled = pooled;
    }

    /** The first value of a header, or null. */
    String header(String name) {
      return head.first(name);
    }

    boolean is(String type) {
      var actual = header("Content-Type");
      return actual != null && actual.strip().toLowerCase(Locale.ROOT).startsWith(type);
    }

    InputStream body() {
      return body;
    }

    /** The body of an answer without end. */
    HeartbeatStream stream() {
      return (HeartbeatStream) body;
    }

    /** The whole body: a message, or the text of a server that sends no message. */
    JsonRpcMessage whole() throws IOException {
      if (whole != null) return whole;
      try {
        whole = JsonRpcMessage.whole(body);
        return whole;
      } catch (IOException e) {
        connection.close(); // the server may still be sending
        throw e;
      }
    }

    /** Keeps the connection for another request if the body was read to its end. */
    @Override
    public void close() {
      streams.remove(connection);
      if (pooled && !ended && connection.reusable()) kept.keep(uri.getAuthority(), connection);
      else connection.close();
    }
  }

  /**
   * Sends one request, and follows redirects with the same method.
   *
   * @param body null for none
   * @param leaves runs when the connection is open, before the first byte
   * @param waitMs limit for the answer's first byte, and between two bytes; 0 for none
   * @param letGo receives a task that aborts the request; null if no caller needs it
   * @throws HttpErrors.NotSent if the server cannot have seen the request; after any other
   *     IOException it may have
   */
  Response send(
      String method,
      URI target,
      Map<String, String> headers,
      JsonRpcMessage body,
      Runnable leaves,
      int waitMs,
      Consumer<Runnable> letGo)
      throws IOException {
    for (int hop = 0; ; hop++) {
      var response = once(method, target, headers, body, leaves, waitMs, letGo);
      if (response.status / 100 != 3 || response.header("Location") == null) return response;
      if (response.status == 303 || response.status == 304) return response;
      URI next;
      try {
        next = target.resolve(response.header("Location"));
      } catch (IllegalArgumentException e) {
        return response;
      } finally {
        response.body().readNBytes(SpooledBytes.LARGE);
        response.close();
      }
      if (hop == REDIRECTS)
        throw new HttpErrors.NotSent("redirected more than " + REDIRECTS + " times");
      if (!"https".equals(next.getScheme())
          && !("http".equals(next.getScheme()) && "http".equals(target.getScheme()))) {
        throw new HttpErrors.NotSent(
            "redirected from " + HttpErrors.shown(target) + " to " + HttpErrors.shown(next));
      }
      target = next;
    }
  }

  private Response once(
      String method,
      URI target,
      Map<String, String> headers,
      JsonRpcMessage body,
      Runnable leaves,
      int waitMs,
      Consumer<Runnable> letGo)
      throws IOException {
    var what = method + " " + HttpErrors.shown(target);
    var pooled = sameOrigin(target);
    // A stream of events takes a new connection.
    var connection = pooled && !method.equals("GET") ? kept.take(uri.getAuthority()) : null;
    var opened = connection == null;
    if (opened) {
      connection =
          new HttpConnection(
              Network.SYSTEM, target.getScheme(), target.getHost(), Network.port(target));
    }
    if (letGo != null) letGo.accept(connection::close);
    try {
      if (opened) connection.open(() -> waitMs == 0 ? CONNECT_MS : Math.min(CONNECT_MS, waitMs));
      connection.time(() -> waitMs);
    } catch (IOException e) {
      connection.close();
      log.accept(what + ": " + HttpErrors.reason(e));
      throw new HttpErrors.NotSent(target, e);
    }
    try {
      var start = head(connection, method, target, headers, body);
      leaves.run();
      if (body != null) busy.add(connection);
      if (waitMs == 0) streams.add(connection);
      if (ended) connection.close();
      write(connection, start, body);
      var head = connection.head();
      busy.remove(connection);
      answered(head.status());
      var type = head.first("Content-Type");
      log.accept(
          what
              + (body == null ? "" : " " + body.head())
              + " -> "
              + head.status()
              + (type == null ? "" : " " + type));
      var coding = head.first("Content-Encoding");
      if (coding != null && !coding.matches("(?i)identity")) {
        throw new IOException("the answer has a coding that was not asked for: " + coding);
      }
      InputStream read = connection.body(method, head);
      if (waitMs == 0) {
        var stream = new HeartbeatStream(read, connection::close);
        connection.time(stream::limitMs);
        read = stream;
      }
      return new Response(connection, head, read, pooled);
    } catch (IOException e) {
      busy.remove(connection);
      streams.remove(connection);
      var givenUp = connection.closed();
      connection.close();
      if (givenUp) {
        log.accept(what + ": given up");
        throw new IOException("it was given up");
      }
      log.accept(what + ": " + HttpErrors.reason(e));
      if (e instanceof HttpErrors.NotSent) throw e;
      if (e instanceof Network.ProxyFailure) throw new HttpErrors.NotSent(target, e);
      cut();
      throw e;
    }
  }

  private byte[] head(
      HttpConnection connection,
      String method,
      URI target,
      Map<String, String> headers,
      JsonRpcMessage body)
      throws HttpErrors.NotSent {
    var all = new LinkedHashMap<String, String>();
    put(all, "User-Agent", "fly-mcp-proxy");
    if (body != null) put(all, "Content-Type", "application/json");
    if (sameOrigin(target)) this.headers.forEach((name, value) -> put(all, name, value));
    headers.forEach((name, value) -> put(all, name, value));
    var host = all.keySet().stream().filter("Host"::equalsIgnoreCase).findFirst();
    var path =
        target.getRawPath() + (target.getRawQuery() == null ? "" : "?" + target.getRawQuery());
    var head = connection.begin(method, path, host.map(all::remove).orElse(null));
    for (var header : all.entrySet()) {
      if (header.getValue().matches("(?s).*[\\r\\n].*")) {
        throw new HttpErrors.NotSent("the header " + header.getKey() + " holds a line end");
      }
      head.append(header.getKey()).append(": ").append(header.getValue()).append("\r\n");
    }
    if (body != null) head.append("Content-Length: ").append(body.length()).append("\r\n");
    return head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Sets a header; its name is the same in any case of letters. */
  private static void put(Map<String, String> headers, String name, String value) {
    if (name.matches("(?i)Content-Length|Transfer-Encoding")) return;
    headers.keySet().removeIf(name::equalsIgnoreCase);
    headers.put(name, value);
  }

  private static void write(HttpConnection connection, byte[] head, JsonRpcMessage body)
      throws IOException {
    var out = connection.out();
    try {
      if (body == null) {
        out.write(head);
      } else if (body.length() <= SpooledBytes.LARGE) {
        var bytes = new ByteArrayOutputStream(head.length + (int) body.length());
        bytes.writeBytes(head);
        body.writeTo(bytes);
        out.write(bytes.toByteArray());
      } else {
        out.write(head);
        body.writeTo(out);
      }
      out.flush();
    } catch (IOException e) {
      // An answer may be there: a server may refuse a body that it has not read.
      if (connection.closed()) throw e;
    }
  }

  /** Records that a stream has broken, or ended: the server may have, too. */
  void cut() {
    cut = System.nanoTime();
    kept.closeIdle();
  }

  /** Closes all connections, which may have died without a sign. */
  void abandon() {
    cut();
    busy.forEach(HttpConnection::close);
  }

  /** Closes the streams and the idle connections; nothing is sent from now on. */
  void end() {
    ended = true;
    streams.forEach(HttpConnection::close);
    kept.closeIdle();
  }

  /** True if a stream has broken since this time: System.nanoTime. */
  boolean cutSince(long time) {
    return cut - time > 0;
  }

  boolean sameOrigin(URI other) {
    return uri.getScheme().equalsIgnoreCase(other.getScheme())
        && uri.getHost().equalsIgnoreCase(other.getHost())
        && Network.port(uri) == Network.port(other);
  }

  /** The text of a server, without the secrets that the request carried. */
  String masked(String text) {
    for (var value : headers.values()) {
      for (var part : value.split(" ")) if (part.length() > 5) text = text.replace(part, "***");
    }
    return text;
  }
}
