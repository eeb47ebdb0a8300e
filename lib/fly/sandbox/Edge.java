//SOURCES ../mcp/http/Exchange.java ApiError.java App.java Forward.java Load.java Machine.java Presence.java
//SOURCES Replay.java Requests.java Rules.java World.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import fly.mcp.http.Exchange;
import io.javalin.http.Context;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.eclipse.jetty.http.HttpFields;

/**
 * Fly Proxy: takes a request to an app to one of its Machines, and starts one if need be, holding
 * the request until it runs and has room. See
 * https://fly.io/docs/networking/dynamic-request-routing/ and
 * https://fly.io/docs/networking/request-headers/.
 */
final class Edge {
  private static final int MOST_REPLAYS = 10;
  private static final Set<String> DOMAINS = Set.of(".fly.dev", ".localhost");

  /** The attribute of a request whose body belongs to an app. */
  static final String PASSED_ON = "fly.sandbox.edge";

  private static final String VIA = "1.1 fly.io";

  private final World world;
  private final Load load;
  private final Forward forward;
  private volatile Duration hold = Duration.ofSeconds(60);

  Edge(World world, Load load) {
    this.world = world;
    this.load = load;
    this.forward = world.forward();
  }

  /** How long a request is held from now on until a Machine can take it; a minute is a guess. */
  void hold(Duration hold) {
    this.hold = hold;
  }

  /**
   * The app that a Host names, as {app}.fly.dev or {app}.localhost; empty where there is none. Only
   * an app that exists has a name, else any web page could have one that leads here.
   */
  Optional<App> named(String host) {
    var dot = host.indexOf('.');
    if (dot < 0 || !DOMAINS.contains(host.substring(dot))) return Optional.empty();
    try {
      return Optional.of(world.app(host.substring(0, dot)));
    } catch (ApiError e) {
      return Optional.empty();
    }
  }

  /**
   * A request to /edge/{app}/... What a browser shows of it is nobody's page: were it the sandbox's
   * own, its scripts could ask the sandbox for anything.
   */
  void handlePath(Context x) throws IOException {
    x.skipRemainingHandlers();
    var app = world.app(x.pathParam("app"));
    var path = x.req().getRequestURI().substring("/edge/".length());
    var slash = path.indexOf('/');
    x.res().addHeader("Content-Security-Policy", "sandbox allow-scripts allow-forms allow-popups");
    handle(x, app, app.name + ".fly.dev", slash < 0 ? "/" : path.substring(slash));
  }

  /** A request to an app by its Host: every path and method is the app's. */
  void handleHost(Context x, App app, String host) throws IOException {
    x.skipRemainingHandlers();
    Requests.path(x, "/edge/" + app.name + x.path());
    handle(x, app, host, x.req().getRequestURI());
  }

  /**
   * Which Machine will do; each may be null.
   *
   * @param instance no other one
   * @param preferred this one, if it can be had
   * @param region one of these, with commas between them
   * @param near rather one of these than another, the best first
   * @param not any other one
   */
  private record Wanted(
      App app, String instance, String preferred, String region, String near, Machine not) {}

  /** However long its client is silent, or what it asked. */
  private void handle(Context x, App app, String host, String path) throws IOException {
    var client = Forward.client(x);
    var idle = client.getIdleTimeout();
    client.setIdleTimeout(0);
    try (var presence = new Presence(x)) {
      route(x, app, host, path, presence);
    } finally {
      client.setIdleTimeout(idle);
    }
  }

