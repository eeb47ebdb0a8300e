import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Deadline;
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
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A stand-in for Fly.io on a raw socket, which can do to a connection what no HTTP server does. It
 * keeps one app with Machines, volumes and addresses, and names of Machines are unique in it.
 */
final class FaultyFly implements AutoCloseable {
  static final String APP = "mcp-demo";
  static final String MACHINE = "148ed127f22387";
  static final String VOLUME = "vol_4m5k8d1x9z2c7b3v";

  /** One request, and whether it met the fault. */
  record Sent(String method, String path, String body, boolean authorized, boolean faulty) {
    boolean write() {
      var read = method.equals("GET") || path.startsWith("/graphql") && !body.contains("mutation");
      return !read;
    }

    private Sent met(boolean fault) {
      return new Sent(method, path, body, authorized, fault);
    }
  }

  /** Sends an answer, or what a broken server sends instead of one. */
  interface Fault {
    void answer(Socket line, OutputStream out) throws IOException, InterruptedException;

    /** The request has its effect before. */
    default boolean acts() {
      return true;
    }

    /** Sends the right answer in an unusual form, if the fault is one of form. */
    default void answer(Socket line, OutputStream out, int status, String body)
        throws IOException, InterruptedException {
      answer(line, out);
    }

    /** Writes a right answer. */
    interface Form {
      void write(OutputStream out, int status, byte[] body) throws IOException;
    }

    /** A right answer in an unusual form. */
    static Fault form(Form form) {
      return new Fault() {
        @Override
        public void answer(Socket line, OutputStream out) {
          throw new IllegalStateException("a form needs an answer");
        }

        @Override
        public void answer(Socket line, OutputStream out, int status, String body)
            throws IOException {
          form.write(out, status, body.getBytes(StandardCharsets.UTF_8));
          out.flush();
        }
      };
    }

    /** The same fault of a server that has done nothing. */
    static Fault idle(Fault fault) {
      return new Fault() {
        @Override
        public void answer(Socket line, OutputStream out) throws IOException, InterruptedException {
          fault.answer(line, out);
        }

        @Override
        public boolean acts() {
          return false;
        }
      };
    }
  }

  /** The things that are there at the beginning. */
  record World(boolean app, String state, String owner, boolean volume, boolean address) {
    static final World USUAL = new World(true, "started", "", true, true);
    static final World EMPTY = new World(true, null, "", false, false);
    static final World NOTHING = new World(false, null, "", false, false);
  }

  private final ServerSocket server;
  private final List<Sent> sent = new CopyOnWriteArrayList<>();
  private final Map<String, ObjectNode> machines = new LinkedHashMap<>();
  private final Map<String, ObjectNode> volumes = new LinkedHashMap<>();
  private final Map<String, String> leases = new LinkedHashMap<>();
  private final List<ObjectNode> addresses = new ArrayList<>();
  private final Map<Object, Long> born = new IdentityHashMap<>();
  private Duration lag = Duration.ZERO;
  private CyclicBarrier barrier;
  private int meeting;
  private boolean app;
  private int made;
  private int most;
  private int atFirst;
  private volatile Fault fault;
  private volatile Predicate<Sent> when;

