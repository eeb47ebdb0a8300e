//SOURCES ../http/AccessGuard.java ../http/Exchange.java ../message/JsonRpcHead.java ../message/JsonRpcMessage.java
//SOURCES ../message/LineReader.java ../message/SpooledBody.java ClientSession.java McpProgram.java ReplayStream.java
//SOURCES SharedProgram.java StdioProgram.java
package fly.mcp.wrap;

import fly.mcp.http.AccessGuard;
import fly.mcp.http.Exchange;
import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.LineReader;
import fly.mcp.message.SpooledBody;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Puts a stdio MCP program behind HTTP. One address serves two protocols:
 *
 * <ul>
 *   <li>Streamable HTTP (MCP 2025-03-26 to 2025-11-25), each session with a program of its own;
 *   <li>the protocol of {@code fly mcp wrap} (superfly/flyctl, internal/command/mcp/wrap.go): lines
 *       in by POST, lines out on one open GET, all for one program.
 * </ul>
 */
public final class HttpBridge implements AutoCloseable {
  private static final List<String> VERSIONS =
      List.of("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25");

  /** Its clients, and none since, may send several messages as one array. */
  private static final String BATCHES = "2025-03-26";

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int MOST_SESSIONS = 256;
  private static final long MOST_DRAINED = 256 << 20;
  private static final int SERVER_ERROR = -32000;
  private static final int INVALID_REQUEST = -32600;
  private static final int PARSE_ERROR = -32700;

  /** Which protocol a client speaks. */
  public enum Protocol {
    /** Told by its requests: see {@link HttpBridge#streamable}. */
    AUTO,
    STREAMABLE,
    WRAP
  }

  /**
   * @param command the program and its arguments
   * @param bodyLimit bytes that a POST may have
   * @param idle how long an unused session is kept
   * @param heartbeat how long a stream may be silent
   * @param grace how long a program has to end, after the end of its input and after SIGTERM
   * @param shared whether all sessions have the same program, instead of one each
   * @param restart whether a program that ended by itself is started again on the next request
   * @param log takes lines for people
   * @param trace takes a line for each message of a client, and for each answer's status
   */
  public record Config(
      List<String> command,
      Protocol protocol,
      AccessGuard guard,
      long bodyLimit,
      Duration idle,
      Duration heartbeat,
      Duration grace,
      boolean shared,
      boolean restart,
      Consumer<String> log,
      Consumer<String> trace) {}

  private final Config config;
  private final Map<String, ClientSession> sessions = new ConcurrentHashMap<>();

  /** Sessions that are over, whose programs may still be there. */
  private final Set<ClientSession> ending = ConcurrentHashMap.newKeySet();

  private final AtomicInteger requests = new AtomicInteger();
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile int exitCode;
  private StdioProgram spare;
  private StdioProgram sharedChild;
  private SharedProgram shared;
  private ClientSession wrap;
  private volatile boolean closed;

  /**
   * Starts a first program at once, so that the first client need not wait for it.
   *
   * @throws IOException where there is no such command
   */
  public HttpBridge(Config config) throws IOException {
    this(config, StdioProgram.launch(config.command()));
  }

  /** With a first program that has been started already, by {@link #launch}. */
  public HttpBridge(Config config, Process first) {
    this.config = config;
    this.spare = new StdioProgram(first, config.log());
    watch(spare);
    var reaper = Executors.newSingleThreadScheduledExecutor(HttpBridge::daemon);
    var period = Math.max(100, Math.min(10_000, config.idle().toMillis() / 4));
    reaper.scheduleWithFixedDelay(this::reap, period, period, TimeUnit.MILLISECONDS);
  }