  private void route(Context x, App app, String host, String path, Presence presence)
      throws IOException {
    x.attribute(PASSED_ON, true);
    x.header("Server", "Fly/sandbox");
    x.header("Via", VIA);
    synchronized (app) {
      if (app.ips.isEmpty()) {
        throw new ApiError(
            503,
            "the app %s has no IP address, so its name does not resolve: allocate one with"
                    .formatted(app.name)
                + " fly-allocate-ips");
      }
    }
    var query = x.queryString() == null ? "" : "?" + x.queryString();
    if (plain(x) && forcesHttps(app)) {
      x.status(301).header("Location", "https://" + host + path + query);
      return;
    }
    var body = new Forward.Body(x.req().getInputStream(), presence::watch);
    var added = headers(x, host);
    var wanted =
        new Wanted(
            app,
            x.header("fly-force-instance-id"),
            x.header("fly-prefer-instance-id"),
            x.header("fly-force-region"),
            x.header("fly-prefer-region"),
            null);
    for (var replays = 0; ; replays++) {
      if (replays > MOST_REPLAYS) throw new ApiError(502, "PA02: too many replays of a request");
      var machine = enter(wanted);
      try {
        var asked = wanted.preferred();
        var missed = asked == null || asked.equals(machine.id) ? null : asked;
        added.put("fly-preferred-instance-unavailable", missed);
        var replay = serve(x, body, presence, machine, path, query, added);
        if (replay == null) return;
        added.put(
            "fly-replay-src",
            replay.source(machine, TimeUnit.MILLISECONDS.toMicros(world.now().toEpochMilli())));
        wanted = wanted(replay, wanted.app(), machine);
      } finally {
        load.leave(machine);
      }
    }
  }

  private Wanted wanted(Replay replay, App app, Machine by) {
    var to = app;
    if (replay.app() != null) {
      to = world.find(replay.app()).orElse(null);
      if (to == null) throw new ApiError(502, "PA04: there is no app %s".formatted(replay.app()));
    }
    var not = replay.elsewhere() ? by : null;
    return new Wanted(
        to, replay.instance(), replay.preferred(), replay.regions(), replay.regions(), not);
  }

  private static boolean plain(Context x) {
    return "http".equals(x.header("X-Forwarded-Proto"));
  }

  /**
   * What the app is told of the client, instead of what the client may have said itself. As on
   * Fly.io it came by HTTPS, unless the client says (X-Forwarded-Proto: http) that it did not.
   */
  private static Map<String, String> headers(Context x, String host) {
    var client = x.req().getRemoteAddr();
    var port = plain(x) ? "80" : "443";
    var headers = new LinkedHashMap<String, String>();
    var named = host.equals(x.req().getServerName().toLowerCase(Locale.ROOT));
    headers.put("Host", named ? x.header("Host") : host);
    headers.put("Fly-Client-IP", client);
    headers.put("Fly-Forwarded-Port", port);
    headers.put("Fly-Region", Rules.NEAREST);
    headers.put("Fly-Request-Id", x.res().getHeader("fly-request-id"));
    headers.put("X-Forwarded-For", appended(x.header("X-Forwarded-For"), client));
    headers.put("X-Forwarded-Port", port);
    headers.put("X-Forwarded-Proto", plain(x) ? "http" : "https");
    headers.put("X-Forwarded-SSL", plain(x) ? "off" : "on");
    headers.put("Via", appended(x.header("Via"), VIA));
    headers.put("fly-replay-src", null);
    return headers;
  }

  private static String appended(String list, String value) {
    return list == null ? value : list + ", " + value;
  }

  /** Whether a port that takes plain HTTP sends its clients to HTTPS. */
  private static boolean forcesHttps(App app) {
    for (var machine : app.living()) {
      for (var service : machine.config().path("services")) {
        for (var port : service.path("ports")) {
          if (port.path("force_https").asBoolean()) return true;
        }
      }
    }
    return false;
  }

  // ---- Which Machine

  /**
   * A Machine that has room, counted as taken until {@link Load#leave}. One that runs and has less
   * than its soft limit; else one that a request may start; else one below its hard limit; and
   * where there is none, it waits. Among equals the healthy one, of the best region, with the least
   * to do.
   */
  private Machine enter(Wanted wanted) {
    var deadline = System.nanoTime() + hold.toNanos();
    while (true) {
      var seen = load.departures();
      var candidates =
          wanted.app().living().stream()
              .filter(machine -> !machine.cordoned() && !service(machine).isMissingNode())
              .filter(machine -> wanted.instance() == null || machine.id.equals(wanted.instance()))
              .filter(machine -> wanted.region() == null || in(machine.region, wanted.region()))
              .filter(machine -> machine != wanted.not())
              .filter(machine -> readiness(machine) < NEVER)
              .sorted(
                  Comparator.comparing((Machine machine) -> !machine.id.equals(wanted.preferred()))
                      .thenComparing(this::readiness)
                      .thenComparing(machine -> !machine.healthy())
                      .thenComparing(machine -> rank(machine.region, wanted.near()))
                      .thenComparing(load::of))
              .toList();
      if (candidates.isEmpty()) throw nobody(wanted);
      for (var machine : candidates) {
        var most = service(machine).at("/concurrency/hard_limit").asInt(0);
        if (load.enter(machine, most == 0 ? Integer.MAX_VALUE : most)) return machine;
      }
      if (!load.awaitDeparture(seen, deadline)) {
        throw new ApiError(
            503,
            "PR03: every Machine of the app %s is at its hard_limit".formatted(wanted.app().name));
      }
    }
  }

