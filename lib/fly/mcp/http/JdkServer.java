//SOURCES Exchange.java
package fly.mcp.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Requests that come through the JDK's own HTTP server. */
public record JdkServer(HttpExchange exchange) implements Exchange {
  static {
    // Without it JDK 17 holds back every small answer for 40 ms.
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  /** Who answers. */
  public interface Handler {
    void handle(Exchange exchange) throws IOException;
  }

  /** A server that has started; each request has a thread, which is cheap while it waits. */
  public static HttpServer serve(InetSocketAddress address, Handler handler) throws IOException {
    var server = HttpServer.create(address, 128);
    server.createContext(
        "/",
        exchange -> {
          try {
            handler.handle(new JdkServer(exchange));
          } finally {
            exchange.close();
          }
        });
    server.setExecutor(
        new ThreadPoolExecutor(
            4,
            Integer.MAX_VALUE,
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> {
              var thread = new Thread(null, task, "mcp-http", 1 << 18);
              thread.setDaemon(true);
              return thread;
            }));
    server.start();
    return server;
  }

  @Override
  public String method() {
    return exchange.getRequestMethod();
  }

  @Override
  public String path() {
    return exchange.getRequestURI().getRawPath();
  }

  @Override
  public String query() {
    return exchange.getRequestURI().getRawQuery();
  }

  @Override
  public String header(String name) {
    return exchange.getRequestHeaders().getFirst(name);
  }

  @Override
  public List<String> headers(String name) {
    return exchange.getRequestHeaders().getOrDefault(name, List.of());
  }

  @Override
  public InputStream body() {
    return exchange.getRequestBody();
  }

  @Override
  public OutputStream respond(int status, Map<String, String> headers) throws IOException {
    headers.forEach(exchange.getResponseHeaders()::set);
    var empty = status == 202 || status == 204 || method().equals("HEAD");
    exchange.sendResponseHeaders(status, empty ? -1 : 0);
    return exchange.getResponseBody();
  }
}
