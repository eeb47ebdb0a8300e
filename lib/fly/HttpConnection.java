//SOURCES FlyException.java HttpReader.java Network.java
package fly;

import java.io.BufferedInputStream;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/**
 * One HTTP/1.1 connection to an origin: direct, or by the proxy that {@link Network} names, with
 * TLS for https. All clients of this project open their connections here. Any thread may close the
 * connection at any time.
 */
public final class HttpConnection implements AutoCloseable {
  /** Milliseconds until a step must be done; 0 for no limit. */
  public interface Time {
    int left() throws SocketTimeoutException;
  }

  private static final int CONNECT_MS = 10_000;

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
  private HttpReader reader;
  private HttpReader.Head head;
  private HttpReader.Body body;
  private volatile boolean answered;
  private volatile long heard;
  private int requests;

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

  /** Sets the time for the next steps. */
  public void time(Time time) {
    this.time = time;
  }

  /** True if it was closed from this side. */
  public boolean closed() {
    return closed;
  }

  private void connect(String host, int port) throws IOException {
    if (port > 0xffff) throw new ConnectException("there is no port " + port);
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
        listen();
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
    listen();
  }

  private void listen() throws IOException {
    in = new BufferedInputStream(new Timed(socket.getInputStream()));
    reader = new HttpReader(in);
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
      status = head().status();
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
    requests++;
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
  public HttpReader.Head head() throws IOException {
    var read = reader.head();
    if (read.status() == 407 && forwarded()) throw new Network.ProxyFailure(proxy, read.status());
    head = read;
    return head;
  }

  /** The body of the answer, to be read by one thread. */
  public HttpReader.Body body(String method, HttpReader.Head head) throws IOException {
    body = reader.body(method, head);
    return body;
  }

  /** Bytes of the socket; each read waits as long as there is time. */
  private final class Timed extends FilterInputStream {
    Timed(InputStream bytes) {
      super(bytes);
    }

    @Override
    public int read(byte[] target, int start, int count) throws IOException {
      socket.setSoTimeout(time.left());
      var read = super.read(target, start, count);
      if (read > 0) {
        answered = true;
        heard = System.nanoTime();
      }
      return read;
    }
  }

  /** True if the answer was read whole, and the server keeps the connection for another request. */
  public boolean reusable() {
    return !closed
        && head != null
        && head.persistent()
        && body != null
        && body.whole()
        && !body.openEnded();
  }

  /** True if it has served more than one request. */
  public boolean reused() {
    return requests > 1;
  }

  /** True if a byte has arrived since the last request began. */
  public boolean answered() {
    return answered;
  }

  /** Time at which the last bytes arrived: System.nanoTime. */
  long heard() {
    return heard;
  }

  /** Bytes that were received and not read yet. */
  public int unread() {
    try {
      return in.available();
    } catch (IOException e) {
      return 1; // the connection is of no use either
    }
  }

  /** True if nothing has arrived since, not even the end of the connection; waits a millisecond. */
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
      // it counts as closed
    }
  }
}
