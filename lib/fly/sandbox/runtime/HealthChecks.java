//SOURCES ../../Fly.java ../../FlyException.java ../../mcp/http/Exchange.java ../model/GoDuration.java
//SOURCES ../model/Machine.java MachineProcesses.java
package fly.sandbox.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import fly.Fly;
import fly.FlyException;
import fly.mcp.http.Exchange;
import fly.sandbox.model.GoDuration;
import fly.sandbox.model.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.client.ContentResponse;

/**
 * The health checks of a running Machine, made on its real program. The config's checks have names;
 * while a check of a service fails, the Machine gets no requests. See
 * https://fly.io/docs/reference/health-checks/.
 */
public final class HealthChecks {
  private static final Duration INTERVAL = Duration.ofSeconds(15);
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final Duration SOONEST = Duration.ofMillis(100);

  /** The interval until a check has passed once, so that a start need not wait long. */
  private static final Duration FIRST_INTERVAL = Duration.ofSeconds(1);

  private static final int OUTPUT = 1_000;

  private final class Check {
    final String name;
    final JsonNode config;
    final int port;
    final boolean routes;
    String status = "critical"; // until its first pass
    String output = "not checked yet";
    Instant updatedAt = host.clock().now();
    boolean passed;

    Check(String name, JsonNode config, int port, boolean routes) {
      this.name = name;
      this.config = config;
      this.port = port;
      this.routes = routes;
    }
  }

  private final MachineProcesses.Host host;
  private final MachineProcesses instance;
  private final List<Check> checks = new ArrayList<>();
  private final Machine machine;
  private volatile boolean over;
  private volatile boolean paused;

  public HealthChecks(
      MachineProcesses.Host host, Machine machine, MachineProcesses instance, JsonNode config) {
    this.host = host;
    this.machine = machine;
    this.instance = instance;
    for (var named : config.path("checks").properties()) {
      var check = named.getValue();
      var port = check.path("port").asInt(config.at("/services/0/internal_port").asInt());
      var routes = check.path("kind").asText().equals("readiness");
      checks.add(new Check(named.getKey(), check, port, routes));
    }
    for (var service : config.path("services")) {
      var number = 0;
      for (var check : service.path("checks")) {
        var port = check.path("port").asInt(service.path("internal_port").asInt());
        var type = check.path("type").asText("tcp");
        var name = "servicecheck-%02d-%s-%d".formatted(number++, type, port);
        checks.add(new Check(name, check, port, true));
      }
    }
    for (var check : checks) {
      later(check, GoDuration.of(check.config.path("grace_period"), SOONEST));
    }
  }

  /** Ends the checks. */
  public void end() {
    over = true;
  }

  /** Pauses the checks while the program is suspended; the last results stay. */
  public void pause(boolean on) {
    paused = on;
  }

  /** Every check that keeps requests away has passed. */
  public synchronized boolean route() {
    return checks.stream().noneMatch(check -> check.routes && !check.status.equals("passing"));
  }

  public synchronized ArrayNode json() {
    var all = Fly.JSON.createArrayNode();
    for (var check : checks) {
      all.addObject()
          .put("name", check.name)
          .put("status", check.status)
          .put("output", check.output)
          .put("updated_at", check.updatedAt.toString());
    }
    return all;
  }

  private void later(Check check, Duration delay) {
    host.clock()
        .later(
            delay.compareTo(SOONEST) < 0 ? SOONEST : delay,
            () -> host.workers().check(() -> make(check)));
  }

