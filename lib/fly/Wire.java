//SOURCES Durations.java Network.java
package fly;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLSocket;
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
 * HTTP/1.1 on a plain socket, underneath Unirest. A request is sent once, over a connection of its
 * own, and follows no redirect. Connection: close is not sent, because some servers then answer
 * without length and chunks. One time limit holds for connecting, TLS, head and body together. An
 * answer that is cut is an error. The first request starts 0.5 s earlier than java.net.http's.
 */
final class Wire implements Client {
  /** Nothing was sent: the request reached nobody. */
  static final class NotSent extends IOException {
    private static final long serialVersionUID = 1;

    NotSent(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  /** The header by which {@link Answer} learns whether a body has an end that was seen. */
  static final String OPEN_ENDED = "X-Wire-Open-Ended";

  static final int MOST_BYTES = 32 << 20;

  private static final int MOST_HEAD = 64 << 10;
  private static final int CONNECT_MS = 10_000;
  private static final Pattern URL =
      Pattern.compile("(https?)://(?:[^/?#@]*@)?(\\[[^]]+]|[^:/?#]+)(?::(\\d{1,5}))?([^#]*).*");
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d{3})(?: .*)?");

  private static Timer timer;

  private final Config config;
  private final Network network;

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
    try (var line = new Line(millis == null ? Integer.MAX_VALUE : millis)) {
      try {
        return exchange(request, url.group(1), url.group(2), url.group(3), url.group(4), line);
      } catch (IOException e) {
        if (!line.late() || e instanceof NotSent) throw e;
        throw new SocketTimeoutException(
            "no whole answer within " + Durations.text(Duration.ofMillis(millis)));
      }
    }
  }

