package fly.sandbox;

import fly.mcp.Exchange;
import io.javalin.http.Context;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;

/**
 * Fly Proxy: takes a request to an app to one of its Machines, and starts one if need be, holding
 * the request until it runs.
 */
final class Edge {
  private static final Duration HOLD = Duration.ofSeconds(60);

  private static final Set<String> DOMAINS = Set.of(".fly.dev", ".localhost");

  private final World world;

  Edge(World world) {
    this.world = world;
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

  /** A request to /edge/{app}/... */
  void handlePath(Context x) throws IOException {
    var app = world.app(x.pathParam("app"));
    var path = x.req().getRequestURI().substring("/edge/".length());
    var slash = path.indexOf('/');
    handle(x, app, app.name + ".fly.dev", slash < 0 ? "/" : path.substring(slash));
  }

  /** A request to an app by its Host: every path and method is the app's. */
  void handleHost(Context x, App app, String host) throws IOException {
    x.skipRemainingHandlers();
    handle(x, app, host, x.req().getRequestURI());
  }

  private void handle(Context x, App app, String host, String path) throws IOException {
    x.header("Server", "Fly/sandbox");
    x.header("Via", "1.1 fly.io");
    synchronized (app) {
      if (app.ips.isEmpty()) {
        throw new ApiError(
            503,
            "the app %s has no IP address, so its name does not resolve: allocate one with"
                    .formatted(app.name)
                + " fly-allocate-ips");
      }
    }
    if ("http".equals(x.header("X-Forwarded-Proto")) && forcesHttps(app)) {
      var query = x.queryString() == null ? "" : "?" + x.queryString();
      x.status(301).header("Location", "https://" + host + path + query);
      return;
    }
    var machine = choose(app, x.header("fly-force-instance-id"), x.header("fly-prefer-region"));
    if (machine.command().isEmpty()) {
      throw new ApiError(
          503,
          "Machine %s runs the image %s, which is state only here: the sandbox runs the commands of"
                  .formatted(machine.id, machine.config().path("image").asText())
              + " flyio/mcp");
    }
    wake(machine);
    machine.settle();
    var front = machine.front();
    if (front.wrap() == null || front.crash() != null) {
      throw new ApiError(
          502, "the program of Machine %s ended: %s".formatted(machine.id, machine.lastWords()));
    }
    front.wrap().handle(new JavalinExchange(x, path));
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

  /**
   * A started Machine, else one that a request may start; among equals, one of the preferred
   * regions.
   *
   * @param forced the only Machine that will do, or null
   * @param preferred regions, the best first, with commas between them, or null
   */
  private static Machine choose(App app, String forced, String preferred) {
    var candidates =
        app.living().stream()
            .filter(machine -> !machine.cordoned())
            .filter(machine -> forced == null || machine.id.equals(forced))
            .sorted(Comparator.comparingInt(machine -> rank(machine.region, preferred)))
            .toList();
    if (candidates.isEmpty() && forced != null) {
      throw new ApiError(
          503,
          "the app %s has no Machine %s that serves requests, as fly-force-instance-id demands"
              .formatted(app.name, forced));
    }
    for (var states :
        List.of(
            Set.of("started"),
            Set.of("starting", "suspending"),
            Set.of("suspended"),
            Set.of("stopped", "created", "stopping", "failed"))) {
      for (var machine : candidates) {
        var runs = states.contains("started") || states.contains("starting");
        if (states.contains(machine.state()) && (runs || machine.autostart())) return machine;
      }
    }
    throw new ApiError(
        503,
        candidates.isEmpty()
            ? "the app %s has no Machine that serves requests: create one with fly-create-machine"
                .formatted(app.name)
            : "no Machine of the app %s is started, and none has a service with autostart: start one with fly-start-machine"
                .formatted(app.name));
  }

  private static int rank(String region, String preferred) {
    if (preferred == null) return 0;
    var regions = List.of(preferred.trim().split("\\s*,\\s*"));
    return regions.contains(region) ? regions.indexOf(region) : regions.size();
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
        world.await(machine, Set.of("started", "stopped", "suspended", "destroyed"), HOLD).join();
        if (machine.state().equals("stopped") && machine.front().crash() != null) return;
      } catch (ApiError e) {
        if (e.status != 409 && e.status != 412) throw e; // somebody else was faster
      } catch (CompletionException e) {
        throw new ApiError(503, "Machine %s did not start in time".formatted(machine.id));
      }
    }
  }

  /** Jetty's request and response, streamed. */
  private record JavalinExchange(Context x, String path) implements Exchange {
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
    public InputStream body() throws IOException {
      return x.req().getInputStream();
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
