import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * An MCP server over Streamable HTTP on a loopback port, with sessions, which misbehaves as
 * planned. Each behaviour planned for a method is done once, in order; after that the server
 * behaves well.
 */
final class FakeMcp implements AutoCloseable {
  static {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.setProperty("sun.net.http.retryPost", "false");
  }

  interface Act {
    void on(Request request) throws Exception;
  }

  final List<Request> requests = new CopyOnWriteArrayList<>();
  final List<String> executed = new CopyOnWriteArrayList<>();

  /** The open GET streams, the newest last. */
  final List<Events> streams = new CopyOnWriteArrayList<>();

  private final java.util.Map<String, Deque<Act>> plans =
      new java.util.concurrent.ConcurrentHashMap<>();
  private final java.util.Map<String, Act> habits = new java.util.concurrent.ConcurrentHashMap<>();
  private final AtomicInteger sessions = new AtomicInteger();
  private final AtomicLong arrivals = new AtomicLong();
  private final ThreadLocal<Long> arrival = new ThreadLocal<>();
  private volatile String session;
  private HttpServer server;
  private ExecutorService threads;
  private final int port = Ports.free();

  FakeMcp() {
    start();
  }

  String url() {
    return "http://127.0.0.1:" + port + "/mcp";
  }

  int port() {
    return port;
  }

  /** Does this the next time that the method comes: a JSON-RPC method, or GET or DELETE. */
  FakeMcp once(String method, Act act) {
    plans.computeIfAbsent(method, any -> new ArrayDeque<>()).add(act);
    return this;
  }

  FakeMcp always(String method, Act act) {
    habits.put(method, act);
    return this;
  }

  /** Forgets every session, as a server that was restarted. */
  void forget() {
    session = null;
  }

  String session() {
    return session;
  }

  /** The received requests, by JSON-RPC method, or GET and DELETE. */
  List<String> methods() {
    return requests.stream().map(request -> request.name).toList();
  }

  List<Request> all(String method) {
    return requests.stream().filter(request -> request.name.equals(method)).toList();
  }

  /** The same, once there is one: a client does not always wait until the server is done. */
  List<Request> some(String method) throws Exception {
    Await.until(() -> !all(method).isEmpty(), () -> method + " is not among " + methods());
    return all(method);
  }

  Events stream() throws Exception {
    Await.until(() -> !streams.isEmpty());
    return streams.get(streams.size() - 1);
  }

