//SOURCES ApiError.java Presence.java Replay.java Tunnel.java
package fly.sandbox;

import io.javalin.http.Context;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.InputStreamRequestContent;
import org.eclipse.jetty.client.InputStreamResponseListener;
import org.eclipse.jetty.client.Response;
import org.eclipse.jetty.client.transport.HttpRequest;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.http.HttpCookieStore;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/**
 * Passes HTTP requests on to the programs of Machines, and their answers back: bodies as they come,
 * in both directions at once, whatever their size.
 */
final class Forward implements AutoCloseable {
  /**
   * Bytes of a body that can be sent once more;
   * https://fly.io/docs/networking/dynamic-request-routing/.
   */
  private static final int REPLAYED_BODY = 1 << 20;

  private static final int CONNECTIONS = 1_000;

  /** Of a request or an answer; a guess. */
  static final int HEADER_BYTES = 64 * 1024;

  /** Between two neighbours only: RFC 9110, 7.6.1. */
  private static final Set<String> HOP_BY_HOP =
      Collections.unmodifiableSet(
          caseless(
              "Connection",
              "Keep-Alive",
              "Proxy-Authenticate",
              "Proxy-Authorization",
              "Proxy-Connection",
              "TE",
              "Trailer",
              "Transfer-Encoding",
              "Upgrade"));

  private HttpClient client;
  private HttpClient trusting;

  private static Set<String> caseless(String... names) {
    var set = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    Collections.addAll(set, names);
    return set;
  }

  /** The HTTP client; the first call makes it. */
  synchronized HttpClient client() {
    if (client == null) client = start(new SslContextFactory.Client());
    return client;
  }

  /** As {@link #client}, and any certificate will do. */
  synchronized HttpClient trusting() {
    if (trusting == null) trusting = start(new SslContextFactory.Client(true));
    return trusting;
  }

  private static HttpClient start(SslContextFactory.Client ssl) {
    var fresh = new HttpClient();
    fresh.setSslContextFactory(ssl);
    fresh.setExecutor(
        Executors.newCachedThreadPool(
            task -> {
              var thread = new Thread(task, "sandbox-forward");
              thread.setDaemon(true);
              return thread;
            }));
    fresh.setFollowRedirects(false);
    fresh.setUserAgentField(null);
    fresh.setHttpCookieStore(new HttpCookieStore.Empty());
    fresh.setMaxConnectionsPerDestination(CONNECTIONS);
    fresh.setMaxRequestHeadersSize(HEADER_BYTES);
    fresh.setMaxResponseHeadersSize(HEADER_BYTES);
    fresh.setConnectTimeout(2_000);
    fresh.setIdleTimeout(0);
    try {
      fresh.start();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    fresh.getContentDecoderFactories().clear();
    fresh.getProtocolHandlers().clear();
    return fresh;
  }

  /**
   * The body of a request, of which the first part is kept, in case it has to be sent once more.
   */
  static final class Body {
    private final InputStream source;
    private final Runnable ended;
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private boolean whole = true;
    private Object reader;

    /**
     * @param ended called at its end
     */
    Body(InputStream source, Runnable ended) {
      this.source = source;
      this.ended = ended;
    }

    /** From its beginning; who read it before gets no more. */
    synchronized InputStream again() {
      if (!whole) {
        throw new ApiError(
            502, "PA01: a request whose body is larger than 1 MiB cannot be replayed");
      }
      var rest =
          new InputStream() {
            @Override
            public int read() throws IOException {
              var one = new byte[1];
              return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] bytes, int start, int length) throws IOException {
              return next(this, bytes, start, length);
            }
          };
      reader = rest;
      return new SequenceInputStream(new ByteArrayInputStream(kept.toByteArray()), rest);
    }

    private synchronized int next(Object who, byte[] bytes, int start, int length)
        throws IOException {
      if (who != reader) throw new IOException("the request goes elsewhere");
      var read = source.read(bytes, start, length);
      if (read > 0 && kept.size() + read > REPLAYED_BODY) {
        whole = false;
        kept.reset();
      }
      if (read > 0 && whole) kept.write(bytes, start, read);
      if (read < 0) ended.run();
      return read;
    }
  }

