//SOURCES DisconnectWatch.java FlyReplay.java ReplayableBody.java WebSocketTunnel.java ../http/JettyConnection.java
//SOURCES ../http/ProgramClients.java
package fly.sandbox.edge;

import fly.sandbox.http.JettyConnection;
import fly.sandbox.http.ProgramClients;
import io.javalin.http.Context;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.eclipse.jetty.client.InputStreamRequestContent;
import org.eclipse.jetty.client.InputStreamResponseListener;
import org.eclipse.jetty.client.Response;
import org.eclipse.jetty.client.transport.HttpRequest;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;

/**
 * Passes HTTP requests to the programs of Machines, and the answers to the clients. Bodies of any
 * size stream in both directions at once.
 */
public final class ReverseProxy {
  /** Headers of a single connection: RFC 9110, 7.6.1. */
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

  private final ProgramClients clients;

  public ReverseProxy(ProgramClients clients) {
    this.clients = clients;
  }

  private static Set<String> caseless(String... names) {
    var set = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    Collections.addAll(set, names);
    return set;
  }

  /**
   * Sends a request to a port of this computer, and its answer to the client.
   *
   * @param path with the query
   * @param added headers that replace the client's headers of the same names; null removes one
   * @param back edits the response headers
   * @param watch ends the request when the client disconnects
   * @param hold called when a WebSocket begins; its result is run at the end of the WebSocket
   * @return the replay that the app requests instead of answering; or null
   * @throws IOException if the program cannot be reached, or closes before it answers
   */
  FlyReplay pass(
      Context x,
      ReplayableBody body,
      int port,
      String path,
      Map<String, String> added,
      Headers back,
      DisconnectWatch watch,
      Supplier<Runnable> hold)
      throws IOException {
    var request = (HttpRequest) clients.client().newRequest("http://127.0.0.1:" + port);
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
    if (WebSocketTunnel.wanted(x.req())) request.headers(ReverseProxy::upgrade);
    watch.whenDisconnected(() -> request.abort(new IOException("the client has disconnected")));
    try (var listener = new InputStreamResponseListener()) {
      clients
          .client()
          .getExecutor()
          .execute(() -> request.send(listener)); // sending reads the body
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
        request.abort(new IOException("the request is over")); // does nothing if it has ended
      }
    }
  }

  static boolean hasBody(Context x) {
    var length = x.req().getContentLengthLong();
    return length > 0 || length < 0 && x.header("Transfer-Encoding") != null;
  }

  /** Joins both connections at the end of this answer, until one side closes. */
  private void tunnel(Context x, EndPoint there, Runnable end) {
    var here = JettyConnection.client(x);
    var executor = clients.client().getExecutor();
    var back = new WebSocketTunnel(there, here, executor, here::close);
    Runnable over =
        () -> {
          there.close();
          end.run();
        };
    var request = JettyConnection.request(x);
    request.setAttribute(
        HttpStream.UPGRADE_CONNECTION_ATTRIBUTE,
        new WebSocketTunnel(here, there, executor, over) {
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

  /** The hop-by-hop headers, with those that Connection names. */
  private static Set<String> ownOf(List<String> connection) {
    var own = caseless();
    own.addAll(HOP_BY_HOP);
    for (var names : connection) for (var name : names.split(",")) own.add(name.strip());
    return own;
  }

  /** Edits the response headers. */
  interface Headers {
    void change(HttpFields.Mutable headers);
  }

  private static FlyReplay answer(
      Context x, Response response, InputStreamResponseListener listener, Headers back)
      throws IOException {
    var replay = response.getHeaders().get(FlyReplay.HEADER);
    if (replay != null) return FlyReplay.parse(replay);
    var type = response.getHeaders().get(HttpHeader.CONTENT_TYPE);
    if (type != null && type.startsWith(FlyReplay.TYPE)) {
      return FlyReplay.parseJson(listener.getInputStream().readNBytes(ReplayableBody.MOST));
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
      else x.res().setHeader(field.getName(), field.getValue()); // the server has set one
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
}
