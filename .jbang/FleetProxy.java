//SOURCES ../lib/fly/Fly.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands before a sandbox: counts its 429s and the time of its creates, and on demand answers with
 * faults and with lists that do not show what was created in the last seconds.
 */
final class FleetProxy implements AutoCloseable {
  final AtomicInteger limited = new AtomicInteger();
  volatile long firstCreate;
  volatile long lastCreate;
  volatile double faults;
  volatile long lagMs;

  private final HttpServer server;
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final String target;
  private final Map<String, Long> created = new ConcurrentHashMap<>();
  private final Random random = new Random(16);

  FleetProxy(String target) throws IOException {
    this.target = target;
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 256);
    server.setExecutor(
        Executors.newCachedThreadPool(
            task -> {
              var thread = new Thread(task);
              thread.setDaemon(true);
              return thread;
            }));
    server.createContext("/", this::serve);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      var body = exchange.getRequestBody().readAllBytes();
      var method = exchange.getRequestMethod();
      var path = exchange.getRequestURI().toString();
      var create = method.equals("POST") && path.matches("/v1/apps/[^/]+/(machines|volumes)");
      if (create && path.endsWith("machines") && firstCreate == 0) firstCreate = System.nanoTime();
      var fault = fault();
      if (fault == 1) {
        send(exchange, 503, "{\"error\": \"a fault\"}");
        return;
      }
      if (fault == 2) {
        send(exchange, 429, "{\"error\": \"rate limit exceeded\"}");
        return;
      }
      var answer = forward(exchange, method, path, body);
      if (answer.statusCode() == 429) limited.incrementAndGet();
      var text = answer.body();
      if (create && answer.statusCode() < 300) {
        created.put(Fly.JSON.readTree(text).path("id").asText(), System.nanoTime());
        if (path.endsWith("machines")) lastCreate = System.nanoTime();
      }
      if (fault == 3) return; // closed without an answer, after the effect
      if (fault == 4) {
        send(exchange, 408, "{\"error\": \"deadline_exceeded: a fault\"}");
        return;
      }
      var list = method.equals("GET") && path.matches("/v1/apps/[^/]+/(machines|volumes)(\\?.*)?");
      send(exchange, answer.statusCode(), list && lagMs > 0 ? lagging(text) : text);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized int fault() {
    return random.nextDouble() < faults ? 1 + random.nextInt(4) : 0;
  }

  private HttpResponse<String> forward(
      HttpExchange exchange, String method, String path, byte[] body)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create(target + path))
            .method(
                method,
                body.length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body));
    for (var name : new String[] {"Authorization", "Content-Type", "fly-machine-lease-nonce"}) {
      var value = exchange.getRequestHeaders().getFirst(name);
      if (value != null) request.header(name, value);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** The list as it was some time ago, as far as creations go. */
  private String lagging(String text) throws IOException {
    JsonNode all = Fly.JSON.readTree(text);
    if (!all.isArray()) return text;
    ArrayNode shown = Fly.JSON.createArrayNode();
    for (var thing : all) {
      var at = created.get(thing.path("id").asText());
      if (at == null || System.nanoTime() - at > lagMs * 1_000_000) shown.add(thing);
    }
    return shown.toString();
  }

  private static void send(HttpExchange exchange, int status, String text) throws IOException {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