  private static Thread daemon(Runnable task) {
    var thread = new Thread(task, "mcp-sessions");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Starts a program for a bridge that is yet to come.
   *
   * @throws IOException where there is no such command
   */
  public static Process launch(List<String> command) throws IOException {
    var program = StdioProgram.launch(command);
    daemon(HttpBridge::warmUp).start();
    return program;
  }

  /** Loads, beside what else goes on, the classes that the first request would wait for. */
  private static void warmUp() {
    try (var message = JsonRpcMessage.error(newId(), SERVER_ERROR, "")) {
      message.head();
    } catch (IOException e) {
      // the first request tells
    }
  }

  /** Ends such a program, where there is no bridge after all. */
  public static void discard(Process program) {
    new StdioProgram(program, line -> {}).stop(Duration.ofSeconds(2));
  }

  /** Waits until the program has ended by itself and is not started again; its exit code. */
  public int await() throws InterruptedException {
    over.await();
    return exitCode;
  }

  // ---- Requests

  /** Answers one request; a stream lasts until its client goes or all is said. */
  public void handle(Exchange exchange) throws IOException {
    requests.incrementAndGet();
    try {
      route(exchange);
    } catch (Refusal refusal) {
      refuse(exchange, refusal);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      requests.decrementAndGet();
    }
  }

  private void route(Exchange exchange) throws IOException, InterruptedException {
    var objection = config.guard().objection(exchange);
    if (objection != null) throw new Refusal(403, SERVER_ERROR, objection);
    var method = exchange.method();
    if (exchange.path().equals("/healthz")) {
      health(exchange);
      return;
    }
    if (method.equals("OPTIONS")) {
      options(exchange); // a browser asks that before it sends credentials
      return;
    }
    if (!config.guard().authorized(exchange)) {
      throw new Refusal(401, SERVER_ERROR, "this MCP server asks for credentials")
          .with("WWW-Authenticate", config.guard().challenge());
    }
    var streamable = streamable(exchange);
    switch (method) {
      case "POST" -> {
        requireJson(exchange);
        requireLength(exchange);
        if (streamable) post(exchange);
        else postLines(exchange);
      }
      case "GET" -> {
        if (streamable) get(exchange);
        else if (exchange.fromBrowser()) greet(exchange);
        else getLines(exchange);
      }
      case "DELETE" -> delete(exchange);
      default ->
          throw new Refusal(405, SERVER_ERROR, "GET, POST and DELETE are for MCP")
              .with("Allow", "GET, POST, DELETE");
    }
  }

  /**
   * Whether a request is of Streamable HTTP: it carries Mcp-Session-Id or MCP-Protocol-Version; or
   * it is a POST that accepts both JSON and event streams, as only that protocol's must; or it is a
   * GET that accepts event streams and neither JSON nor everything, as no client of the wrap
   * protocol does. Flyctl's client tells who it is.
   */
  private boolean streamable(Exchange exchange) {
    if (config.protocol() != Protocol.AUTO) return config.protocol() == Protocol.STREAMABLE;
    if (exchange.header("Mcp-Session-Id") != null) return true;
    if (exchange.header("MCP-Protocol-Version") != null) return true;
    var agent = exchange.header("User-Agent");
    if (agent != null && agent.startsWith("mcp-bridge-client")) return false;
    var json = accepts(exchange, "application/json");
    var events = accepts(exchange, "text/event-stream");
    if (exchange.method().equals("POST")) return json && events;
    return events && !json && !accepts(exchange, "*/*");
  }

  private static boolean accepts(Exchange exchange, String type) {
    for (var header : exchange.headers("Accept")) {
      for (var range : header.split(",")) {
        if (range.split(";")[0].strip().equalsIgnoreCase(type)) return true;
      }
    }
    return false;
  }

  /** A page of an origin that may come has to be told so, or its browser keeps it out (CORS). */
  private OutputStream respond(Exchange exchange, int status, Map<String, String> headers)
      throws IOException {
    config.trace().accept(exchange.method() + " " + exchange.path() + ": " + status);
    var origin = exchange.header("Origin");
    if (origin == null || status == 403) return exchange.respond(status, headers);
    var more = new LinkedHashMap<>(headers);
    more.put("Access-Control-Allow-Origin", origin);
    more.put("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate");
    more.put("Vary", "Origin");
    return exchange.respond(status, more);
  }

  private void trace(JsonRpcMessage message) throws IOException {
    for (var head : message.head().all()) config.trace().accept("-> " + head);
  }

  private void options(Exchange exchange) throws IOException {
    var headers = new LinkedHashMap<>(Map.of("Allow", "GET, POST, DELETE"));
    var wanted = exchange.header("Access-Control-Request-Headers");
    if (exchange.header("Origin") != null) {
      headers.put("Access-Control-Allow-Methods", "GET, POST, DELETE");
      if (wanted != null) headers.put("Access-Control-Allow-Headers", wanted);
    }
    respond(exchange, 204, headers).close();
  }

  private void greet(Exchange exchange) throws IOException {
    try (var out = respond(exchange, 200, Map.of("Content-Type", "text/plain"))) {
      out.write(bytes("An MCP server: MCP clients understand it, browsers do not.\n"));
    }
  }

  private void health(Exchange exchange) throws IOException {
    if (!List.of("GET", "HEAD").contains(exchange.method())) {
      throw new Refusal(405, SERVER_ERROR, "GET tells the health").with("Allow", "GET, HEAD");
    }
    String trouble;
    synchronized (this) {
      trouble = closed || exitCode != 0 ? "the MCP server has ended" : null;
      if (trouble == null && wrap != null && wrap.over()) trouble = wrap.ending();
      if (trouble == null && shared != null && shared.over()) trouble = sharedChild.ending();
      if (trouble == null && spare != null && !spare.alive()) trouble = spare.ending();
    }
    if (trouble != null) {
      // Its last words may be a secret.
      var told = config.guard().authorized(exchange) ? trouble : "the MCP server has ended";
      throw new Refusal(503, SERVER_ERROR, told);
    }
    try (var out = respond(exchange, 200, Map.of("Content-Type", "application/json"))) {
      if (!exchange.method().equals("HEAD")) out.write(bytes("{\"status\":\"ok\"}\n"));
    }
  }

  // ---- Streamable HTTP

  private void post(Exchange exchange) throws IOException, InterruptedException {
    if (!accepts(exchange, "*/*")
        && !(accepts(exchange, "application/json") && accepts(exchange, "text/event-stream"))) {
      throw new Refusal(406, SERVER_ERROR, "accept application/json and text/event-stream");
    }
    try (var message = JsonRpcMessage.whole(body(exchange))) {
      var head = message.head();
      head.all().forEach(HttpBridge::requireMessage);
      trace(message);
      if (head.kind == JsonRpcHead.Kind.REQUEST && head.is("initialize")) {
        initialize(exchange, message);
        return;
      }
      var session = session(exchange);
      var version = exchange.header("MCP-Protocol-Version");
      if (head.kind == JsonRpcHead.Kind.BATCH && version != null && !version.equals(BATCHES)) {
        throw new Refusal(400, INVALID_REQUEST, "batches are of " + BATCHES + " alone");
      }
      if (head.all().stream().anyMatch(one -> one.kind == JsonRpcHead.Kind.REQUEST)) {
        request(exchange, session, message.parts(), version, Map.of());
      } else {
        for (var part : message.parts()) session.pass(part);
        respond(exchange, 202, Map.of()).close();
      }
    }
  }

  private void initialize(Exchange exchange, JsonRpcMessage message)
      throws IOException, InterruptedException {
    var given = exchange.header("Mcp-Session-Id");
    if (given != null) {
      throw new Refusal(400, INVALID_REQUEST, "a session is initialized once, without its id");
    }
    if (sessions.size() >= MOST_SESSIONS) {
      throw new Refusal(503, SERVER_ERROR, "there are too many sessions").with("Retry-After", "10");
    }
    var id = newId();
    var session = newSession(id);
    sessions.put(id, session);
    request(
        exchange, session, List.of(message), message.head().wanted, Map.of("Mcp-Session-Id", id));
  }

  private static String newId() {
    var bytes = new byte[24];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private void request(
      Exchange exchange,
      ClientSession session,
      List<JsonRpcMessage> messages,
      String version,
      Map<String, String> more)
      throws IOException, InterruptedException {
    var stream = session.request(messages);
    if (stream == null) {
      throw new Refusal(400, INVALID_REQUEST, "a request with this id waits for its reply");
    }
    var reader = stream.take(false);
    var out = respond(exchange, 200, events(more));
    try (out) {
      // Older clients take an event without data for a broken one.
      if (version != null && version.compareTo("2025-11-25") >= 0) stream.prime(out);
      stream.serve(reader, out, ReplayStream.Format.EVENTS, -1);
    }
    session.used();
  }

  private void get(Exchange exchange) throws IOException, InterruptedException {
    if (!accepts(exchange, "text/event-stream") && !accepts(exchange, "*/*")) {
      throw new Refusal(406, SERVER_ERROR, "accept text/event-stream");
    }
    var session = session(exchange);
    var after = exchange.header("Last-Event-ID");
    var stream = session.standing;
    var number = -1L;
    if (after != null) {
      var parts = after.split("-", 2);
      stream = session.stream(parts[0]);
      if (stream == null || parts.length != 2 || !parts[1].matches("\\d{1,18}")) {
        throw new Refusal(400, INVALID_REQUEST, "the event " + after + " is not known any more");
      }
      number = Long.parseLong(parts[1]);
    }
    var reader = stream.take(after != null);
    if (reader == null) {
      throw new Refusal(
          409, SERVER_ERROR, "the session has an open stream: there is one at a time");
    }
    try (var out = respond(exchange, 200, events(Map.of()))) {
      stream.serve(reader, out, ReplayStream.Format.EVENTS, number);
    }
    session.used();
  }

  private void delete(Exchange exchange) throws IOException {
    var session = session(exchange);
    end(session);
    respond(exchange, 204, Map.of()).close();
  }

  private ClientSession session(Exchange exchange) {
    var version = exchange.header("MCP-Protocol-Version");
    if (version != null && !VERSIONS.contains(version)) {
      throw new Refusal(
          400,
          SERVER_ERROR,
          "the protocol version %s is not supported; these are: %s"
              .formatted(version, String.join(", ", VERSIONS)));
    }
    var id = exchange.header("Mcp-Session-Id");
    if (id == null) throw new Refusal(400, SERVER_ERROR, "there is no Mcp-Session-Id header");
    var session = sessions.get(id);
    if (session == null || session.over())
      throw new Refusal(404, SERVER_ERROR, "the session has ended: initialize");
    session.used();
    return session;
  }

  private static Map<String, String> events(Map<String, String> more) {
    var headers = new LinkedHashMap<>(more);
    headers.put("Content-Type", "text/event-stream");
    headers.put("Cache-Control", "no-cache, no-transform");
    headers.put("X-Accel-Buffering", "no");
    return headers;
  }

  // ---- The wrap protocol

  /** What is wrong with one line is found before the first of them goes on. */
  private void postLines(Exchange exchange) throws IOException {
    try (var lines = new SpooledBody(body(exchange))) {
      var some = false;
      var check = new LineReader(lines.open());
      for (var more = true; more; some |= more) {
        try (var message = check.next()) {
          more = message != null;
          if (more) message.head().all().forEach(HttpBridge::requireMessage);
        }
      }
      if (some) pass(new LineReader(lines.open()), wrapSession());
    }
    respond(exchange, 202, Map.of()).close();
  }

  private void pass(LineReader lines, ClientSession session) throws IOException {
    while (true) {
      try (var message = lines.next()) {
        if (message == null) return;
        trace(message);
        for (var part : message.parts()) session.requestOnStanding(part);
      }
    }
  }

  private void getLines(Exchange exchange) throws IOException, InterruptedException {
    var stream = wrapSession().standing;
    var reader = stream.take(false);
    if (reader == null) {
      throw new Refusal(409, SERVER_ERROR, "another client is connected: there is one at a time");
    }
    var headers = Map.of("Content-Type", "text/event-stream", "Cache-Control", "no-cache");
    try (var out = respond(exchange, 200, headers)) {
      stream.serve(reader, out, ReplayStream.Format.LINES, -1);
    }
  }

  private synchronized ClientSession wrapSession() throws IOException {
    if (wrap != null && wrap.over() && !config.restart()) {
      throw new Refusal(502, SERVER_ERROR, wrap.ending());
    }
    if (wrap == null || wrap.over()) wrap = newSession(null);
    return wrap;
  }

  // ---- Programs

  private ClientSession newSession(String id) throws IOException {
    return new ClientSession(
        id, program(), config.heartbeat(), !config.shared(), config.log(), this::ended);
  }

  private synchronized McpProgram program() throws IOException {
    if (closed) throw new Refusal(503, SERVER_ERROR, "this MCP server is going down");
    if (!config.shared()) return child();
    if (shared != null && shared.over() && !config.restart()) {
      throw new Refusal(502, SERVER_ERROR, sharedChild.ending());
    }
    if (shared == null || shared.over()) {
      sharedChild = child();
      shared = new SharedProgram(sharedChild);
    }
    return shared.part();
  }

  private StdioProgram child() {
    var ready = spare;
    spare = null;
    if (ready != null && ready.alive()) return ready;
    try {
      return new StdioProgram(StdioProgram.launch(config.command()), config.log());
    } catch (IOException e) {
      throw new Refusal(502, SERVER_ERROR, "the MCP server cannot be started: " + e.getMessage());
    }
  }

  /** One that ends before anybody asked for it would end for the next client too. */
  private void watch(StdioProgram child) {
    daemon(
            () -> {
              try {
                var code = child.exitCode();
                synchronized (this) {
                  if (child != spare || !child.crashed()) return;
                }
                config.log().accept(child.ending());
                if (!config.restart()) over(code);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            })
        .start();
  }

  private void over(int code) {
    exitCode = code == 0 ? 1 : code;
    over.countDown();
  }

  private void ended(ClientSession session) {
    if (session.id != null) sessions.remove(session.id);
    if (!session.child.crashed()) return;
    config.log().accept(session.ending());
    if ((session.id == null || config.shared()) && !config.restart()) {
      try {
        TimeUnit.MILLISECONDS.sleep(200); // so that the clients hear of it
        over(session.child.exitCode());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void end(ClientSession session) {
    ending.add(session);
    if (session.id != null) sessions.remove(session.id);
    session.child.stop(config.grace());
    session.ended("the session has ended");
    session.forget();
    ending.remove(session);
  }

  private void reap() {
    for (var session : List.copyOf(sessions.values())) {
      // Beside each other: a program may take as long as it is given.
      if (session.idle(config.idle().toNanos()) && ending.add(session)) {
        daemon(() -> end(session)).start();
      }
    }
  }

  /** Ends all programs, each with all that it started, and with them the streams. */
  @Override
  public void close() {
    var stopping = new ArrayList<Thread>();
    synchronized (this) {
      closed = true;
      if (spare != null) {
        var unused = spare;
        stopping.add(new Thread(() -> unused.stop(config.grace())));
      }
      if (sharedChild != null) stopping.add(new Thread(() -> sharedChild.stop(config.grace())));
      if (wrap != null) stopping.add(new Thread(() -> end(wrap)));
    }
    var all = new LinkedHashSet<>(sessions.values());
    all.addAll(ending); // who ends them may not live to see it
    for (var session : all) stopping.add(new Thread(() -> end(session)));
    stopping.forEach(Thread::start);
    try {
      for (var thread : stopping) thread.join();
      // Who asked hears that there will be no reply.
      for (var i = 0; i < 50 && requests.get() > 0; i++) Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    over.countDown();
  }

  // ---- Refusals

  private static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    final int status;
    final int code;
    final transient Map<String, String> headers = new LinkedHashMap<>();

    Refusal(int status, int code, String reason) {
      super(reason, null, false, false);
      this.status = status;
      this.code = code;
      headers.put("Content-Type", "application/json");
    }

    Refusal with(String name, String value) {
      headers.put(name, value);
      return this;
    }
  }

  private static void requireJson(Exchange exchange) {
    var type = exchange.header("Content-Type");
    if (type == null || !type.split(";")[0].strip().equalsIgnoreCase("application/json")) {
      throw new Refusal(415, SERVER_ERROR, "the Content-Type must be application/json");
    }
    var coding = exchange.header("Content-Encoding");
    if (coding != null && !coding.strip().equalsIgnoreCase("identity")) {
      throw new Refusal(415, SERVER_ERROR, "the Content-Encoding must be identity")
          .with("Accept-Encoding", "identity");
    }
  }

  private void requireLength(Exchange exchange) {
    var length = exchange.header("Content-Length");
    if (length != null && length.matches("\\d{1,18}")) {
      if (Long.parseLong(length) > config.bodyLimit()) throw tooLong();
    }
  }

  /** No more of it than a request may have. */
  private InputStream body(Exchange exchange) throws IOException {
    return new FilterInputStream(exchange.body()) {
      private long left = config.bodyLimit();

      @Override
      public int read(byte[] target, int start, int count) throws IOException {
        var length = super.read(target, start, count);
        if (length > 0) left -= length;
        if (left < 0) throw tooLong();
        return length;
      }
    };
  }

  private Refusal tooLong() {
    var reason = "the body is longer than " + config.bodyLimit() + " bytes";
    return new Refusal(413, INVALID_REQUEST, reason);
  }

  private static void requireMessage(JsonRpcHead head) {
    if (head.kind == JsonRpcHead.Kind.BROKEN)
      throw new Refusal(400, PARSE_ERROR, "the body is not JSON");
    if (head.kind.isOne() && head.versioned) return;
    throw new Refusal(400, INVALID_REQUEST, "the body is no JSON-RPC message");
  }

  private void refuse(Exchange exchange, Refusal refusal) throws IOException {
    try (var out = respond(exchange, refusal.status, refusal.headers)) {
      if (exchange.method().equals("HEAD")) return;
      out.write(bytes(JsonRpcMessage.errorJson("null", refusal.code, refusal.getMessage()) + "\n"));
      out.flush();
      drain(exchange);
    }
  }

  /** A client that is still sending would see a reset, and not the answer; but it has to end. */
  private static void drain(Exchange exchange) throws IOException {
    var buffer = new byte[1 << 16];
    var length = 0L;
    for (var n = 0; n >= 0 && length < MOST_DRAINED; n = exchange.body().read(buffer)) length += n;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
