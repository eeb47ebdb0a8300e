//SOURCES Exchange.java RequestWorkers.java
package fly.mcp.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;

/** The JDK's own HTTP server. */
public final class JdkServer implements AutoCloseable {
  private static final int MOST_CONNECTIONS = 4096;

  static {
    // Without this JDK 17 delays each small answer by 40 ms.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    // Obeyed by newer JDKs only.
    System.setProperty("jdk.httpserver.maxConnections", String.valueOf(MOST_CONNECTIONS));
  }

  /** Answers requests. */
  public interface Handler {
    void handle(Exchange exchange) throws IOException;
  }

  private final HttpServer server;
  private final RequestWorkers workers = new RequestWorkers();

  private JdkServer(InetSocketAddress address, Handler handler) throws IOException {
    server = HttpServer.create(address, 128);
    server.createContext(
        "/",
        exchange -> {
          try {
            workers.headIsRead();
            handler.handle(new JdkExchange(exchange));
          } finally {
            exchange.close();
          }
        });
    server.setExecutor(workers);
    server.start();
  }

  /**
   * Starts a server.
   *
   * @throws IOException if the address is in use
   */
  public static JdkServer serve(InetSocketAddress address, Handler handler) throws IOException {
    return new JdkServer(address, handler);
  }

  public int port() {
    return server.getAddress().getPort();
  }

  /** Closes all connections. */
  @Override
  public void close() {
    server.stop(0);
    workers.stop();
  }

  private record JdkExchange(HttpExchange exchange) implements Exchange {
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
}
