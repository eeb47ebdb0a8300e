//SOURCES ../Fly.java ApiError.java App.java Machine.java Mask.java Requests.java Rest.java SandboxServer.java
//SOURCES World.java
//FILES page.html
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.sse.SseClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The page that shows what is in the sandbox, live by server-sent events: {@code world} (all that
 * there is) and {@code requests} (those since the last such event). Nobody pays for it but who
 * looks: while no page is open, nothing is gathered.
 */
final class PageApi implements AutoCloseable {
  static final int MOST_VIEWERS = 16;
  private static final int MOST_APPS = 100;
  private static final int MOST_MACHINES = 200;
  private static final int MOST_VOLUMES = 50; // of an app
  private static final int LOG_LINES = 20;
  private static final int SHORTEST_SECRET = 4;
  private static final Duration PACE = Duration.ofMillis(250);
  private static final int BEAT = 40; // paces without a change until a sign of life

  private final World world;
  private final Requests requests;
  private final Queue<Viewer> viewers = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean ticking = new AtomicBoolean();
  private volatile boolean closed;
  private Page page;

  private record Page(byte[] html, String policy) {}

  /**
   * A page that is open. One thing at a time is sent to it, and what it misses meanwhile, later.
   */
  private static final class Viewer {
    final SseClient client;
    final String server;
    final String filter;
    final AtomicBoolean sending = new AtomicBoolean();
    String world = "";
    long request;
    int silence;

    Viewer(SseClient client) {
      this.client = client;
      this.server = "http://" + client.ctx().header("Host");
      var wanted = client.ctx().queryParam("filter");
      this.filter = wanted == null ? "" : wanted.toLowerCase(Locale.ROOT);
    }
  }

  PageApi(World world, Requests requests) {
    this.world = world;
    this.requests = requests;
  }

  void routes(RoutesConfig routes) {
    routes.get("/", this::page);
    routes.before("/sandbox/events", PageApi::requireSameOrigin);
    routes.sse("/sandbox/events", this::open);
    routes.post("/sandbox/apps/{app}/machines/{machine}/{action}", this::act);
  }

  private synchronized void page(Context x) throws IOException {
    if (page == null) page = load();
    x.header("Content-Security-Policy", page.policy)
        .header("X-Frame-Options", "DENY")
        .header("X-Content-Type-Options", "nosniff")
        .header("Referrer-Policy", "no-referrer")
        .header("Cross-Origin-Opener-Policy", "same-origin")
        .header("Cross-Origin-Resource-Policy", "same-origin")
        .header("Cache-Control", "no-store")
        .contentType("text/html; charset=utf-8")
        .result(page.html);
  }

  private static Page load() throws IOException {
    try (var in = PageApi.class.getResourceAsStream("/page.html")) {
      var html = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      var policy =
          "default-src 'none'; connect-src 'self'; img-src data:; script-src %s; style-src %s;"
              + " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
              + " require-trusted-types-for 'script'; trusted-types 'none'";
      return new Page(
          html.getBytes(StandardCharsets.UTF_8),
          policy.formatted(hash(html, "script"), hash(html, "style")));
    }
  }

