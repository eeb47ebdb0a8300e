package fly.sandbox;

import fly.mcp.Exchange;
import io.javalin.http.Context;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;

/**
 * Fly Proxy: takes a request to an app to one of its Machines, and starts one if need be, holding
 * the request until it runs.
 */
final class Edge {
  private static final Duration HOLD = Duration.ofSeconds(60);

  private final World world;

  Edge(World world) {
    this.world = world;
  }

  void handle(Context x) throws IOException {
    var app = world.app(x.pathParam("app"));
    synchronized (app) {
      if (app.ips.isEmpty()) {
        throw new ApiError(
            503,
            "the app %s has no IP address, so its name does not resolve: allocate one with"
                    .formatted(app.name)
                + " fly-allocate-ips");
      }
    }
    var machine = choose(app);
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
    front.wrap().handle(new JavalinExchange(x));
  }

  /** A started Machine, else one that a request may start. */
  private static Machine choose(App app) {
    var candidates = app.living().stream().filter(machine -> !machine.cordoned()).toList();
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
  private record JavalinExchange(Context x) implements Exchange {
    @Override
    public String method() {
      return x.method().name();
    }

    @Override
    public String path() {
      return x.path();
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
