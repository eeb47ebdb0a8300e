//SOURCES ../api/Gatekeeper.java ../http/RequestLog.java ../model/Clock.java ../model/Workers.java PageModel.java
//FILES page.html
package fly.sandbox.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.api.Gatekeeper;
import fly.sandbox.http.RequestLog;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Workers;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.sse.SseClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;

/**
 * The page that shows what is in the sandbox, live by server-sent events: {@code world}
 * (everything), {@code requests} and {@code log} (those since the last such event). Without an open
 * page nothing is gathered.
 */
public final class LivePage implements AutoCloseable {
  static final int MOST_VIEWERS = 16;
  private static final Duration PACE = Duration.ofMillis(250);
  private static final int BEAT = 40; // paces without a change until a comment is sent

  private final PageModel model;
  private final Clock clock;
  private final Workers workers;
  private final RequestLog requests;
  private final Queue<Viewer> viewers = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean ticking = new AtomicBoolean();
  private volatile boolean closed;
  private Page page;

  private record Page(byte[] html, String policy) {}

  /** The filter of a page, and the ids of Machines whose details it shows. */
  private record View(String filter, Set<String> open) {}

  /** An open page. It gets one event at a time, and the changes meanwhile in the next one. */
  private static final class Viewer {
    final SseClient client;
    final String server;
    final View view;
    final Map<String, Long> logged = new HashMap<>();
    final AtomicBoolean sending = new AtomicBoolean();
    String world = "";
    long request;
    int silence;

    Viewer(SseClient client) {
      this.client = client;
      this.server = "http://" + client.ctx().header("Host");
      this.view =
          new View(
              query(client, "filter").toLowerCase(Locale.ROOT),
              Set.copyOf(List.of(query(client, "open").split(","))));
    }

    private static String query(SseClient client, String name) {
      var value = client.ctx().queryParam(name);
      return value == null ? "" : value;
    }
  }

  public LivePage(PageModel model, RequestLog requests, Clock clock, Workers workers) {
    this.model = model;
    this.clock = clock;
    this.workers = workers;
    this.requests = requests;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/", this::page);
    routes.before("/sandbox/events", Gatekeeper::requireSameOrigin);
    routes.sse("/sandbox/events", this::open);
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
    try (var in = LivePage.class.getResourceAsStream("/page.html")) {
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

  private void open(SseClient client) {
    if (closed) return;
    while (viewers.size() >= MOST_VIEWERS) end(viewers.poll()); // the oldest may have disconnected
    client.keepAlive();
    var viewer = new Viewer(client);
    client.onClose(() -> viewers.remove(viewer));
    viewers.add(viewer);
    if (ticking.compareAndSet(false, true)) workers.run(this::tick);
  }

  /** Sends every viewer the changes, and runs again as long as there is a viewer. */
  private void tick() {
    var start = System.nanoTime();
    try {
      var secrets = model.secrets();
      var states = new HashMap<View, String>();
      for (var viewer : viewers) {
        if (!viewer.sending.compareAndSet(false, true)) continue;
        var state =
            states.computeIfAbsent(
                viewer.view, view -> model.everything(view.filter, view.open, secrets).toString());
        var news = requests.after(viewer.request, viewer.server, secrets);
        var log = model.log(viewer.view.filter, viewer.logged, secrets);
        var changed = !state.equals(viewer.world);
        if (changed || !news.isEmpty() || !log.isEmpty() || viewer.silence++ > BEAT) {
          workers.run(() -> send(viewer, changed ? state : null, news, log));
        } else {
          viewer.sending.set(false);
        }
      }
    } finally {
      ticking.set(false);
      var took = Duration.ofNanos(System.nanoTime() - start);
      var pause = PACE.plus(took.multipliedBy(4)); // uses at most a fifth of a core
      if (!closed && !viewers.isEmpty() && ticking.compareAndSet(false, true)) {
        try {
          clock.later(pause, () -> workers.run(this::tick));
        } catch (RejectedExecutionException e) {
          // the sandbox is closing
        }
      }
    }
  }

  private void send(Viewer viewer, String state, List<ObjectNode> news, ArrayNode log) {
    try {
      if (state != null) {
        viewer.client.sendEvent("world", state);
        viewer.world = state;
      }
      if (!news.isEmpty()) {
        viewer.client.sendEvent("requests", news.toString());
        viewer.request = news.get(news.size() - 1).path("id").asLong();
      }
      if (!log.isEmpty()) viewer.client.sendEvent("log", log.toString());
      if (state == null && news.isEmpty() && log.isEmpty()) viewer.client.sendComment("still here");
      viewer.silence = 0;
    } catch (RuntimeException e) {
      viewers.remove(viewer);
    } finally {
      viewer.sending.set(false);
    }
    if (viewer.client.terminated()) viewers.remove(viewer);
  }

  private static void end(Viewer viewer) {
    try {
      if (viewer != null) viewer.client.close();
    } catch (RuntimeException e) {
      // the viewer has disconnected
    }
  }

  /** Closes the open pages. */
  @Override
  public void close() {
    closed = true;
    while (!viewers.isEmpty()) end(viewers.poll());
  }
}