  private void make(Check check) {
    if (over) return;
    if (paused) {
      later(check, FIRST_INTERVAL);
      return;
    }
    String output;
    var passes = true;
    try {
      output = check.config.path("type").asText("tcp").equals("http") ? http(check) : tcp(check);
    } catch (IOException e) {
      output = e.getMessage() == null ? FlyException.reason(e) : e.getMessage();
      passes = false;
    }
    if (over) return;
    if (paused) {
      later(check, FIRST_INTERVAL);
      return;
    }
    var status = passes ? "passing" : "critical";
    var other = false;
    synchronized (this) {
      other = !status.equals(check.status);
      check.status = status;
      check.output = output;
      if (check.output.length() > OUTPUT) check.output = check.output.substring(0, OUTPUT);
      check.updatedAt = host.clock().now();
      check.passed |= passes;
    }
    if (other) log(check, passes);
    var interval = GoDuration.of(check.config.path("interval"), INTERVAL);
    var soon = !check.passed && interval.compareTo(FIRST_INTERVAL) > 0;
    later(check, soon ? FIRST_INTERVAL : interval);
  }

  private void log(Check check, boolean passing) {
    var result = passing ? "is now passing" : "has failed: " + check.output;
    var message = "Health check '%s' on port %d %s".formatted(check.name, check.port, result);
    machine.app.logs.add(
        host.clock().now(),
        "health",
        passing ? "info" : "error",
        machine.id,
        machine.region,
        message);
    machine.changed();
  }

  private static Duration timeout(Check check) {
    return GoDuration.of(check.config.path("timeout"), TIMEOUT);
  }

  private int port(Check check) throws IOException {
    var port = instance.port(check.port);
    if (port.isEmpty()) throw new IOException("connect: connection refused");
    return port.get();
  }

  private String tcp(Check check) throws IOException {
    if (instance.wrap().isEmpty()) {
      var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port(check));
      try (var socket = new Socket()) {
        socket.connect(address, (int) timeout(check).toMillis());
      }
    }
    return "Success";
  }

  private String http(Check check) throws IOException {
    var method = check.config.path("method").asText("GET").toUpperCase(Locale.ROOT);
    var path = check.config.path("path").asText("/");
    if (instance.wrap().isPresent()) {
      var probe = new Probe(method, path);
      try {
        instance.wrap().get().handle(probe);
      } catch (IOException e) {
        if (probe.status == 0) throw e; // else it is the probe's own, which has seen enough
      }
      return judged(check, probe.status, "");
    }
    var scheme = check.config.path("protocol").asText("http");
    var address = "%s://127.0.0.1:%d".formatted(scheme, port(check));
    var skip = check.config.path("tls_skip_verify").asBoolean();
    var client = skip ? host.clients().trusting() : host.clients().client();
    var request = client.newRequest(address).path(path).method(method);
    request.headers(
        headers -> {
          for (var header : check.config.path("headers")) {
            var values = header.path("values");
            for (var value : values) headers.add(header.path("name").asText(), value.asText(""));
          }
        });
    try {
      var answer = request.timeout(timeout(check).toMillis(), TimeUnit.MILLISECONDS).send();
      return judged(check, answer.getStatus(), text(answer));
    } catch (ExecutionException e) {
      throw new IOException(e.getCause().getMessage(), e);
    } catch (TimeoutException e) {
      throw new IOException("no answer within " + timeout(check).toMillis() + " ms", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static String text(ContentResponse answer) {
    var text = answer.getContentAsString();
    return text == null ? "" : text;
  }

  private static String judged(Check check, int status, String text) throws IOException {
    var said = "%d %s".formatted(status, text).strip();
    if (status / 100 == 2) return said;
    throw new IOException(said);
  }

  /** A request to a wrap, from a client that disconnects as soon as it has the status. */
  private static final class Probe implements Exchange {
    private final String method;
    private final String path;
    private int status;

    Probe(String method, String path) {
      this.method = method;
      this.path = path;
    }

    @Override
    public String method() {
      return method;
    }

    @Override
    public String path() {
      return path;
    }

    @Override
    public String query() {
      return null;
    }

    @Override
    public String header(String name) {
      return null;
    }

    @Override
    public InputStream body() {
      return InputStream.nullInputStream();
    }

    @Override
    public OutputStream respond(int status, Map<String, String> headers) throws IOException {
      this.status = status;
      throw new IOException("seen enough");
    }
  }
}