  private static final int NEVER = 4;

  /** 0 for a Machine that takes requests at once, up to {@link #NEVER}. */
  private int readiness(Machine machine) {
    var full = load.of(machine) >= service(machine).at("/concurrency/soft_limit").asInt(20);
    return switch (machine.state()) {
      case "started" -> full ? 3 : 0;
      case "starting", "suspending" -> full ? 3 : 1;
      case "suspended", "stopped", "created", "stopping", "failed" ->
          machine.autostart() ? 2 : NEVER;
      default -> NEVER;
    };
  }

  /** What serves the web: port 443, else 80, else any; missing where nothing does. */
  private static JsonNode service(Machine machine) {
    var services = machine.config().path("services");
    for (var wanted : new int[] {443, 80}) {
      for (var service : services) {
        for (var port : service.path("ports")) {
          var first = port.path("start_port").asInt(port.path("port").asInt());
          if (first <= wanted && wanted <= port.path("end_port").asInt(first)) return service;
        }
      }
    }
    for (var service : services) return service;
    return MissingNode.getInstance();
  }

  private ApiError nobody(Wanted wanted) {
    var app = wanted.app();
    if (wanted.instance() != null) {
      return new ApiError(
          503,
          "the app %s has no Machine %s that serves requests, as fly-force-instance-id demands"
              .formatted(app.name, wanted.instance()));
    }
    if (wanted.region() != null) {
      return new ApiError(
          503,
          "the app %s has no Machine in %s that serves requests"
              .formatted(app.name, wanted.region()));
    }
    var living = app.living();
    if (living.stream().allMatch(Machine::cordoned)) {
      return new ApiError(
          503,
          "the app %s has no Machine that serves requests: create one with fly-create-machine"
              .formatted(app.name));
    }
    if (living.stream().allMatch(machine -> service(machine).isMissingNode())) {
      return new ApiError(
          503,
          "no Machine of the app %s has a service in its config, so nothing leads there"
              .formatted(app.name));
    }
    return new ApiError(
        503,
        "no Machine of the app %s is started, and none has a service with autostart: start one with fly-start-machine"
            .formatted(app.name));
  }

  private static boolean in(String region, String list) {
    return List.of(list.trim().split("\\s*,\\s*")).contains(region);
  }

  private static int rank(String region, String preferred) {
    if (preferred == null) return 0;
    var regions = List.of(preferred.trim().split("\\s*,\\s*"));
    return regions.contains(region) ? regions.indexOf(region) : regions.size();
  }

  // ---- To the Machine

