//SOURCES FlyException.java Network.java
package fly;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/**
 * One HTTP/1.1 connection to an origin: direct, or by the proxy that {@link Network} names, with
 * TLS for https. All clients of this project open their connections here. An answer that is cut is
 * an error, and any thread may close the connection at any time.
 */
public final class HttpConnection implements AutoCloseable {
  /** Milliseconds until a step has to be done; 0 for ever. */
  public interface Time {
    int left() throws SocketTimeoutException;
  }

  /** A header of an answer. */
  public record Field(String name, String value) {}

  /** Status and headers of an answer. */
  public record Head(int status, boolean persistent, List<Field> fields) {
    /** All values of a header. */
    public List<String> all(String name) {
      return fields.stream().filter(f -> f.name.equalsIgnoreCase(name)).map(Field::value).toList();
    }

    /** The first value of a header, or null. */
    public String first(String name) {
      var all = all(name);
      return all.isEmpty() ? null : all.get(0);
    }
  }

  private static final int MOST_HEAD = 64 << 10;
  private static final int CONNECT_MS = 10_000;
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.([01]) (\\d{3})(?: .*)?");

  private final Network network;
  private final boolean tls;
  private final String host;
  private final int port;
  private Network.Proxy proxy;
  private volatile Socket plain;
  private volatile boolean closed;
  private Socket socket;
  private InputStream in;
  private Time time;
  private Head head;
  private Body body;
  private volatile boolean answered;

  /**
   * A connection that is not open yet.
   *
   * @param host a name or an address, IPv6 in brackets
   */
  public HttpConnection(Network network, String scheme, String host, int port) {
    this.network = network;
    this.tls = scheme.equalsIgnoreCase("https");
    this.host = host;
    this.port = port;
  }

  /**
   * Connects, and makes tunnel and TLS.
   *
   * @throws Network.ProxyFailure if the proxy is the reason
   */
  public void open(Time time) throws IOException {
    this.time = time;
    proxy = network.proxy(tls ? "https" : "http", host, port).orElse(null);
    if (proxy == null) connect(host, port);
    else openProxy();
    if (tls) secure(host, port);
  }

  private void openProxy() throws IOException {
    try {
      connect(proxy.host(), proxy.port());
      if (proxy.tls()) secure(proxy.host(), proxy.port());
    } catch (SSLException e) {
      throw new Network.ProxyFailure(proxy, "no secure connection: " + network.tlsReason(e), e);
    } catch (IOException e) {
      throw new Network.ProxyFailure(proxy, FlyException.reason(e), e);
    }
    if (tls) tunnel(host + ":" + port);
  }

  /** The time of what follows. */
  public void time(Time time) {
    this.time = time;
  }

  /** True if it was closed from this side. */
  public boolean closed() {
    return closed;
  }

  private void connect(String host, int port) throws IOException {
    IOException failure = null;
    var addresses = addresses(host.replaceAll("[\\[\\]]", ""));
    for (var address : addresses) {
      var attempt = new Socket();
      plain = attempt;
      socket = attempt;
      try {
        if (closed) throw new SocketException("closed");
        attempt.setTcpNoDelay(true);
        attempt.connect(
            new InetSocketAddress(address, port),
            within(CONNECT_MS / Math.min(2, addresses.length)));
        in = new BufferedInputStream(new Timed(attempt.getInputStream()));
        return;
      } catch (IOException e) {
        failure = e instanceof SocketTimeoutException ? new ConnectException("no answer") : e;
        attempt.close();
        if (closed) break;
      }
    }
    throw failure;
  }

