//SOURCES ../../mcp/http/Exchange.java DisconnectWatch.java FlyReplay.java MachineChoice.java MachineLoad.java
//SOURCES ProxyHeaders.java ReplayableBody.java ReverseProxy.java ../http/ErrorBodies.java
//SOURCES ../http/JettyConnection.java ../http/RequestLog.java ../model/ApiError.java ../model/App.java
//SOURCES ../model/Clock.java ../model/Machine.java ../model/MachineState.java ../model/StateWaiters.java
//SOURCES ../service/MachineLifecycle.java ../service/Organization.java ../service/RunningMachine.java
package fly.sandbox.edge;

import fly.mcp.http.Exchange;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.http.JettyConnection;
import fly.sandbox.http.RequestLog;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Machine;
import fly.sandbox.model.MachineState;
import fly.sandbox.model.StateWaiters;
import fly.sandbox.service.MachineLifecycle;
import fly.sandbox.service.Organization;
import fly.sandbox.service.RunningMachine;
import io.javalin.http.Context;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Fly Proxy: passes a request for an app to one of its Machines. If need be it starts one, and
 * holds the request until the Machine runs and has room. See
 * https://fly.io/docs/networking/dynamic-request-routing/ and
 * https://fly.io/docs/networking/request-headers/.
 */
public final class FlyProxy {
  private static final int MOST_REPLAYS = 10;
  private static final StateWaiters.Wanted AWAKE =
      StateWaiters.Wanted.of(Set.of("started", "stopped", "suspended", "destroyed"));
  private static final String PATH = "/edge/";
  private static final Set<String> DOMAINS = Set.of(".fly.dev", ".localhost");

  private final Clock clock;
  private final Organization organization;
  private final MachineLifecycle lifecycle;
  private final MachineLoad load;
  private final MachineChoice choice;
  private final ReverseProxy proxy;
  private volatile Duration hold = Duration.ofSeconds(60);

  public FlyProxy(
      Clock clock,
      Organization organization,
      MachineLifecycle lifecycle,
      MachineLoad load,
      ReverseProxy proxy) {
    this.clock = clock;
    this.organization = organization;
    this.lifecycle = lifecycle;
    this.load = load;
    this.choice = new MachineChoice(load, lifecycle);
    this.proxy = proxy;
  }

  /** Sets the time that a request waits for a Machine with room; a minute is a guess. */
  public void hold(Duration hold) {
    this.hold = hold;
  }

  /**
   * The app that a Host names, as {app}.fly.dev or {app}.localhost; empty if there is none. Only an
   * app that exists has a name, or any web page could have a name that leads here.
   */
  public Optional<App> named(String host) {
    var dot = host.indexOf('.');
    if (dot < 0 || !DOMAINS.contains(host.substring(dot))) return Optional.empty();
    return organization.find(host.substring(0, dot));
  }

  /** The path of the request leads to an app. */
  public static boolean serves(Context x) {
    return x.path().startsWith(PATH) && x.path().length() > PATH.length();
  }

  /**
   * Handles a request to /edge/{app}/... The policy gives an app's pages another origin: with the
   * sandbox's origin their scripts could call the sandbox.
   */
  public void handlePath(Context x) throws IOException {
    x.skipRemainingHandlers();
    var path = x.req().getRequestURI().substring(PATH.length());
    var slash = path.indexOf('/');
    var app = organization.app(slash < 0 ? path : path.substring(0, slash));
    x.res().addHeader("Content-Security-Policy", "sandbox allow-scripts allow-forms allow-popups");
    handle(x, app, app.name + ".fly.dev", slash < 0 ? "/" : path.substring(slash));
  }

  /** Handles a request to an app by its Host: every path and method is the app's. */
  public void handleHost(Context x, App app, String host) throws IOException {
    x.skipRemainingHandlers();
    RequestLog.path(x, PATH + app.name + x.path());
    handle(x, app, host, x.req().getRequestURI());
  }

  /** Handles a request without an idle timeout, because its client may be silent for long. */
  private void handle(Context x, App app, String host, String path) throws IOException {
    var client = JettyConnection.client(x);
    var idle = client.getIdleTimeout();
    client.setIdleTimeout(0);
    try (var watch = new DisconnectWatch(x)) {
      route(x, app, host, path, watch);
    } finally {
      client.setIdleTimeout(idle);
    }
  }

