//SOURCES Durations.java HttpConnection.java KeptConnections.java Network.java
package fly;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.SocketTimeoutException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import kong.unirest.core.Body;
import kong.unirest.core.Client;
import kong.unirest.core.Config;
import kong.unirest.core.Header;
import kong.unirest.core.Headers;
import kong.unirest.core.HttpRequest;
import kong.unirest.core.HttpRequestSummary;
import kong.unirest.core.HttpResponse;
import kong.unirest.core.RawResponse;
import kong.unirest.core.RawResponseBase;
import kong.unirest.core.SseHandler;
import kong.unirest.core.SseRequest;
import kong.unirest.core.UnirestException;
import kong.unirest.core.WebSocketRequest;
import kong.unirest.core.WebSocketResponse;
import kong.unirest.core.java.Event;

/**
 * HTTP/1.1 on a plain socket, beneath Unirest. A request is sent once, over a new connection, and
 * follows no redirect. A request that may be repeated takes a kept connection, and a new one if the
 * server closed that without a byte of an answer. Connection: close is not sent, because some
 * servers then answer without length and chunks. One time limit holds for connecting, TLS, head and
 * body together. An answer that is cut is an error. The first request starts 0.5 s earlier than
 * java.net.http's.
 */
final class Wire implements Client {
  /** Nothing was sent. */
  static final class NotSent extends IOException {
    private static final long serialVersionUID = 1;