  FaultyFly() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    begin("started", null, request -> false);
    start(this::accept);
  }

  String url() {
    return "http://127.0.0.1:" + server.getLocalPort();
  }

  /** Begins anew with the usual things, and with this fault for the requests that it is for. */
  void begin(String state, Fault next, Predicate<Sent> requests) {
    begin(new World(true, state, "", true, true), next, requests);
  }

  synchronized void begin(World world, Fault next, Predicate<Sent> requests) {
    sent.clear();
    machines.clear();
    volumes.clear();
    addresses.clear();
    leases.clear();
    born.clear();
    lag = Duration.ZERO;
    barrier = null;
    made = 0;
    app = world.app;
    if (world.state != null) machine(MACHINE, "one", world.state, world.owner);
    if (world.volume) volume(VOLUME, "data");
    if (world.address) addresses.add(address("v6"));
    most = things();
    atFirst = most;
    fault = next;
    when = requests;
  }

  /** Hides new things from lists, and every app, for this time. */
  synchronized void lag(Duration time) {
    lag = time;
  }

  /** The same things, and other faults. */
  synchronized void fault(Fault next, Predicate<Sent> requests) {
    fault = next;
    when = requests;
  }

  /** The first two writes wait for each other before they have an effect. */
  synchronized void meet(CyclicBarrier other) {
    barrier = other;
    meeting = 2;
  }

  private void meet(Sent request) throws IOException {
    CyclicBarrier now;
    synchronized (this) {
      if (barrier == null || !request.write() || meeting-- <= 0) return;
      now = barrier;
    }
    try {
      now.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
    } catch (Exception e) {
      throw new IOException(e);
    }
  }

  private boolean seen(Object thing) {
    var time = born.get(thing);
    return time == null || Deadline.clock().nanos() - time >= lag.toNanos();
  }

  private <T> T bear(T thing) {
    born.put(thing, Deadline.clock().nanos());
    return thing;
  }

  List<Sent> sent() {
    return List.copyOf(sent);
  }

  /** The number of things that cost money. */
  synchronized int things() {
    return machines.size() + volumes.size() + addresses.size() + (app ? 1 : 0);
  }

  /** Their number before the first request. */
  synchronized int atFirst() {
    return atFirst;
  }

  /** Their largest number so far. */
  synchronized int most() {
    return most;
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

  private record Reply(int status, Object body) {}

  private void serve(Socket line) {
    try (line) {
      var request = read(new BufferedInputStream(line.getInputStream()));
      if (request == null) return;
      meet(request);
      boolean faulty;
      Reply reply;
      Fault now;
      synchronized (this) {
        faulty = when.test(request);
        now = fault;
        sent.add(request.met(faulty));
        reply = faulty && !now.acts() ? null : reply(request);
        most = Math.max(most, things());
      }
      var out = line.getOutputStream();
      if (faulty && reply == null) now.answer(line, out);
      else if (faulty) now.answer(line, out, reply.status, "" + reply.body);
      else answer(out, reply.status, "application/json", "" + reply.body);
    } catch (IOException | InterruptedException e) {
      // the client is gone
    }
  }

  static void answer(OutputStream out, int status, String type, String body, String... headers)
      throws IOException {
    var bytes = body.getBytes(StandardCharsets.UTF_8);
    var head = new StringBuilder("HTTP/1.1 " + status + " Status\r\nConnection: close");
    head.append("\r\nContent-Type: ").append(type);
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
    var authorized = false;
    for (var header = line(in); !header.isEmpty(); header = line(in)) {
      authorized |= header.toLowerCase(Locale.ROOT).startsWith("authorization:");
      if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
        length = Integer.parseInt(header.substring(15).strip());
      }
    }
    var body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
    var words = first.split(" ");
    return new Sent(words[0], words[1], body, authorized, false);
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (var b = in.read(); b >= 0 && b != '\n'; b = in.read()) if (b != '\r') line.write(b);
    return line.toString(StandardCharsets.UTF_8);
  }

  private static ObjectNode object() {
    return Fly.JSON.createObjectNode();
  }

  private static Reply ok(Object body) {
    return new Reply(200, body);
  }

  private static Reply done() {
    return ok(object().put("ok", true));
  }

  private static Reply refused(int status, String error) {
    return new Reply(status, object().put("error", error));
  }

  private Reply reply(Sent request) throws IOException {
    var path = request.path.replaceFirst("\\?.*", "");
    var read = request.method.equals("GET");
    var json = request.body.startsWith("{") ? Fly.JSON.readTree(request.body) : object();
    if (path.equals("/graphql")) return ok(object().set("data", graphql(request.body, json)));
    if (path.startsWith("/edge/")) {
      return request.authorized ? ok(mcp(json)) : refused(401, "no token");
    }
    if (path.startsWith("/api/v1/apps/")) return ok(logs());
    if (path.equals("/v1/tokens/current")) return ok(token());
    if (path.startsWith("/v1/orgs/")) return ok(organization(path));
    if (path.equals("/v1/platform/regions")) return ok(regions());
    if (path.equals("/v1/apps")) return read ? ok(apps()) : createApp();
    if (!app) return refused(404, "App not found");
    if (path.matches("/v1/apps/[^/]+")) {
      if (!read) return destroyApp();
      return seen(APP) ? ok(app()) : refused(404, "App not found");
    }
    if (path.endsWith("/machines")) return read ? ok(list(machines)) : createMachine(json);
    if (path.endsWith("/volumes")) {
      return ok(read ? list(volumes) : bear(volume("vol_" + ++made, json.path("name").asText())));
    }
    if (path.contains("/volumes/")) return ofVolume(request, path.split("/")[5], path);
    if (path.contains("/ip_assignments")) return ips(request, json.path("type").asText(), path);
    if (path.endsWith("/secrets")) return ok(secrets());
    if (path.contains("/machines/")) return ofMachine(request, path.split("/")[5], path, json);
    return done();
  }

  private Reply createApp() {
    if (app) return refused(422, "Validation failed: Name has already been taken");
    app = true;
    bear(APP);
    return new Reply(201, object().put("id", "app1").put("created_at", 1_700_000_000_000L));
  }

  private Reply destroyApp() {
    app = false;
    addresses.clear();
    return new Reply(202, "");
  }

  private Reply createMachine(JsonNode request) {
    var name = request.path("name").asText("machine-" + made);
    for (var machine : machines.values()) {
      if (machine.path("name").asText().equals(name)) {
        var id = machine.path("id").asText();
        return refused(409, "unique machine name violation, machine ID " + id + " has it");
      }
    }
    var machine = machine("148e%010d".formatted(++made), name, "started", "");
    if (request.has("config")) machine.set("config", request.path("config"));
    return ok(bear(machine));
  }

  private Reply ofMachine(Sent request, String id, String path, JsonNode json) {
    var machine = machines.get(id);
    if (machine == null) return refused(404, "machine not found");
    if (path.endsWith("/exec")) {
      return ok(object().put("exit_code", 0).put("stdout", "notes.txt\n"));
    }
    if (path.endsWith("/lease")) return lease(request, id, json);
    if (path.contains("/metadata")) return metadata(request, machine, path, json);
    if (path.endsWith("/wait")) return done();
    if (path.endsWith("/start") || path.endsWith("/restart")) machine.put("state", "started");
    else if (path.endsWith("/stop")) machine.put("state", "stopped");
    else if (path.endsWith("/suspend")) machine.put("state", "suspended");
    else if (request.method.equals("DELETE")) machines.remove(id);
    else if (request.method.equals("POST")) {
      machine.set("config", json.path("config"));
      return ok(machine.put("instance_id", "01J" + ++made));
    } else return ok(machine);
    return done();
  }

  private static Reply metadata(Sent request, ObjectNode machine, String path, JsonNode json) {
    var metadata = machine.withObject("/config/metadata");
    if (path.endsWith("/metadata")) return ok(metadata);
    var key = path.replaceFirst(".*/", "");
    if (request.method.equals("DELETE")) metadata.remove(key);
    else metadata.set(key, json.path("value"));
    return new Reply(204, "");
  }

  private ObjectNode machine(String id, String name, String state, String owner) {
    var machine = object().put("id", id).put("name", name).put("state", state);
    machine.put("region", "iad").put("instance_id", "01J0").put("private_ip", "fdaa::3");
    machine.put("created_at", "2026-01-01T00:00:00Z").put("updated_at", "2026-01-01T00:00:00Z");
    var config = machine.putObject("config").put("image", "flyio/mcp:latest");
    config.putObject("guest").put("cpu_kind", "shared").put("cpus", 1).put("memory_mb", 256);
    var metadata = config.putObject("metadata").put("fleet", "fleet");
    if (!owner.isEmpty()) metadata.put("owner", owner);
    machines.put(id, machine);
    return machine;
  }

  private ObjectNode volume(String id, String name) {
    var volume = object().put("id", id).put("name", name).put("state", "created");
    volume.put("region", "iad").put("size_gb", 1).putNull("attached_machine_id");
    volumes.put(id, volume.put("created_at", "2026-01-01T00:00:00Z"));
    return volume;
  }

  private Reply ofVolume(Sent request, String id, String path) {
    var volume = volumes.get(id);
    if (path.endsWith("/snapshots")) {
      var one = object().put("id", "vs_1").put("size", 1).put("status", "created");
      return ok(request.method.equals("GET") ? Fly.JSON.createArrayNode().add(one) : one);
    }
    if (volume == null) return refused(404, "volume not found");
    if (path.endsWith("/extend")) {
      volume.put("size_gb", 3);
      return ok(object().put("needs_restart", false).set("volume", volume));
    }
    if (request.method.equals("DELETE")) volumes.remove(id);
    return ok(volume);
  }

  private Reply ips(Sent request, String type, String path) {
    if (request.method.equals("GET")) {
      var ips = object();
      addresses.stream().filter(this::seen).forEach(ips.putArray("ips")::add);
      return ok(ips);
    }
    if (request.method.equals("DELETE")) {
      addresses.removeIf(ip -> path.endsWith("/" + ip.path("ip").asText()));
      return new Reply(204, "");
    }
    addresses.add(bear(address(type)));
    return ok(addresses.get(addresses.size() - 1));
  }

  private ObjectNode address(String type) {
    var ip = type.equals("v6") ? "2a09:8280:1::6c:" + ++made : "66.241.124." + ++made;
    return object().put("ip", ip).put("region", "global").put("shared", type.startsWith("shared"));
  }

  private JsonNode list(Map<String, ObjectNode> things) {
    return Fly.JSON.createArrayNode().addAll(things.values().stream().filter(this::seen).toList());
  }

  private static ObjectNode app() {
    var app = object().put("id", "app1").put("name", APP).put("status", "deployed");
    app.putObject("organization").put("name", "Ann").put("slug", "personal");
    return app.put("machine_count", 1).put("volume_count", 1);
  }

  private ObjectNode apps() {
    var apps = object().put("total_apps", app ? 1 : 0);
    if (app) apps.putArray("apps").add(app());
    else apps.putArray("apps");
    return apps;
  }

  private static ObjectNode regions() {
    var regions = object().put("nearest", "iad");
    regions.putArray("regions").addObject().put("code", "iad").put("name", "Ashburn");
    return regions;
  }

  private ObjectNode organization(String path) {
    var volumes = path.endsWith("/volumes");
    var all = Fly.JSON.createArrayNode().addAll((volumes ? this.volumes : machines).values());
    for (var one : all) ((ObjectNode) one).put("app_name", APP);
    return object().set(volumes ? "volumes" : "machines", all);
  }

  private static ObjectNode token() {
    var token = object();
    var one = token.putArray("tokens").addObject().put("organization", "personal");
    one.put("org_slug", "personal").putArray("apps");
    return token;
  }

  private static ObjectNode secrets() {
    var secrets = object().put("version", 1).put("Version", 1);
    secrets.putArray("secrets").addObject().put("name", "API_KEY").put("digest", "d1");
    return secrets;
  }

  private Reply lease(Sent request, String machine, JsonNode json) {
    if (request.method.equals("DELETE")) return leases.remove(machine) == null ? none() : done();
    if (request.method.equals("POST")) {
      leases.putIfAbsent(machine, json.path("description").asText());
    }
    if (!leases.containsKey(machine)) return none();
    var lease = object().put("status", "success");
    lease
        .putObject("data")
        .put("nonce", "n1")
        .put("expires_at", 1_900_000_000)
        .put("owner", "ann")
        .put("description", leases.get(machine));
    return ok(lease);
  }

  private static Reply none() {
    return refused(404, "lease not found");
  }

  private static String logs() {
    return """
    {"data":[{"id":"1","attributes":{"timestamp":"2026-01-01T00:00:00Z","message":"hello",
     "level":"info","instance":"148ed127f22387","region":"iad","meta":{}}}],
     "meta":{"next_token":""}}\
    """;
  }

  private ObjectNode graphql(String query, JsonNode json) {
    var data = object();
    if (query.contains("mutation")) {
      var type = json.at("/variables/input/type").asText();
      addresses.add(bear(address(type)));
      var one = addresses.get(addresses.size() - 1);
      var payload = data.putObject("allocateIpAddress");
      if (type.equals("shared_v4")) {
        payload.putObject("app").set("sharedIpAddress", one.path("ip"));
      } else payload.set("ipAddress", node(one));
    } else if (query.contains("organizations")) {
      var one = data.putObject("organizations").putArray("nodes").addObject();
      one.put("slug", "personal").put("rawSlug", "personal").put("name", "Ann");
      one.put("type", "PERSONAL");
    } else {
      var app = data.putObject("app").putNull("sharedIpAddress");
      var nodes = app.putObject("ipAddresses").putArray("nodes");
      for (var one : addresses) {
        if (!seen(one)) continue;
        if (one.path("shared").asBoolean()) app.set("sharedIpAddress", one.path("ip"));
        else nodes.add(node(one));
      }
    }
    return data;
  }

  private static ObjectNode node(ObjectNode ip) {
    var address = ip.path("ip").asText();
    return object()
        .put("id", "ip_" + address)
        .put("address", address)
        .put("type", address.contains(":") ? "v6" : "v4")
        .put("region", "global")
        .put("createdAt", "2026-01-01T00:00:00Z");
  }

  private static ObjectNode mcp(JsonNode call) {
    var answer = object().put("jsonrpc", "2.0");
    answer.set("id", call.path("id"));
    var result = answer.putObject("result");
    switch (call.path("method").asText()) {
      case "initialize" -> {
        result.put("protocolVersion", "2025-06-18").putObject("capabilities").putObject("tools");
        result.putObject("serverInfo").put("name", "files").put("version", "1");
      }
      case "tools/list" -> {
        var tool = result.putArray("tools").addObject().put("name", "read_text_file");
        tool.putObject("inputSchema").put("type", "object");
      }
      default -> result.putArray("content").addObject().put("type", "text").put("text", "hello");
    }
    return answer;
  }
}