  private void route(Context x, App app, String host, String path, DisconnectWatch watch)
      throws IOException {
    ErrorBodies.passedOn(x);
    x.header("Server", "Fly/sandbox");
    x.header("Via", ProxyHeaders.VIA);
    synchronized (app) {
      if (app.ips.isEmpty()) {
        throw ApiError.noAddress(app.name);
      }
    }
    var query = x.queryString() == null ? "" : "?" + x.queryString();
    if (ProxyHeaders.plain(x) && ProxyHeaders.forcesHttps(app)) {
      x.status(301).header("Location", "https://" + host + path + query);
      return;
    }
    var body = new ReplayableBody(x.req().getInputStream(), watch::begin);
    var added = ProxyHeaders.toApp(x, host);
    var wanted =
        new MachineChoice.Wanted(
            app,
            x.header("fly-force-instance-id"),
            x.header("fly-prefer-instance-id"),
            x.header("fly-force-region"),
            x.header("fly-prefer-region"),
            null);
    for (var replays = 0; ; replays++) {
      if (replays > MOST_REPLAYS) throw ApiError.tooManyReplays();
      var machine = choice.enter(wanted, hold);
      try {
        var asked = wanted.preferred();
        var missed = asked == null || asked.equals(machine.id) ? null : asked;
        added.put("fly-preferred-instance-unavailable", missed);
        var replay = serve(x, body, watch, machine, path, query, added);
        if (replay == null) return;
        added.put(
            "fly-replay-src",
            replay.source(machine, TimeUnit.MILLISECONDS.toMicros(clock.now().toEpochMilli())));
        wanted = wanted(replay, wanted.app(), machine);
      } finally {
        load.leave(machine);
      }
    }
  }

  private MachineChoice.Wanted wanted(FlyReplay replay, App app, Machine by) {
    var to = app;
    if (replay.app() != null) {
      to = organization.find(replay.app()).orElse(null);
      if (to == null) throw ApiError.noAppToReplayTo(replay.app());
    }
    var not = replay.elsewhere() ? by : null;
    return new MachineChoice.Wanted(
        to, replay.instance(), replay.preferred(), replay.regions(), replay.regions(), not);
  }

  /** Sends the Machine's answer, or returns the replay that the app requests. */
  private FlyReplay serve(
      Context x,
      ReplayableBody body,
      DisconnectWatch watch,
      Machine machine,
      String path,
      String query,
      Map<String, String> added)
      throws IOException {
    if (!lifecycle.runs(machine)) {
      throw ApiError.imageStateOnly(machine.id, machine.config().path("image").asText());
    }
    var deadline = System.nanoTime() + hold.toNanos();
    var running = lifecycle.running(machine);
    while (true) {
      wake(machine, running);
      requireClient(watch);
      var processes = running.front().processes();
      if (processes == null || processes.wrap().isPresent()) running.settle();
      var front = running.front();
      processes = front.processes();
      if (processes == null || front.crash() != null) {
        throw ApiError.programEnded(machine.id, running.lastWords());
      }
      var late = System.nanoTime() > deadline;
      if (!running.healthy()) {
        if (late) {
          throw ApiError.unhealthy(machine.id);
        }
        pause();
        continue;
      }
      if (processes.wrap().isPresent()) {
        processes.wrap().get().handle(new JavalinExchange(x, path, body));
        return null;
      }
      var internal = MachineChoice.service(machine).path("internal_port").asInt();
      var port = processes.port(internal).orElse(0);
      if (listens(port)) {
        try {
          Supplier<Runnable> hold =
              () -> {
                load.enter(machine, Integer.MAX_VALUE);
                return () -> load.leave(machine);
              };
          return proxy.pass(
              x,
              body,
              port,
              path + query,
              added,
              headers -> ProxyHeaders.toClient(x, machine, headers),
              watch,
              hold);
        } catch (IOException e) {
          if (x.res().isCommitted()) throw e;
          requireClient(watch);
          throw ApiError.closedBeforeAnswer(machine.id);
        }
      }
      if (late) {
        throw ApiError.notListening(internal, machine.id);
      }
      pause();
    }
  }

  private static void requireClient(DisconnectWatch watch) {
    if (watch.disconnected()) throw ApiError.clientGone();
  }

  private static boolean listens(int port) {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiError.ending();
    }
  }

  /** Starts the Machine if need be. Returns once it is started, or has failed to. */
  private void wake(Machine machine, RunningMachine running) {
    for (int attempt = 0; attempt < 100; attempt++) {
      try {
        var state = machine.state();
        if (state == MachineState.STARTED) return;
        if (state.isDown()) lifecycle.start(machine, "proxy");
        else if (running.front().crash() != null) return;
        machine.await(AWAKE, hold).join();
        if (machine.is(MachineState.STOPPED) && running.front().crash() != null) return;
      } catch (ApiError e) {
        if (e.status != 409 && e.status != 412) throw e; // another request was faster
      } catch (CompletionException e) {
        throw ApiError.startedLate(machine.id);
      }
    }
  }

  /** Jetty's request and response, streamed. */
  private record JavalinExchange(Context x, String path, ReplayableBody sent) implements Exchange {
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