  void start() {
    try {
      for (int attempt = 0; ; attempt++) {
        try {
          server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
          break;
        } catch (BindException e) {
          if (attempt == 3_000) throw e;
          Thread.sleep(20);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    threads =
        Executors.newCachedThreadPool(
            work -> {
              var thread = new Thread(work, "fake-mcp");
              thread.setDaemon(true);
              return thread;
            });
    // One thread hears of all requests in their order; those that handle them may overtake.
    server.setExecutor(
        task -> {
          var number = arrivals.incrementAndGet();
          threads.execute(
              () -> {
                arrival.set(number);
                task.run();
              });
        });
    server.createContext("/", this::handle);
    server.start();
  }

  /** Cuts every connection, and refuses new ones. */
  void stop() {
    server.stop(0);
    threads.shutdownNow();
    streams.clear();
  }

  @Override
  public void close() {
    stop();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try {
      var request = new Request(exchange, arrival.get());
      record(request);
      var plan = plans.get(request.name);
      Act act = null;
      if (plan != null) {
        synchronized (plan) {
          act = plan.poll();
        }
      }
      if (act == null) act = habits.get(request.name);
      if (act == null) behave(request);
      else act.on(request);
    } catch (IOException e) {
      exchange.close();
    } catch (Exception e) {
      exchange.close();
      throw new IllegalStateException(e);
    }
  }

  /** Keeps the requests in the order in which they came. */
  private synchronized void record(Request request) {
    var at = requests.size();
    while (at > 0 && requests.get(at - 1).arrival > request.arrival) at--;
    requests.add(at, request);
  }

  /** Answers as a good server does. */
  void behave(Request request) throws Exception {
    var id = request.header("Mcp-Session-Id");
    if (!request.name.equals("initialize") && id != null && !id.equals(session)) {
      request.answer(404, "application/json", error("null", -32001, "Session not found"));
      return;
    }
    switch (request.name) {
      case "initialize" -> {
        newSession(request);
        request.reply(
            "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"serverInfo\":{\"name\":\"fake\"}}");
      }
      case "GET" -> {
        var events = request.events();
        streams.add(events);
        events.closed.await();
      }
      case "DELETE" -> request.answer(200, null, "");
      case "tools/call" -> {
        executed.add(request.body);
        request.reply("{\"content\":[]}");
      }
      default -> {
        if (request.message.has("id") && request.message.has("method")) request.reply("{}");
        else request.answer(202, null, "");
      }
    }
  }

  /** The answer to this request begins a session. */
  void newSession(Request request) {
    session = "session-" + sessions.incrementAndGet();
    request.exchange.getResponseHeaders().set("Mcp-Session-Id", session);
  }

  static String error(String id, int code, String message) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"%s\"}}"
        .formatted(id, code, message);
  }

  /** One request, and the ways to answer it. */
  static final class Request {
    final HttpExchange exchange;
    final String body;
    final JsonNode message;
    private final long arrival;

    /** The JSON-RPC method, {@code reply}, or GET or DELETE. */
    final String name;

    Request(HttpExchange exchange, long arrival) throws IOException {
      this.exchange = exchange;
      this.arrival = arrival;
      body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      var first = body.split("\n", 2)[0]; // a wrap's client may send several
      message = body.isEmpty() ? Fly.JSON.missingNode() : Fly.JSON.readTree(first);
      name =
          exchange.getRequestMethod().equals("POST")
              ? message.path("method").asText("reply")
              : exchange.getRequestMethod();
    }

    String header(String name) {
      return exchange.getRequestHeaders().getFirst(name);
    }

    URI uri() {
      return exchange.getRequestURI();
    }

    String id() {
      return message.path("id").toString();
    }

    void answer(int status, String type, String body) throws IOException {
      if (type != null) exchange.getResponseHeaders().set("Content-Type", type);
      var bytes = body.getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
      if (bytes.length > 0) exchange.getResponseBody().write(bytes);
      exchange.close();
    }

    void retryAfter(int status, String seconds) throws IOException {
      if (seconds != null) exchange.getResponseHeaders().set("Retry-After", seconds);
      answer(status, "text/plain", "not now");
    }

    void reply(String result) throws IOException {
      answer(200, "application/json", result(result));
    }

    String result(String result) {
      return "{\"jsonrpc\":\"2.0\",\"id\":" + id() + ",\"result\":" + result + "}";
    }

    Events events() throws IOException {
      exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
      exchange.sendResponseHeaders(200, 0);
      exchange.getResponseBody().flush();
      return new Events(exchange);
    }

    /** Closes the connection without an answer. */
    void cut() {
      exchange.close();
    }
  }

  /** An open stream. */
  static final class Events {
    private final HttpExchange exchange;
    private final OutputStream out;
    private final CountDownLatch closed = new CountDownLatch(1);

    Events(HttpExchange exchange) {
      this.exchange = exchange;
      this.out = exchange.getResponseBody();
    }

    Events raw(String text) throws IOException {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
      return this;
    }

    Events event(String data) throws IOException {
      return raw("event: message\ndata: " + data + "\n\n");
    }

    Events event(String id, String data) throws IOException {
      return raw("id: " + id + "\ndata: " + data + "\n\n");
    }

    /** Ends it as it should end. */
    void end() throws IOException {
      out.close();
      exchange.close();
      closed.countDown();
    }

    /** Breaks it off. */
    void cut() {
      exchange.close();
      closed.countDown();
    }

    void await(long millis) throws InterruptedException {
      closed.await(millis, TimeUnit.MILLISECONDS);
    }
  }
}