    NotSent(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  /** The header that reports to {@link Answer} if the end of a body was seen. */
  static final String OPEN_ENDED = "X-Wire-Open-Ended";

  /** The header, not sent, of a request that may reach its server twice. */
  static final String REPEATABLE = "X-Wire-Repeatable";

  static final int MOST_BYTES = 32 << 20;

  /** Headers that are written here, or not sent. */
  private static final Set<String> OWN =
      Set.of(
          "host",
          "connection",
          "content-length",
          "accept-encoding",
          REPEATABLE.toLowerCase(Locale.ROOT));

  private static final Set<String> BODILESS = Set.of("GET", "HEAD", "DELETE");
  private static final Pattern URL =
      Pattern.compile("(https?)://(?:[^/?#@]*@)?(\\[[^]]+]|[^:/?#]+)(?::(\\d{1,5}))?([^#]*).*");

  private static Timer timer;

  private final Config config;
  private final Network network;
  private final KeptConnections kept = new KeptConnections();

  Wire(Config config, Network network) {
    this.config = config;
    this.network = network;
  }

  @Override
  @SuppressWarnings({"unchecked", "rawtypes"})
  public <T> HttpResponse<T> request(
      HttpRequest request, Function<RawResponse, HttpResponse<T>> read, Class<?> resultType) {
    try {
      return read.apply(exchange(request));
    } catch (IOException e) {
      throw new UnirestException(e);
    }
  }

  @SuppressWarnings("rawtypes")
  private Raw exchange(HttpRequest request) throws IOException {
    var url = URL.matcher(request.getUrl());
    if (!url.matches()) throw new NotSent(new IOException("no http or https URL"));
    Integer limit = request.getRequestTimeout();
    var millis = limit == null ? config.getRequestTimeout() : limit;
    var tls = url.group(1).equals("https");
    var port = url.group(3) == null ? tls ? 443 : 80 : Integer.parseInt(url.group(3));
    var origin = url.group(1) + "://" + url.group(2) + ":" + port;
    var repeatable = request.getHeaders().containsKey(REPEATABLE);
    try (var watch = new Watch(millis == null ? Integer.MAX_VALUE : millis)) {
      try {
        var answer = repeatable ? overKept(request, url.group(4), origin, watch) : null;
        if (answer != null) return answer;
        var connection = new HttpConnection(network, url.group(1), url.group(2), port);
        open(connection, watch);
        return exchange(request, url.group(4), connection, origin, watch);
      } catch (IOException e) {
        if (e instanceof NotSent) throw e;
        if (!watch.late() && !(e instanceof SocketTimeoutException)) throw e;
        throw new SocketTimeoutException(
            "no whole answer within " + Durations.text(Duration.ofMillis(millis)));
      }
    }
  }

  /** Null if no connection is kept, or its server has closed it, as it may between two requests. */
  @SuppressWarnings("rawtypes")
  private Raw overKept(HttpRequest request, String path, String origin, Watch watch)
      throws IOException {
    var connection = kept.take(origin);
    if (connection == null) return null;
    watch.over(connection);
    try {
      return exchange(request, path, connection, origin, watch);
    } catch (IOException e) {
      if (connection.answered() || watch.late()) throw e;
      return null;
    }
  }

  private static void open(HttpConnection connection, Watch watch) throws NotSent {
    watch.over(connection);
    try {
      connection.open(watch);
    } catch (IOException e) {
      var late = watch.late() || e instanceof SocketTimeoutException;
      throw new NotSent(late ? new SocketTimeoutException("no connection in time") : e);
    }
  }

  @SuppressWarnings("rawtypes")
  private Raw exchange(
      HttpRequest request, String path, HttpConnection connection, String origin, Watch watch)
      throws IOException {
    var method = request.getHttpMethod().name();
    var head = connection.begin(method, path, null);
    for (Header header : request.getHeaders().all()) {
      if (OWN.contains(header.getName().toLowerCase(Locale.ROOT))) continue;
      if (header.getValue().indexOf('\r') >= 0 || header.getValue().indexOf('\n') >= 0) {
        throw new NotSent(new IOException("a header holds a line end"));
      }
      head.append(header.getName()).append(": ").append(header.getValue()).append("\r\n");
    }
    var body = body(request);
    if (body.length > 0 || !BODILESS.contains(method)) {
      head.append("Content-Length: ").append(body.length).append("\r\n");
    }
    send(connection, head.append("\r\n").toString(), body);
    try {
      var answer = read(connection, request);
      if (connection.reusable()) {
        watch.end();
        kept.keep(origin, connection);
      }
      return answer;
    } catch (Network.ProxyFailure e) {
      throw new NotSent(e); // the proxy refused to pass it on
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static byte[] body(HttpRequest request) {
    var body = ((java.util.Optional<Body>) request.getBody()).map(Body::uniPart).orElse(null);
    if (body == null || body.getValue() == null) return new byte[0];
    if (body.getValue() instanceof byte[] bytes) return bytes;
    return body.getValue().toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void send(HttpConnection connection, String head, byte[] body) throws IOException {
    var bytes = new ByteArrayOutputStream(head.length() + body.length);
    bytes.writeBytes(head.getBytes(StandardCharsets.ISO_8859_1));
    bytes.writeBytes(body);
    try {
      connection.out().write(bytes.toByteArray());
      connection.out().flush();
    } catch (IOException e) {
      // An answer may be there: a server may refuse a body that it has not read.
      if (connection.closed()) throw e;
    }
  }

  @SuppressWarnings("rawtypes")
  private Raw read(HttpConnection connection, HttpRequest request) throws IOException {
    var head = connection.head();
    var headers = new Headers();
    head.fields().forEach(field -> headers.add(field.name(), field.value()));
    var body = connection.body(request.getHttpMethod().name(), head);
    if (body.openEnded()) headers.add(OPEN_ENDED, "true");
    if (body.announced() > MOST_BYTES) throw tooLarge();
    var content = decoded(whole(body), headers.getFirst("Content-Encoding"));
    return new Raw(head.status(), headers, content, config, request.toSummary());
  }

  private static byte[] decoded(byte[] body, String coding) throws IOException {
    if (body.length == 0 || coding.isEmpty() || coding.equalsIgnoreCase("identity")) return body;
    if (!coding.matches("(?i)(x-)?gzip")) {
      throw new IOException("the answer has an unknown coding: " + coding);
    }
    try (var in = new GZIPInputStream(new ByteArrayInputStream(body))) {
      return whole(in);
    }
  }

  private static byte[] whole(InputStream in) throws IOException {
    var out = new ByteArrayOutputStream();
    var buffer = new byte[8192];
    for (var read = in.read(buffer); read >= 0; read = in.read(buffer)) {
      out.write(buffer, 0, read);
      if (out.size() > MOST_BYTES) throw tooLarge();
    }
    return out.toByteArray();
  }

  private static IOException tooLarge() {
    return new IOException("the answer is larger than " + (MOST_BYTES >> 20) + " MiB");
  }

  /** Closes a connection when its time is up: a server may send a byte at a time. */
  private static final class Watch extends TimerTask implements HttpConnection.Time, AutoCloseable {
    private final long end;
    private HttpConnection connection;
    private volatile boolean closed;

    Watch(int millis) {
      end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      timer().schedule(this, millis);
    }

    /** Closes the previous connection, and watches this one from now on. */
    synchronized void over(HttpConnection next) {
      close();
      connection = next;
      connection.time(this);
      if (closed) next.close();
    }

    /** The connection is free for another use. */
    synchronized void end() {
      connection = null;
    }

    private static synchronized Timer timer() {
      if (timer == null) timer = new Timer("fly-time-limits", true);
      return timer;
    }

    @Override
    public synchronized void run() {
      closed = true;
      if (connection != null) connection.close();
    }

    /** The time is up, by the clock or by the timer that has closed the connection. */
    boolean late() {
      return closed || System.nanoTime() >= end;
    }

    @Override
    public int left() throws SocketTimeoutException {
      var left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0) throw new SocketTimeoutException("no connection in time");
      return (int) Math.min(left, Integer.MAX_VALUE);
    }

    /** The timer holds a task until its time has come, which must not hold the connection. */
    @Override
    public synchronized void close() {
      cancel();
      if (connection != null) connection.close();
      connection = null;
    }
  }

  /** The whole answer. */
  private static final class Raw extends RawResponseBase {
    private final int status;
    private final Headers headers;
    private final byte[] content;

    Raw(int status, Headers headers, byte[] content, Config config, HttpRequestSummary summary) {
      super(config, summary);
      this.status = status;
      this.headers = headers;
      this.content = content;
    }

    @Override
    public int getStatus() {
      return status;
    }

    @Override
    public String getStatusText() {
      return "";
    }

    @Override
    public Headers getHeaders() {
      return headers;
    }

    @Override
    public InputStream getContent() {
      return new ByteArrayInputStream(content);
    }

    @Override
    public byte[] getContentAsBytes() {
      return content;
    }

    @Override
    public String getContentAsString() {
      return new String(content, StandardCharsets.UTF_8);
    }

    @Override
    public String getContentAsString(String charset) {
      return new String(
          content, charset == null ? StandardCharsets.UTF_8 : Charset.forName(charset));
    }

    @Override
    public InputStreamReader getContentReader() {
      return new InputStreamReader(getContent(), StandardCharsets.UTF_8);
    }

    @Override
    public boolean hasContent() {
      return content.length > 0;
    }

    @Override
    public String getContentType() {
      return headers.getFirst("Content-Type");
    }

    @Override
    public String getEncoding() {
      return "";
    }
  }

  @Override
  public <T> T getClient() {
    return null;
  }

  @Override
  @SuppressWarnings("rawtypes")
  public <T> CompletableFuture<HttpResponse<T>> request(
      HttpRequest request,
      Function<RawResponse, HttpResponse<T>> read,
      CompletableFuture<HttpResponse<T>> callback,
      Class<?> resultType) {
    throw new UnsupportedOperationException();
  }

  @Override
  public WebSocketResponse websocket(
      WebSocketRequest request, java.net.http.WebSocket.Listener listener) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<Void> sse(SseRequest request, SseHandler handler) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Stream<Event> sse(SseRequest request) {
    throw new UnsupportedOperationException();
  }
}