  /** Answers by what the Machine says, or returns what it wants instead. */
  private Replay serve(
      Context x,
      Forward.Body body,
      Presence presence,
      Machine machine,
      String path,
      String query,
      Map<String, String> added)
      throws IOException {
    if (!machine.runs()) {
      throw new ApiError(
          503,
          "Machine %s runs the image %s, which is state only here: the sandbox runs the commands of"
                  .formatted(machine.id, machine.config().path("image").asText())
              + " flyio/mcp, and what --image NAME=COMMAND names");
    }
    var deadline = System.nanoTime() + hold.toNanos();
    while (true) {
      wake(machine);
      requireClient(presence);
      var instance = machine.front().instance();
      if (instance == null || instance.wrap().isPresent()) machine.settle();
      var front = machine.front();
      instance = front.instance();
      if (instance == null || front.crash() != null) {
        throw new ApiError(
            502, "the program of Machine %s ended: %s".formatted(machine.id, machine.lastWords()));
      }
      var late = System.nanoTime() > deadline;
      if (!machine.healthy()) {
        if (late) {
          throw new ApiError(
              503, "a health check of Machine %s fails: see its checks".formatted(machine.id));
        }
        pause();
        continue;
      }
      if (instance.wrap().isPresent()) {
        instance.wrap().get().handle(new JavalinExchange(x, path, body));
        return null;
      }
      var internal = service(machine).path("internal_port").asInt();
      var port = instance.port(internal).orElse(0);
      if (listens(port)) {
        try {
          Supplier<Runnable> hold =
              () -> {
                load.enter(machine, Integer.MAX_VALUE);
                return () -> load.leave(machine);
              };
          return forward.pass(
              x,
              body,
              port,
              path + query,
              added,
              headers -> answered(x, machine, headers),
              presence,
              hold);
        } catch (IOException e) {
          if (x.res().isCommitted()) throw e;
          requireClient(presence);
          throw new ApiError(
              502, "Machine %s closed the connection before it answered".formatted(machine.id));
        }
      }
      if (late) {
        throw new ApiError(
            502,
            "PC01: nothing listens for port %d of Machine %s: its program has to listen where its variable PORT says"
                .formatted(internal, machine.id));
      }
      pause();
    }
  }

  private static void requireClient(Presence presence) {
    if (presence.gone()) throw new ApiError(499, "the client has gone");
  }

  private static boolean listens(int port) {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (ConnectException e) {
      return false;
    } catch (IOException e) {
      return false;
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ApiError(503, "the sandbox is ending");
    }
  }

  /** The proxy's own stamps, and what the port's http_options say. */
  private static void answered(Context x, Machine machine, HttpFields.Mutable headers) {
    var options = MissingNode.getInstance().path("");
    for (var port : service(machine).path("ports")) {
      if (!port.at("/http_options/response").isMissingNode()) {
        options = port.at("/http_options/response");
      }
    }
    for (var header : options.path("headers").properties()) {
      headers.remove(header.getKey());
      var values = header.getValue();
      if (values.isTextual()) headers.put(header.getKey(), values.asText());
      for (var value : values) headers.add(header.getKey(), value.asText());
    }
    if (options.path("pristine").asBoolean()) {
      x.res().setHeader("Server", null);
      x.res().setHeader("Via", null);
      x.res().setHeader("fly-request-id", null);
      return;
    }
    var via = headers.get("Via");
    if (via != null) x.res().setHeader("Via", appended(via, VIA));
    for (var own : List.of("Server", "Via", "fly-request-id")) headers.remove(own);
  }

  /** Returns once it is started, or has failed to. */
  private void wake(Machine machine) {
    for (int attempt = 0; attempt < 100; attempt++) {
      try {
        switch (machine.state()) {
          case "started" -> {
            return;
          }
          case "created", "stopped", "suspended", "failed" -> machine.start("proxy");
          default -> {
            if (machine.front().crash() != null) return;
          }
        }
        world.await(machine, Set.of("started", "stopped", "suspended", "destroyed"), hold).join();
        if (machine.state().equals("stopped") && machine.front().crash() != null) return;
      } catch (ApiError e) {
        if (e.status != 409 && e.status != 412) throw e; // somebody else was faster
      } catch (CompletionException e) {
        throw new ApiError(503, "Machine %s did not start in time".formatted(machine.id));
      }
    }
  }

  /** Jetty's request and response, streamed. */
  private record JavalinExchange(Context x, String path, Forward.Body sent) implements Exchange {
    @Override
    public String method() {
      return x.method().name();
    }

    @Override
    public String query() {
      return x.queryString();
    }

    @Override
    public String header(String name) {
      return x.header(name);
    }

    @Override
    public InputStream body() {
      return sent.again();
    }

    @Override
    public OutputStream respond(int status, Map<String, String> headers) throws IOException {
      var response = x.res();
      response.setStatus(status);
      headers.forEach(response::setHeader);
      response.flushBuffer();
      return new FilterOutputStream(response.getOutputStream()) {
        @Override
        public void write(byte[] bytes, int start, int length) throws IOException {
          out.write(bytes, start, length);
        }
      };
    }
  }
}