  /**
   * Sends a request to a port of this computer, and its answer to the client.
   *
   * @param path with the query
   * @param added headers that take the place of the client's own of the same names; with null there
   *     is none of that name
   * @param back what is done to the answer's headers before they leave
   * @param presence of the client: where he goes, the request ends
   * @param hold called where a WebSocket goes on after the answer; what it returns, at its end
   * @return what the app wants instead of answering, or null
   * @throws IOException where the program cannot be reached, or breaks off before it answers
   */
  Replay pass(
      Context x,
      Body body,
      int port,
      String path,
      Map<String, String> added,
      Headers back,
      Presence presence,
      Supplier<Runnable> hold)
      throws IOException {
    var request = (HttpRequest) client().newRequest("http://127.0.0.1:" + port);
    request.path(path);
    request.method(x.req().getMethod());
    request.headers(headers -> copy(x, headers, added));
    var length = x.req().getContentLengthLong();
    if (hasBody(x)) {
      request.body(
          new InputStreamRequestContent(
              x.header("Content-Type"), body.again(), ByteBufferPool.SIZED_NON_POOLING) {
            @Override
            public long getLength() {
              return length;
            }
          });
    }
    var conversation = request.getConversation();
    if (Tunnel.wanted(x.req())) request.headers(Forward::upgrade);
    presence.whenGone(() -> request.abort(new IOException("the client has gone")));
    try (var listener = new InputStreamResponseListener()) {
      client().getExecutor().execute(() -> request.send(listener)); // it reads the body, too
      try {
        var response = listener.get(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
        var replay = answer(x, response, listener, back);
        if (response.getStatus() == 101) {
          listener.await(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
          tunnel(x, (EndPoint) conversation.getAttribute(EndPoint.class.getName()), hold.get());
        }
        return replay;
      } catch (ExecutionException e) {
        throw new IOException(e.getCause());
      } catch (InterruptedException | TimeoutException e) {
        Thread.currentThread().interrupt();
        throw new IOException(e);
      } finally {
        request.abort(new IOException("it is over")); // no more than a formality where it is
      }
    }
  }

  static boolean hasBody(Context x) {
    var length = x.req().getContentLengthLong();
    return length > 0 || length < 0 && x.header("Transfer-Encoding") != null;
  }

  /** The client's connection. */
  static EndPoint client(Context x) {
    var request = ServletContextRequest.getServletContextRequest(x.req());
    return request.getConnectionMetaData().getConnection().getEndPoint();
  }

  /** From the end of this answer on, until one side closes. */
  private void tunnel(Context x, EndPoint there, Runnable end) {
    var here = client(x);
    var executor = client().getExecutor();
    var back = new Tunnel(there, here, executor, here::close);
    Runnable over =
        () -> {
          there.close();
          end.run();
        };
    var request = ServletContextRequest.getServletContextRequest(x.req());
    request.setAttribute(
        HttpStream.UPGRADE_CONNECTION_ATTRIBUTE,
        new Tunnel(here, there, executor, over) {
          @Override
          public void onOpen() {
            there.upgrade(back); // not before: until here the answer is on its way
            super.onOpen();
          }
        });
    Request.addCompletionListener(
        request,
        failure -> {
          if (failure != null) over.run();
        });
  }

  private static void copy(Context x, HttpFields.Mutable to, Map<String, String> added) {
    var dropped = ownOf(Collections.list(x.req().getHeaders("Connection")));
    dropped.addAll(List.of("Content-Length", "Expect"));
    dropped.addAll(added.keySet());
    for (var name : Collections.list(x.req().getHeaderNames())) {
      if (dropped.contains(name)) continue;
      for (var value : Collections.list(x.req().getHeaders(name))) to.add(name, value);
    }
    added.forEach(
        (name, value) -> {
          if (value != null) to.put(name, value);
        });
  }

  private static void upgrade(HttpFields.Mutable headers) {
    headers.put("Connection", "Upgrade").put("Upgrade", "websocket");
  }

  /** The headers that end here, those among them that Connection names. */
  private static Set<String> ownOf(List<String> connection) {
    var own = caseless();
    own.addAll(HOP_BY_HOP);
    for (var names : connection) for (var name : names.split(",")) own.add(name.strip());
    return own;
  }

  /** What is done to the headers of an answer. */
  interface Headers {
    void change(HttpFields.Mutable headers);
  }

  private static Replay answer(
      Context x, Response response, InputStreamResponseListener listener, Headers back)
      throws IOException {
    var replay = response.getHeaders().get(Replay.HEADER);
    if (replay != null) return Replay.parse(replay);
    var type = response.getHeaders().get(HttpHeader.CONTENT_TYPE);
    if (type != null && type.startsWith(Replay.TYPE)) {
      return Replay.parseJson(listener.getInputStream().readNBytes(REPLAYED_BODY));
    }
    var headers = HttpFields.build(response.getHeaders());
    var connection = response.getHeaders().getValuesList("Connection");
    for (var name : ownOf(connection)) headers.remove(name);
    back.change(headers);
    x.status(response.getStatus());
    x.res().setContentType(null);
    if (response.getStatus() == 101) upgrade(headers);
    for (HttpField field : headers) {
      if (field.getHeader() != HttpHeader.DATE)
        x.res().addHeader(field.getName(), field.getValue());
      else x.res().setHeader(field.getName(), field.getValue()); // there is one already
    }
    var out = x.res().getOutputStream();
    x.res().flushBuffer();
    if (x.req().getMethod().equals("HEAD")) return null;
    var buffer = new byte[1 << 16];
    var in = listener.getInputStream();
    for (var read = in.read(buffer); read >= 0; read = in.read(buffer)) {
      out.write(buffer, 0, read);
      if (in.available() == 0) out.flush();
    }
    return null;
  }

  @Override
  public synchronized void close() {
    stop(client);
    stop(trusting);
  }

  private static void stop(HttpClient client) {
    if (client == null) return;
    try {
      client.stop();
    } catch (Exception e) {
      // nothing of it is to be kept
    }
  }
}