  private static String hash(String html, String element) {
    var content = Pattern.compile("(?s)<" + element + ">(.*?)</" + element + ">").matcher(html);
    if (!content.find()) throw new IllegalStateException("no " + element + " on the page");
    try {
      var digest =
          MessageDigest.getInstance("SHA-256")
              .digest(content.group(1).getBytes(StandardCharsets.UTF_8));
      return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Not even a page from another port of this machine may look. */
  private static void requireSameOrigin(Context x) {
    var origin = x.header("Origin");
    var site = x.header("Sec-Fetch-Site");
    if (origin != null && !origin.equals("http://" + x.header("Host"))
        || site != null && !site.equals("same-origin") && !site.equals("none")) {
      throw new ApiError(403, "the sandbox shows itself to its own page only");
    }
  }

  private void act(Context x) {
    requireSameOrigin(x);
    SandboxServer.requireControl(x);
    var start = System.nanoTime();
    var machine = world.machine(world.app(x.pathParam("app")), x.pathParam("machine"));
    machine.requireLease(null);
    var action = x.pathParam("action");
    switch (action) {
      case "start" -> machine.start("user");
      case "stop" -> machine.stop(null, null);
      case "suspend" -> machine.suspend();
      default -> throw new ApiError(404, "no such action: " + action);
    }
    var path = "/v1/apps/%s/machines/%s/%s".formatted(machine.app.name, machine.id, action);
    requests.add("POST", path, 200, (System.nanoTime() - start) / 1e6f, null);
    Rest.send(x, Rest.ok());
  }

  private void open(SseClient client) {
    if (closed) return;
    while (viewers.size() >= MOST_VIEWERS) end(viewers.poll()); // it may have left unnoticed
    client.keepAlive();
    var viewer = new Viewer(client);
    client.onClose(() -> viewers.remove(viewer));
    viewers.add(viewer);
    if (ticking.compareAndSet(false, true)) world.work(this::tick);
  }

  /** Tells every viewer what has changed, and comes back as long as there is one. */
  private void tick() {
    var start = System.nanoTime();
    try {
      var secrets = secrets();
      var states = new HashMap<String, String>();
      for (var viewer : viewers) {
        if (!viewer.sending.compareAndSet(false, true)) continue;
        var state =
            states.computeIfAbsent(viewer.filter, filter -> everything(filter, secrets).toString());
        var news = requests.after(viewer.request, viewer.server, secrets);
        var changed = !state.equals(viewer.world);
        if (changed || !news.isEmpty() || viewer.silence++ > BEAT) {
          world.work(() -> send(viewer, changed ? state : null, news));
        } else {
          viewer.sending.set(false);
        }
      }
    } finally {
      ticking.set(false);
      var took = Duration.ofNanos(System.nanoTime() - start);
      var pause = PACE.plus(took.multipliedBy(4)); // a large world takes at most a fifth of a core
      if (!closed && !viewers.isEmpty() && ticking.compareAndSet(false, true)) {
        try {
          world.later(pause, () -> world.work(this::tick));
        } catch (RejectedExecutionException e) {
          // the world has ended
        }
      }
    }
  }

  private void send(Viewer viewer, String state, List<ObjectNode> news) {
    try {
      if (state != null) {
        viewer.client.sendEvent("world", state);
        viewer.world = state;
      }
      if (!news.isEmpty()) {
        viewer.client.sendEvent("requests", news.toString());
        viewer.request = news.get(news.size() - 1).path("id").asLong();
      }
      if (state == null && news.isEmpty()) viewer.client.sendComment("still here");
      viewer.silence = 0;
    } catch (RuntimeException e) {
      viewers.remove(viewer);
    } finally {
      viewer.sending.set(false);
    }
    if (viewer.client.terminated()) viewers.remove(viewer);
  }

  /** Values that must not be seen, wherever they turn up; the longest first. */
  private List<String> secrets() {
    var values =
        new TreeSet<>(Comparator.comparing(String::length).reversed().thenComparing(s -> s));
    values.add(world.token());
    for (var app : world.apps()) {
      values.addAll(world.secrets(app).values());
      for (var machine : app.machines.values()) {
        for (var variable : machine.config().path("env").properties()) {
          if (Mask.secretName(variable.getKey())) values.add(variable.getValue().asText());
        }
      }
    }
    values.removeIf(value -> value.length() < SHORTEST_SECRET);
    return List.copyOf(values);
  }

  /** What there is in an app, and which of it is wanted. */
  private static final class Part {
    final App app;
    final List<Machine> living;
    final List<Machine> wanted;
    int most;

    Part(App app, String filter) {
      this.app = app;
      this.living = app.living();
      var all = app.name.contains(filter);
      this.wanted = living.stream().filter(machine -> all || has(machine, filter)).toList();
    }

    private static boolean has(Machine machine, String filter) {
      return Stream.of(machine.name, machine.id, machine.state(), machine.region, image(machine))
          .anyMatch(text -> text.toLowerCase(Locale.ROOT).contains(filter));
    }
  }

  /** The newest apps, and of their Machines the newest, so many in all that a browser likes it. */
  private JsonNode everything(String filter, List<String> secrets) {
    var all = world.apps().stream().map(app -> new Part(app, filter)).toList();
    var found =
        all.stream()
            .filter(part -> part.app.name.contains(filter) || !part.wanted.isEmpty())
            .sorted(Comparator.comparing((Part part) -> part.app.createdAt).reversed())
            .toList();
    var shown = found.subList(0, Math.min(found.size(), MOST_APPS));
    share(shown);
    var json =
        Fly.JSON
            .createObjectNode()
            .put("app_count", all.size())
            .put("apps_left", found.size() - shown.size())
            .put("machine_count", all.stream().mapToInt(part -> part.living.size()).sum());
    var apps = json.putArray("apps");
    for (var part : shown) show(part, apps.addObject(), secrets);
    return json;
  }

  /** Each gets as much of the room as each other one; what it does not need, goes to the others. */
  private static void share(List<Part> parts) {
    var room = MOST_MACHINES;
    var left = parts.size();
    var smallest = Comparator.comparing((Part part) -> part.wanted.size());
    for (var part : parts.stream().sorted(smallest).toList()) {
      part.most = Math.min(part.wanted.size(), room / left--);
      room -= part.most;
    }
  }

  private void show(Part part, ObjectNode json, List<String> secrets) {
    var app = part.app;
    json.put("name", app.name)
        .put("machine_count", part.living.size())
        .put("machines_left", part.wanted.size() - part.most);
    var states = new TreeMap<String, Integer>();
    for (var machine : part.living) states.merge(machine.state(), 1, Integer::sum);
    json.set("states", Fly.JSON.valueToTree(states));
    var machines = json.putArray("machines");
    part.wanted.stream()
        .sorted(Comparator.comparing((Machine machine) -> machine.createdAt).reversed())
        .limit(part.most)
        .forEach(machine -> machines.add(show(machine, secrets)));
    synchronized (app) {
      var volumes = json.putArray("volumes");
      var there = world.volumes().of(app);
      json.put("volumes_left", Math.max(0, there.size() - MOST_VOLUMES));
      for (var volume : there.subList(0, Math.min(there.size(), MOST_VOLUMES))) {
        volumes
            .addObject()
            .put("id", volume.id)
            .put("name", volume.name)
            .put("state", volume.state)
            .put("region", volume.region)
            .put("size_gb", volume.sizeGb)
            .put("machine", volume.machineId);
      }
      var ips = json.putArray("ips");
      for (var ip : app.ips) {
        ips.addObject()
            .put("address", ip.address())
            .put("type", ip.type())
            .put("region", ip.region());
      }
      var names = json.putArray("secrets");
      app.secrets.keySet().forEach(names::add);
    }
  }

  private static String image(Machine machine) {
    return machine.config().path("image").asText();
  }

  private static ObjectNode show(Machine machine, List<String> secrets) {
    var json =
        Fly.JSON
            .createObjectNode()
            .put("id", machine.id)
            .put("name", machine.name)
            .put("state", machine.state())
            .put("region", machine.region)
            .put("cordoned", machine.cordoned())
            .put("image", image(machine));
    json.set("config", Mask.json(machine.config(), secrets));
    var events = json.putArray("events");
    for (var event : machine.events().stream().limit(5).toList()) {
      events
          .addObject()
          .put("type", event.path("type").asText())
          .put("status", event.path("status").asText())
          .put("source", event.path("source").asText())
          .put("timestamp", event.path("timestamp").asLong());
    }
    var lines = json.putArray("log");
    var log = machine.log();
    log.subList(Math.max(0, log.size() - LOG_LINES), log.size())
        .forEach(line -> lines.add(Mask.text(line, secrets)));
    return json;
  }

  private static void end(Viewer viewer) {
    try {
      if (viewer != null) viewer.client.close();
    } catch (RuntimeException e) {
      // it is gone
    }
  }

  /** Ends what is open. */
  @Override
  public void close() {
    closed = true;
    while (!viewers.isEmpty()) end(viewers.poll());
  }
}
