import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Deadline;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.time.Duration;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A sandbox of the test class, with a new app for each test: Machines are state only. Waits of 5 s
 * and longer take no time.
 */
final class FleetSandbox implements BeforeAllCallback, BeforeEachCallback, AfterAllCallback {
  private static int apps;

  private SandboxServer server;
  private String app;

  @Override
  public void beforeAll(ExtensionContext context) {
    server = SandboxServer.start(SandboxConfig.onPort(0));
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    Deadline.clock(FastClock.forWaitsFrom(Duration.ofSeconds(5)));
    server.faults().rateLimits(false);
    server.faults().latency("");
    server.faults().faults(java.util.List.of());
    app = "fleet-app-" + ++apps;
    Script.settings("http://127.0.0.1:" + server.port(), server.token());
    System.setProperty("APP_NAME", app);
    fly()
        .post(
            "/v1/apps",
            Fly.JSON.createObjectNode().put("app_name", app).put("org_slug", "personal"));
  }

  @Override
  public void afterAll(ExtensionContext context) {
    Deadline.clock(null);
    server.close();
  }

  SandboxServer server() {
    return server;
  }

  String app() {
    return app;
  }

  Fly fly() {
    return Fly.connect(null, null, (format, args) -> {});
  }

  /** A request for a Machine that is state only. */
  static ObjectNode request(String name) {
    var request = Fly.JSON.createObjectNode().put("name", name).put("region", "iad");
    request.putObject("config").put("image", "my/app:1");
    return request;
  }

  /** A started Machine. */
  String started(String name) {
    var id = fly().post("/v1/apps/{app}/machines", request(name), app).path("id").asText();
    new fly.Machines(fly(), (format, args) -> {})
        .waitFor(app, id, fly.Machines.State.started, Await.LIMIT);
    return id;
  }

  /** A volume that no Machine has. */
  String volume(String name) {
    var request = Fly.JSON.createObjectNode().put("name", name).put("region", "iad");
    return fly().post("/v1/apps/{app}/volumes", request.put("size_gb", 1), app).path("id").asText();
  }

  JsonNode machine(String id) {
    return fly().get("/v1/apps/{app}/machines/{machine}", app, id);
  }
}
