import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/**
 * A stand-in for Fly.io on a raw socket, which can do to a connection what no HTTP server does. It
 * knows one app with one Machine and one volume, and answers by path.
 */
final class FaultyFly implements AutoCloseable {
  static final String APP = "mcp-demo";
  static final String MACHINE = "148ed127f22387";
  static final String VOLUME = "vol_4m5k8d1x9z2c7b3v";

  /** One request, and what became of it. */
  record Sent(String method, String path, String body, boolean faulty) {
    boolean write() {
      return !method.equals("GET") && !(path.startsWith("/graphql") && body.contains("\"query"))
          || body.contains("mutation");
    }
  }

  /** Sends an answer, or what a broken server sends instead of one. */
  interface Fault {
    void answer(Socket line, OutputStream out) throws IOException, InterruptedException;
  }

  private final ServerSocket server;
  private final List<Sent> sent = new CopyOnWriteArrayList<>();
  private volatile Fault fault;
  private volatile Predicate<Sent> when = request -> false;
  private volatile String state = "started";
  private volatile boolean destroyed;

  FaultyFly() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    start(this::accept);
  }

  String url() {
    return "http://127.0.0.1:" + server.getLocalPort();
  }

  /** Begins anew: the Machine in this state, and this fault for the requests that it is for. */
  void begin(String machineState, Fault next, Predicate<Sent> requests) {
    sent.clear();
    state = machineState;
    destroyed = false;
    fault = next;
    when = requests;
  }

  List<Sent> sent() {
    return List.copyOf(sent);
  }

  @Override
  public void close() throws IOException {
    server.close();
  }

  private static void start(Runnable work) {
    var thread = new Thread(work, "faulty-fly");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        var line = server.accept();
        start(() -> serve(line));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket line) {
    try (line) {
      var request = read(new BufferedInputStream(line.getInputStream()));
      if (request == null) return;
      boolean faulty;
      synchronized (this) {
        faulty = when.test(request);
        sent.add(new Sent(request.method, request.path, request.body, faulty));
      }
      if (faulty) fault.answer(line, line.getOutputStream());
      else answer(line.getOutputStream(), 200, "application/json", answerTo(request));
    } catch (IOException | InterruptedException e) {
      // the client is gone
    }
  }

  static void answer(OutputStream out, int status, String type, String body, String... headers)
      throws IOException {
    var bytes = body.getBytes(StandardCharsets.UTF_8);
    var head = new StringBuilder("HTTP/1.1 " + status + " Status\r\nContent-Type: " + type);
    for (var header : headers) head.append("\r\n").append(header);
    head.append("\r\nContent-Length: ").append(bytes.length).append("\r\n\r\n");
    out.write(head.toString().getBytes(StandardCharsets.UTF_8));
    out.write(bytes);
    out.flush();
  }

  private static Sent read(InputStream in) throws IOException {
    var first = line(in);
    if (first.isEmpty()) return null;
    var length = 0;
    for (var header = line(in); !header.isEmpty(); header = line(in)) {
      if (header.toLowerCase(java.util.Locale.ROOT).startsWith("content-length:")) {
        length = Integer.parseInt(header.substring(15).strip());
      }
    }
    var body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
    var words = first.split(" ");
    return new Sent(words[0], words[1], body, false);
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (var b = in.read(); b >= 0 && b != '\n'; b = in.read()) if (b != '\r') line.write(b);
    return line.toString(StandardCharsets.UTF_8);
  }

  private String answerTo(Sent request) throws IOException {
    var path = request.path.replaceFirst("\\?.*", "");
    var json = request.body.startsWith("{") ? Fly.JSON.readTree(request.body) : null;
    if (path.equals("/graphql")) return graphql(request.body);
    if (path.startsWith("/edge/")) return mcp(json);
    if (path.startsWith("/api/v1/apps/")) return logs();
    if (path.equals("/v1/tokens/current")) {
      return "{'tokens':[{'organization':'personal','org_slug':'personal','apps':[]}]}"
          .replace('\'', '"');
    }
    if (path.equals("/v1/apps")) {
      if (request.method.equals("GET")) return "{\"total_apps\":1,\"apps\":[" + app() + "]}";
      return "{\"id\":\"app1\",\"created_at\":1700000000000}";
    }
    if (path.matches("/v1/apps/[^/]+")) return app();
    if (path.endsWith("/machines")) return machines(request, json);
    if (path.endsWith("/volumes")) {
      return request.method.equals("GET") ? "[" + volume() + "]" : volume();
    }
    if (path.endsWith("/snapshots")) return snapshots(request);
    if (path.contains("/volumes/")) return path.endsWith("/extend") ? extended() : volume();
    if (path.endsWith("/ip_assignments")) return ips(request);
    if (path.endsWith("/secrets")) return secrets();
    if (path.endsWith("/exec")) return "{\"exit_code\":0,\"stdout\":\"notes.txt\\n\"}";
    if (path.endsWith("/lease")) return lease();
    if (path.endsWith("/metadata")) return "{\"owner\":\"ann\"}";
    if (path.matches(".*/machines/[^/]+/(start|stop|suspend|restart|wait)")) return moved(path);
    if (path.matches(".*/machines/[^/]+")) {
      if (request.method.equals("DELETE")) destroyed = true;
      return request.method.equals("DELETE") ? "{\"ok\":true}" : machine(state, json);
    }
    return "{\"ok\":true}";
  }

  private String moved(String path) {
    if (path.endsWith("/start") || path.endsWith("/restart")) state = "started";
    if (path.endsWith("/stop")) state = "stopped";
    if (path.endsWith("/suspend")) state = "suspended";
    return "{\"ok\":true}";
  }

  private String machines(Sent request, JsonNode json) {
    if (!request.method.equals("GET")) return machine("started", json);
    return destroyed ? "[]" : "[" + machine(state, null) + "]";
  }

  private static String app() {
    return """
    {"id":"app1","name":"mcp-demo","status":"deployed","machine_count":1,"volume_count":1,
     "organization":{"name":"Ann","slug":"personal"}}\
    """;
  }

  private String machine(String now, JsonNode asked) {
    var machine = Fly.JSON.createObjectNode();
    machine.put("id", MACHINE).put("state", destroyed ? "destroyed" : now).put("region", "iad");
    machine.put("name", asked == null ? "one" : asked.path("name").asText("one"));
    machine.put("instance_id", "01J0").put("private_ip", "fdaa::3");
    machine.put("created_at", "2026-01-01T00:00:00Z").put("updated_at", "2026-01-01T00:00:00Z");
    var config = asked == null ? null : asked.get("config");
    if (config != null) machine.set("config", config);
    else {
      var own = machine.putObject("config").put("image", "flyio/mcp:latest");
      own.putObject("guest").put("cpu_kind", "shared").put("cpus", 1).put("memory_mb", 256);
      own.putObject("metadata").put("fleet", "fleet");
    }
    return machine.toString();
  }

  private static String volume() {
    return """
    {"id":"vol_4m5k8d1x9z2c7b3v","name":"data","state":"created","region":"iad","size_gb":1,
     "attached_machine_id":null,"created_at":"2026-01-01T00:00:00Z"}\
    """;
  }

  private static String extended() {
    return "{\"needs_restart\":false,\"volume\":" + volume().replace("_gb\":1", "_gb\":3") + "}";
  }

  private static String snapshots(Sent request) {
    var one = "{\"id\":\"vs_1\",\"size\":1,\"status\":\"created\",\"digest\":\"x\"}";
    return request.method.equals("GET") ? "[" + one + "]" : one;
  }

  private static String ips(Sent request) {
    var one = "{\"ip\":\"2a09:8280:1::6c:1\",\"region\":\"global\",\"shared\":false}";
    return request.method.equals("GET") ? "{\"ips\":[" + one + "]}" : one;
  }

  private static String secrets() {
    return "{\"version\":1,\"Version\":1,\"secrets\":[{\"name\":\"API_KEY\",\"digest\":\"d1\"}]}";
  }

  private static String lease() {
    return "{\"status\":\"success\",\"data\":{\"nonce\":\"n1\",\"expires_at\":1900000000,"
        + "\"owner\":\"ann\"}}";
  }

  private static String logs() {
    return """
    {"data":[{"id":"1","attributes":{"timestamp":"2026-01-01T00:00:00Z","message":"hello",
     "level":"info","instance":"148ed127f22387","region":"iad","meta":{}}}],
     "meta":{"next_token":""}}\
    """;
  }

  private static String graphql(String query) {
    var address =
        "{\"id\":\"ip1\",\"address\":\"2a09:8280:1::6c:1\",\"type\":\"v6\",\"region\":\"global\","
            + "\"createdAt\":\"2026-01-01T00:00:00Z\"}";
    var data =
        query.contains("mutation")
            ? "\"allocateIpAddress\":{\"ipAddress\":"
                + address
                + ",\"app\":{\"sharedIpAddress\":\"66.241.124.1\"}}"
            : query.contains("organizations")
                ? "\"organizations\":{\"nodes\":[{\"slug\":\"personal\",\"rawSlug\":\"personal\","
                    + "\"name\":\"Ann\",\"type\":\"PERSONAL\"}]}"
                : "\"app\":{\"sharedIpAddress\":\"66.241.124.1\",\"ipAddresses\":{\"nodes\":["
                    + address
                    + "]}}";
    return "{\"data\":{" + data + "}}";
  }

  private static String mcp(JsonNode call) {
    if (call == null) return "{}";
    var result =
        switch (call.path("method").asText()) {
          case "initialize" ->
              "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
                  + "\"serverInfo\":{\"name\":\"files\",\"version\":\"1\"}}";
          case "tools/list" ->
              "{\"tools\":[{\"name\":\"read_text_file\",\"inputSchema\":{\"type\":\"object\"}}]}";
          default -> "{\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}";
        };
    return "{\"jsonrpc\":\"2.0\",\"id\":" + call.path("id") + ",\"result\":" + result + "}";
  }
}
