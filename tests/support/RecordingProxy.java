import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Stands on loopback in front of a server, and writes down what goes through, whole. */
final class RecordingProxy implements AutoCloseable {
  /**
   * Headers of the connection, not of the message; and no compression, which would hide the body.
   */
  private static final Set<String> HOP =
      Set.of(
          "accept-encoding",
          "connection",
          "content-length",
          "host",
          "transfer-encoding",
          "upgrade",
          "http2-settings");

  static {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // 40 ms a request without it
  }

  /**
   * @param query as sent, or null
   * @param request the body, empty if there was none
   * @param answer the body, empty if there was none
   */
  record Exchange(
      String method, String path, String query, String request, int status, String answer) {}

  private final List<Exchange> exchanges = new CopyOnWriteArrayList<>();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            var thread = new Thread(task, "recording-proxy");
            thread.setDaemon(true);
            return thread;
          });
  private final HttpServer server;
  private final String target;

  /**
   * @param target its address, without a path
   */
  RecordingProxy(String target) throws IOException {
    this.target = target.replaceFirst("/+$", "");
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::pass);
    server.setExecutor(threads);
    server.start();
  }

  String url() {
    return "http://localhost:" + server.getAddress().getPort();
  }

  /** All exchanges so far, in the order in which they ended. */
  List<Exchange> exchanges() {
    return List.copyOf(exchanges);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void pass(HttpExchange exchange) throws IOException {
    try (exchange) {
      var uri = exchange.getRequestURI();
      var sent = exchange.getRequestBody().readAllBytes();
      var request =
          HttpRequest.newBuilder(URI.create(target + uri))
              .method(
                  exchange.getRequestMethod(),
                  sent.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(sent));
      exchange
          .getRequestHeaders()
          .forEach(
              (name, values) -> {
                if (HOP.contains(name.toLowerCase())) return;
                values.forEach(value -> request.header(name, value));
              });
      var answer = client.send(request.build(), BodyHandlers.ofByteArray());
      exchanges.add(
          new Exchange(
              exchange.getRequestMethod(),
              uri.getRawPath(),
              uri.getRawQuery(),
              new String(sent, StandardCharsets.UTF_8),
              answer.statusCode(),
              new String(answer.body(), StandardCharsets.UTF_8)));
      answer
          .headers()
          .map()
          .forEach(
              (name, values) -> {
                if (name.startsWith(":") || HOP.contains(name.toLowerCase())) return;
                values.forEach(value -> exchange.getResponseHeaders().add(name, value));
              });
      exchange.sendResponseHeaders(
          answer.statusCode(), answer.body().length == 0 ? -1 : answer.body().length);
      exchange.getResponseBody().write(answer.body());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed meanwhile
    }
  }
}