  private int within(int most) throws SocketTimeoutException {
    var left = time.left();
    return left == 0 ? most : Math.min(left, most);
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
      return found.get(within(CONNECT_MS), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new UnknownHostException("the name " + host + " was not resolved in time");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (ExecutionException e) {
      throw new UnknownHostException("no such host: " + host);
    }
  }

  private void secure(String host, int port) throws IOException {
    var name = host.replaceAll("[\\[\\]]", "");
    var factory = network.tls().getSocketFactory();
    socket.setSoTimeout(within(CONNECT_MS * 2));
    var secure = (SSLSocket) factory.createSocket(socket, name, port, true);
    var parameters = secure.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    secure.setSSLParameters(parameters);
    secure.startHandshake();
    socket = secure;
    in = new BufferedInputStream(new Timed(secure.getInputStream()));
  }

  private void tunnel(String authority) throws IOException {
    var head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (proxy.authorization() != null) {
      head += "Proxy-Authorization: " + proxy.authorization() + "\r\n";
    }
    int status;
    try {
      var bytes = (head + "\r\n").getBytes(StandardCharsets.ISO_8859_1);
      socket.getOutputStream().write(bytes);
      status = head().status;
    } catch (IOException e) {
      throw new Network.ProxyFailure(proxy, FlyException.reason(e), e);
    }
    if (status / 100 != 2) throw new Network.ProxyFailure(proxy, status);
  }

  /** True if a proxy passes requests on, so that its refusals come in place of answers. */
  public boolean forwarded() {
    return proxy != null && !tls;
  }

  /**
   * The first lines of a request's head.
   *
   * @param path with its query
   * @param hostHeader null for the origin's own
   */
  public StringBuilder begin(String method, String path, String hostHeader) {
    answered = false;
    body = null;
    var usual = port == (tls ? 443 : 80);
    var authority = usual ? host : host + ":" + port;
    var head = new StringBuilder(method).append(' ');
    if (forwarded()) head.append("http://").append(authority);
    head.append(path.startsWith("/") ? path : "/" + path).append(" HTTP/1.1\r\n");
    head.append("Host: ").append(hostHeader == null ? authority : hostHeader).append("\r\n");
    if (forwarded() && proxy.authorization() != null) {
      head.append("Proxy-Authorization: ").append(proxy.authorization()).append("\r\n");
    }
    return head;
  }

  public OutputStream out() throws IOException {
    return socket.getOutputStream();
  }

  /** Reads the head of the answer. */
  public Head head() throws IOException {
    var budget = new int[] {MOST_HEAD};
    for (int informational = 0; informational < 20; informational++) {
      var line = line(budget);
      if (line == null) throw new EOFException("the connection was closed without an answer");
      var match = STATUS.matcher(line);
      if (!match.matches()) throw new IOException("the answer is not HTTP");
      var status = Integer.parseInt(match.group(2));
      var fields = fields(budget);
      if (status >= 100 && status < 200) continue;
      if (status == 407 && forwarded()) throw new Network.ProxyFailure(proxy, status);
      head = new Head(status, persistent(match.group(1).equals("1"), fields), fields);
      return head;
    }
    throw new IOException("the answer does not begin");
  }

  private static boolean persistent(boolean newer, List<Field> fields) {
    for (var field : fields) {
      if (!field.name.equalsIgnoreCase("Connection")) continue;
      var value = field.value.toLowerCase(Locale.ROOT);
      if (value.contains("close")) return false;
      if (value.contains("keep-alive")) return true;
    }
    return newer;
  }

  private List<Field> fields(int[] budget) throws IOException {
    var fields = new ArrayList<Field>();
    for (var line = line(budget); ; line = line(budget)) {
      if (line == null) throw new EOFException("the answer was cut in its head");
      if (line.isEmpty()) return fields;
      var colon = line.indexOf(':');
      if (colon > 0) {
        fields.add(new Field(line.substring(0, colon).strip(), line.substring(colon + 1).strip()));
      }
    }
  }

  /** A line without its end; null at the end of the stream. */
  private String line(int[] budget) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int next = in.read(); ; next = in.read()) {
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

  /** Bytes of the socket, for which each read waits as long as there is time. */
  private final class Timed extends FilterInputStream {
    Timed(InputStream bytes) {
      super(bytes);
    }

    @Override
    public int read(byte[] target, int start, int count) throws IOException {
      socket.setSoTimeout(time.left());
      var read = super.read(target, start, count);
      if (read > 0) answered = true;
      return read;
    }
  }

  /** The body of the answer, to be read by one thread. */
  public Body body(String method, Head head) throws IOException {
    var coding = String.join(",", head.all("Transfer-Encoding")).toLowerCase(Locale.ROOT).strip();
    var length = head.all("Content-Length").stream().distinct().toList();
    if (method.equals("HEAD") || head.status == 204 || head.status == 304) {
      body = new Body(0, false);
    } else if (!coding.isEmpty()) {
      if (!coding.equals("chunked")) {
        throw new IOException("the answer has an unknown transfer coding: " + coding);
      }
      body = new Body(0, true);
    } else if (length.isEmpty()) {
      body = new Body(-1, false);
    } else {
      if (length.size() > 1 || !length.get(0).matches("\\d{1,18}")) {
        throw new IOException("the answer's length is no number: " + length);
      }
      body = new Body(Long.parseLong(length.get(0)), false);
    }
    return body;
  }

  /** True if the answer was read whole, and the server keeps the connection for another request. */
  public boolean reusable() {
    return !closed
        && head != null
        && head.persistent
        && body != null
        && body.whole
        && !body.openEnded();
  }

  /** True once a byte has come since the last request began. */
  public boolean answered() {
    return answered;
  }

  /** Bytes that have come and nobody has read. */
  public int unread() {
    try {
      return in.available();
    } catch (IOException e) {
      return 1; // it is of no use either
    }
  }

  /** True if nothing has come since, not even the end of the connection; waits a millisecond. */
  public boolean quiet() {
    var rest = time;
    time = () -> 1;
    try {
      in.read();
      return false;
    } catch (SocketTimeoutException e) {
      return true;
    } catch (IOException e) {
      return false;
    } finally {
      time = rest;
    }
  }

  @Override
  public void close() {
    closed = true;
    var open = plain;
    if (open == null) return;
    try {
      open.close();
    } catch (IOException e) {
      // closed all the same
    }
  }

  /** A body as it comes: a read returns what is there, and fails if the body is cut. */
  public final class Body extends InputStream {
    private final boolean chunked;
    private final boolean openEnded;
    private final int[] budget = {MOST_HEAD};
    private long left;
    private boolean first = true;
    private boolean whole;

    private Body(long left, boolean chunked) {
      this.left = left;
      this.chunked = chunked;
      this.openEnded = left < 0;
      this.whole = left == 0 && !chunked;
    }

    /** True if only the end of the connection ends it, so that nobody can know if it is whole. */
    public boolean openEnded() {
      return openEnded;
    }

    /** Bytes that are announced and have not come; -1 if that is not known. */
    public long announced() {
      return chunked ? -1 : left;
    }

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int start, int count) throws IOException {
      if (count == 0) return 0;
      if (!whole && chunked && left == 0) nextChunk();
      if (whole) return -1;
      var most = openEnded ? count : (int) Math.min(count, left);
      var read = in.read(target, start, most);
      if (read < 0 && openEnded) {
        whole = true;
        return -1;
      }
      if (read < 0) throw new EOFException("the answer was cut: " + left + " bytes are missing");
      if (!openEnded) left -= read;
      if (left == 0 && !chunked) whole = true;
      return read;
    }

    private void nextChunk() throws IOException {
      budget[0] = MOST_HEAD;
      if (!first) {
        var end = line(budget);
        if (end == null) throw new EOFException("the answer was cut after a chunk");
        if (!end.isEmpty()) throw new IOException("the answer has a bad chunk");
      }
      first = false;
      var line = line(budget);
      if (line == null) throw new EOFException("the answer was cut: its last chunk is missing");
      var size = line.replaceFirst("[;\\s].*", "");
      if (!size.matches("[0-9a-fA-F]{1,8}")) throw new IOException("the answer has a bad chunk");
      left = Long.parseLong(size, 16);
      if (left > 0) return;
      fields(budget);
      whole = true;
    }
  }
}