  @SuppressWarnings("rawtypes")
  private Raw exchange(
      HttpRequest request, String scheme, String host, String port, String path, Line line)
      throws IOException {
    var tls = scheme.equals("https");
    var number = port == null ? tls ? 443 : 80 : Integer.parseInt(port);
    var proxy = network.proxy(scheme, host, number).orElse(null);
    var target = path.isEmpty() ? "/" : path.startsWith("/") ? path : "/" + path;
    var authority = port == null ? host : host + ":" + port;
    try {
      line.connect(proxy == null ? host : proxy.host(), proxy == null ? number : proxy.port());
      if (proxy != null && proxy.tls()) line.secure(network, proxy.host(), proxy.port());
      if (proxy != null && tls) line.tunnel(host + ":" + number, proxy);
      if (tls) line.secure(network, host, number);
    } catch (IOException e) {
      if (line.late()) throw new NotSent(new SocketTimeoutException("no connection in time"));
      throw e instanceof NotSent already ? already : new NotSent(e);
    }
    var head = new StringBuilder();
    var absolute = proxy != null && !tls;
    head.append(request.getHttpMethod().name()).append(' ');
    head.append(absolute ? "http://" + authority + target : target).append(" HTTP/1.1\r\n");
    head.append("Host: ").append(authority).append("\r\n");
    if (absolute && proxy.authorization() != null) {
      head.append("Proxy-Authorization: ").append(proxy.authorization()).append("\r\n");
    }
    for (Header header : request.getHeaders().all()) {
      if (header.getName().matches("(?i)host|connection|content-length|accept-encoding")) continue;
      if (header.getValue().matches("(?s).*[\\r\\n].*")) {
        throw new NotSent(new IOException("a header holds a line end"));
      }
      head.append(header.getName()).append(": ").append(header.getValue()).append("\r\n");
    }
    var body = body(request);
    if (body.length > 0 || !request.getHttpMethod().name().matches("GET|HEAD|DELETE")) {
      head.append("Content-Length: ").append(body.length).append("\r\n");
    }
    line.send(head.append("\r\n").toString(), body);
    return line.read(request, config);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static byte[] body(HttpRequest request) {
    var body = ((java.util.Optional<Body>) request.getBody()).map(Body::uniPart).orElse(null);
    if (body == null || body.getValue() == null) return new byte[0];
    if (body.getValue() instanceof byte[] bytes) return bytes;
    return body.getValue().toString().getBytes(StandardCharsets.UTF_8);
  }

  /** One connection, for one request; closed from outside when its time is up. */
  private static final class Line implements AutoCloseable {
    private final long end;
    private final TimerTask watch;
    private volatile Socket plain;
    private volatile boolean late;
    private Socket socket;
    private InputStream in;

    Line(int millis) {
      end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      watch =
          new TimerTask() {
            @Override
            public void run() {
              late = true;
              shut();
            }
          };
      timer().schedule(watch, millis);
    }

    private static synchronized Timer timer() {
      if (timer == null) timer = new Timer("fly-time-limits", true);
      return timer;
    }

    /** The time is up, by the clock or by the timer that has closed the connection. */
    boolean late() {
      return late || System.nanoTime() >= end;
    }

    private int left() throws IOException {
      var left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0) throw new SocketTimeoutException("no connection in time");
      return (int) Math.min(left, Integer.MAX_VALUE);
    }

    void connect(String host, int port) throws IOException {
      IOException failure = null;
      var addresses = addresses(host.replaceAll("[\\[\\]]", ""));
      for (var address : addresses) {
        var attempt = new Socket();
        plain = attempt;
        socket = attempt;
        try {
          attempt.setTcpNoDelay(true);
          var most = Math.min(left(), CONNECT_MS / Math.min(2, addresses.length));
          attempt.connect(new InetSocketAddress(address, port), most);
          in = new BufferedInputStream(attempt.getInputStream());
          return;
        } catch (IOException e) {
          failure = e instanceof SocketTimeoutException ? new ConnectException("no answer") : e;
          attempt.close();
          if (late) break;
        }
      }
      throw failure;
    }

    /** A resolver that never answers is left behind in its thread. */
    private InetAddress[] addresses(String host) throws IOException {
      if (Network.loopback(host) || host.matches("[\\d.]+|.*:.*")) {
        return InetAddress.getAllByName(host);
      }
      var found = new CompletableFuture<InetAddress[]>();
      var resolver =
          new Thread(
              () -> {
                try {
                  found.complete(InetAddress.getAllByName(host));
                } catch (IOException e) {
                  found.completeExceptionally(e);
                }
              },
              "fly-resolver");
      resolver.setDaemon(true);
      resolver.start();
      try {
        return found.get(Math.min(left(), CONNECT_MS), TimeUnit.MILLISECONDS);
      } catch (java.util.concurrent.TimeoutException e) {
        throw new UnknownHostException("the name " + host + " was not resolved in time");
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      } catch (java.util.concurrent.ExecutionException e) {
        throw new UnknownHostException("no such host: " + host);
      }
    }

    void secure(Network network, String host, int port) throws IOException {
      var name = host.replaceAll("[\\[\\]]", "");
      var factory = network.tls().getSocketFactory();
      socket.setSoTimeout(Math.min(left(), CONNECT_MS * 2));
      var secure = (SSLSocket) factory.createSocket(socket, name, port, true);
      var parameters = secure.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      secure.setSSLParameters(parameters);
      secure.startHandshake();
      socket = secure;
      in = new BufferedInputStream(secure.getInputStream());
    }

    void tunnel(String authority, Network.Proxy proxy) throws IOException {
      var head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
      if (proxy.authorization() != null) {
        head += "Proxy-Authorization: " + proxy.authorization() + "\r\n";
      }
      send(head + "\r\n", new byte[0]);
      var headers = new Headers();
      var status = head(headers);
      if (status / 100 == 2) return;
      throw new IOException(
          "the proxy "
              + proxy
              + (status == 407 ? " wants credentials" : " refused the connection")
              + " ("
              + status
              + ")");
    }

    void send(String head, byte[] body) throws IOException {
      var bytes = new ByteArrayOutputStream(head.length() + body.length);
      bytes.writeBytes(head.getBytes(StandardCharsets.ISO_8859_1));
      bytes.writeBytes(body);
      try {
        socket.getOutputStream().write(bytes.toByteArray());
        socket.getOutputStream().flush();
      } catch (IOException e) {
        // An answer may be there all the same: a server may refuse a body that it has not read.
        if (late || socket.isClosed()) throw e;
      }
    }

    @SuppressWarnings("rawtypes")
    Raw read(HttpRequest request, Config config) throws IOException {
      var headers = new Headers();
      var status = head(headers);
      var method = request.getHttpMethod().name();
      var body = body(method, status, headers);
      return new Raw(status, headers, body, config, request.toSummary());
    }

    private int head(Headers headers) throws IOException {
      var budget = new int[] {MOST_HEAD};
      for (int informational = 0; informational < 20; informational++) {
        var line = line(budget);
        if (line == null) throw new EOFException("the connection was closed without an answer");
        var match = STATUS.matcher(line);
        if (!match.matches()) throw new IOException("the answer is not HTTP");
        var status = Integer.parseInt(match.group(1));
        var passing = status >= 100 && status < 200;
        headers(headers, budget, passing);
        if (!passing) return status;
      }
      throw new IOException("the answer does not begin");
    }

    private void headers(Headers headers, int[] budget, boolean passing) throws IOException {
      for (var line = line(budget); ; line = line(budget)) {
        if (line == null) throw new EOFException("the answer was cut in its head");
        if (line.isEmpty()) return;
        var colon = line.indexOf(':');
        if (colon > 0 && !passing) {
          headers.add(line.substring(0, colon).strip(), line.substring(colon + 1).strip());
        }
      }
    }

    /** A line without its end; null at the end of the stream. */
    private String line(int[] budget) throws IOException {
      var line = new ByteArrayOutputStream();
      for (int next = next(); ; next = next()) {
        if (next < 0) {
          if (line.size() == 0) return null;
          throw new EOFException("the answer was cut in a line");
        }
        if (next == '\n') break;
        if (--budget[0] < 0) throw new IOException("the head of the answer is too long");
        line.write(next);
      }
      var text = line.toString(StandardCharsets.ISO_8859_1);
      return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    private int next() throws IOException {
      if (in.available() == 0) socket.setSoTimeout(left());
      return in.read();
    }

    private byte[] body(String method, int status, Headers headers) throws IOException {
      if (method.equals("HEAD") || status == 204 || status == 304) return new byte[0];
      var out = new ByteArrayOutputStream();
      var coding = String.join(",", headers.get("Transfer-Encoding")).toLowerCase(Locale.ROOT);
      var length = headers.get("Content-Length").stream().distinct().toList();
      if (!coding.isBlank()) {
        if (!coding.strip().equals("chunked")) {
          throw new IOException("the answer has an unknown transfer coding: " + coding);
        }
        chunks(out);
      } else if (!length.isEmpty()) {
        if (length.size() > 1 || !length.get(0).matches("\\d{1,18}")) {
          throw new IOException("the answer's length is no number: " + length);
        }
        copy(Long.parseLong(length.get(0)), out);
      } else {
        headers.add(OPEN_ENDED, "true");
        copy(-1, out);
      }
      return decoded(out.toByteArray(), headers.getFirst("Content-Encoding"));
    }

    private void chunks(ByteArrayOutputStream out) throws IOException {
      var budget = new int[] {MOST_BYTES};
      while (true) {
        var line = line(budget);
        if (line == null) throw new EOFException("the answer was cut: its last chunk is missing");
        var size = line.replaceFirst("[;\\s].*", "");
        if (!size.matches("[0-9a-fA-F]{1,8}")) throw new IOException("the answer has a bad chunk");
        var count = Long.parseLong(size, 16);
        if (count == 0) break;
        copy(count, out);
        var end = line(budget);
        if (end == null) throw new EOFException("the answer was cut after a chunk");
        if (!end.isEmpty()) throw new IOException("the answer has a bad chunk");
      }
      headers(new Headers(), new int[] {MOST_HEAD}, true);
    }

    /**
     * @param count -1 for all until the connection closes
     */
    private void copy(long count, ByteArrayOutputStream out) throws IOException {
      var buffer = new byte[8192];
      if (count + out.size() > MOST_BYTES) throw tooLarge();
      for (var left = count; left != 0; ) {
        if (in.available() == 0) socket.setSoTimeout(left());
        else left();
        var read = in.read(buffer, 0, left < 0 ? buffer.length : (int) Math.min(left, 8192));
        if (read < 0 && count < 0) return;
        if (read < 0) throw new EOFException("the answer was cut: " + left + " bytes are missing");
        out.write(buffer, 0, read);
        if (out.size() > MOST_BYTES) throw tooLarge();
        if (left > 0) left -= read;
      }
    }

    private static byte[] decoded(byte[] body, String coding) throws IOException {
      if (body.length == 0 || coding.isEmpty() || coding.equalsIgnoreCase("identity")) return body;
      if (!coding.matches("(?i)(x-)?gzip")) {
        throw new IOException("the answer has an unknown coding: " + coding);
      }
      var out = new ByteArrayOutputStream();
      var buffer = new byte[8192];
      try (var in = new GZIPInputStream(new ByteArrayInputStream(body))) {
        for (var read = in.read(buffer); read >= 0; read = in.read(buffer)) {
          out.write(buffer, 0, read);
          if (out.size() > MOST_BYTES) throw tooLarge();
        }
      }
      return out.toByteArray();
    }

    private static IOException tooLarge() {
      return new IOException("the answer is larger than " + (MOST_BYTES >> 20) + " MiB");
    }

    private void shut() {
      var open = plain;
      if (open == null) return;
      try {
        open.close();
      } catch (IOException e) {
        // closed all the same
      }
    }

    @Override
    public void close() {
      watch.cancel();
      shut();
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
