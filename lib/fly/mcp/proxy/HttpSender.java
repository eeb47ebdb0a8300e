//SOURCES ../message/JsonRpcMessage.java ../message/SpooledBytes.java HttpErrors.java
package fly.mcp.proxy;

import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SpooledBytes;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.ProxySelector;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.UnresolvedAddressException;
import java.security.Security;
import java.time.Duration;
import java.util.Deque;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLHandshakeException;

/**
 * HTTP requests to one MCP server, each sent once: HttpURLConnection, because it answers its first
 * request 350 ms before java.net.http.HttpClient does. That one is for requests which the client
 * may give up, because only it can close a connection that somebody reads.
 *
 * <p>It is kept from repeating a POST by itself, and from waiting 1 ms for every reused connection:
 * only one that lay idle is looked at before it is used, whether the server has closed it.
 */
public final class HttpSender {
  static {
    System.setProperty("sun.net.http.retryPost", "false");
    System.setProperty("sun.net.http.allowRestrictedHeaders", "true"); // --header "Origin: ..."
    System.setProperty("jdk.httpclient.allowRestrictedHeaders", "host");
    System.setProperty("http.maxConnections", "16");
  }

  /** Loaded only where it is used. */
  private static final class Cancellable {
    static final HttpClient CLIENT =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofMillis(CONNECT_MS))
            .proxy(ProxySelector.getDefault())
            .build();
  }

  private static final int REDIRECTS = 5;
  private static final int CONNECT_MS = 10_000;
  private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  final URI uri;
  private final Map<String, String> headers;
  private final Consumer<String> log;

  /** When each connection of the JDK's pool came back to it, the last one first. */
  private final Deque<Long> idle = new ConcurrentLinkedDeque<>();

  private volatile boolean answered;
  private volatile long reached;
  private volatile long accepted;

  /** When a connection was last seen to break: those that were idle then may be broken, too. */
  private volatile long cut = System.nanoTime();

  /**
   * @param headers for every request to this origin, and to no other: they may hold secrets
   * @param log gets a line for each request
   */
  HttpSender(URI uri, Map<String, String> headers, Consumer<String> log) {
    this.uri = uri;
    this.headers = headers;
    this.log = log;
    // A name that is not known yet may be so in a moment; Java would ask again after 10 s. An
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

  /** Whether anybody has ever answered. */
  boolean answered() {
    return answered;
  }

  /** When somebody answered who did not just send us away for now: System.nanoTime; 0 for never. */
  long reached() {
    return reached;
  }

  /** When a request was first taken: System.nanoTime; 0 for never. */
  long accepted() {
    return accepted;
  }

  private void answered(int status) {
    answered = true;
    var now = System.nanoTime();
    if (reached == 0 && !Set.of(408, 425, 429, 502, 503, 504).contains(status)) reached = now;
    if (accepted == 0 && status / 100 == 2) accepted = now;
  }

  /** An answer; its body is to be read by one thread, and closed. */
  final class Response implements AutoCloseable {
    final int status;
    private final UnaryOperator<String> headers;
    private final Callable<InputStream> source;
    private final boolean pooled;
    private InputStream body;
    private JsonRpcMessage whole;

    private Response(
        int status, UnaryOperator<String> headers, Callable<InputStream> source, boolean pooled) {
      this.status = status;
      this.headers = headers;
      this.source = source;
      this.pooled = pooled;
    }

    String header(String name) {
      return headers.apply(name);
    }

    boolean is(String type) {
      var actual = header("Content-Type");
      return actual != null && actual.strip().toLowerCase().startsWith(type);
    }

    InputStream body() throws IOException {
      try {
        if (body == null) body = source.call();
      } catch (IOException | RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IOException(e);
      }
      if (body == null) body = InputStream.nullInputStream();
      return body;
    }

    /** The whole body: a message, or what a server says instead of one. */
    JsonRpcMessage whole() throws IOException {
      if (whole == null) whole = JsonRpcMessage.whole(body());
      return whole;
    }

    /** The connection can be used again if the body was read to its end. */
    @Override
    public void close() {
      try {
        body().close();
      } catch (IOException e) {
        return;
      }
      if (!pooled) return;
      idle.addFirst(System.nanoTime());
      if (idle.size() > 16) idle.pollLast();
    }
  }

  /**
   * Sends one request, and follows where it is redirected to, the method kept.
   *
   * @param body null for none
   * @param leaves runs when the connection stands, before the first byte
   * @param waitMs for the answer's first byte, and between two of them; 0 for ever
   * @param letGo is told how to give the request up, at each time in which that is possible; null
   *     where nobody may want to
   * @throws HttpErrors.NotSent where the server cannot have seen it; any other IOException means
   *     that it may
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
      var response =
          letGo == null
              ? once(method, target, headers, body, leaves, waitMs)
              : once(method, target, headers, body, leaves, waitMs, letGo);
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
      int waitMs)
      throws IOException {
    var connection = (HttpURLConnection) target.toURL().openConnection();
    connection.setInstanceFollowRedirects(false);
    connection.setUseCaches(false);
    connection.setConnectTimeout(waitMs == 0 ? CONNECT_MS : Math.min(CONNECT_MS, waitMs));
    connection.setReadTimeout(waitMs);
    connection.setRequestMethod(method);
    connection.setRequestProperty("User-Agent", "fly-mcp-proxy");
    if (sameOrigin(target)) this.headers.forEach(connection::setRequestProperty);
    headers.forEach(connection::setRequestProperty);
    if (body != null) {
      connection.setRequestProperty("Content-Type", "application/json");
      connection.setDoOutput(true);
      // Streaming makes the JDK look whether the server has closed the idle connection.
      var since = idle.pollFirst();
      var stale = since != null && (System.nanoTime() - since > IDLE_NANOS || since - cut < 0);
      if (stale || body.length() > SpooledBytes.LARGE) {
        connection.setFixedLengthStreamingMode(body.length());
      }
    }
    try {
      connection.connect();
    } catch (IOException e) {
      log.accept(method + " " + HttpErrors.shown(target) + ": " + HttpErrors.reason(e));
      throw new HttpErrors.NotSent(e);
    }
    leaves.run();
    try {
      if (body != null) write(connection, body);
      var status = connection.getResponseCode();
      if (status < 0) throw new IOException("the answer is not HTTP");
      answered(status);
      log.accept(
          method
              + " "
              + HttpErrors.shown(target)
              + (body == null ? "" : " " + body.head())
              + " -> "
              + status
              + (connection.getContentType() == null ? "" : " " + connection.getContentType()));
      return new Response(
          status,
          connection::getHeaderField,
          () -> status >= 400 ? connection.getErrorStream() : connection.getInputStream(),
          true);
    } catch (IOException e) {
      cut();
      log.accept(method + " " + HttpErrors.shown(target) + ": " + HttpErrors.reason(e));
      throw e;
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
    var content = BodyPublishers.ofInputStream(body::open);
    var request =
        HttpRequest.newBuilder(target)
            .method(method, BodyPublishers.fromPublisher(content, body.length()))
            .timeout(Duration.ofMillis(waitMs));
    request.setHeader("User-Agent", "fly-mcp-proxy");
    request.setHeader("Content-Type", "application/json");
    if (sameOrigin(target)) this.headers.forEach(request::setHeader);
    headers.forEach(request::setHeader);
    leaves.run();
    var coming = Cancellable.CLIENT.sendAsync(request.build(), BodyHandlers.ofInputStream());
    letGo.accept(() -> coming.cancel(true));
    var what = method + " " + HttpErrors.shown(target);
    try {
      var answer = coming.get();
      letGo.accept(() -> close(answer.body()));
      answered(answer.statusCode());
      var known = answer.headers();
      var type = known.firstValue("Content-Type").map(it -> " " + it).orElse("");
      log.accept(what + " " + body.head() + " -> " + answer.statusCode() + type);
      return new Response(
          answer.statusCode(), name -> known.firstValue(name).orElse(null), answer::body, false);
    } catch (CancellationException e) {
      log.accept(what + ": given up");
      throw new IOException("it was given up");
    } catch (InterruptedException e) {
      coming.cancel(true);
      Thread.currentThread().interrupt();
      throw new InterruptedIOException();
    } catch (ExecutionException e) {
      var why = e.getCause() instanceof IOException known ? known : new IOException(e.getCause());
      if (why.getCause() instanceof UnresolvedAddressException) {
        why = new UnknownHostException(target.getHost());
      }
      log.accept(what + ": " + HttpErrors.reason(why));
      if (why instanceof ConnectException
          || why instanceof HttpConnectTimeoutException
          || why instanceof SSLHandshakeException
          || why instanceof UnknownHostException) throw new HttpErrors.NotSent(why);
      cut();
      throw why;
    }
  }

  private static void close(InputStream stream) {
    try {
      stream.close();
    } catch (IOException e) {
      // it is closed all the same
    }
  }

  /** A stream has broken, or ended: perhaps the server has. */
  void cut() {
    cut = System.nanoTime();
  }

  /** Whether one has since: System.nanoTime. */
  boolean cutSince(long time) {
    return cut - time > 0;
  }

  private static void write(HttpURLConnection connection, JsonRpcMessage body) throws IOException {
    try (var out = connection.getOutputStream()) {
      body.writeTo(out);
    } catch (IOException e) {
      // A server may answer before it has read everything, and say why it does not want to.
      try {
        if (connection.getResponseCode() >= 400) return;
      } catch (IOException none) {
        e.addSuppressed(none);
      }
      throw e;
    }
  }

  boolean sameOrigin(URI other) {
    return uri.getScheme().equalsIgnoreCase(other.getScheme())
        && uri.getHost().equalsIgnoreCase(other.getHost())
        && port(uri) == port(other);
  }

  private static int port(URI uri) {
    if (uri.getPort() >= 0) return uri.getPort();
    return "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
  }

  /** What a server says, without the secrets that it may have been sent. */
  String masked(String text) {
    for (var value : headers.values()) {
      for (var part : value.split(" ")) if (part.length() > 5) text = text.replace(part, "***");
    }
    return text;
  }
}
