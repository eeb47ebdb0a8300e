import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The sandbox makes trouble when told to, and the scripts get through it. */
class SandboxTroubleTest {
  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;

  @BeforeEach
  void start() {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    Script.settings(sandbox.url(), sandbox.token());
  }

  @AfterEach
  void stop() {
    Deadline.clock(null);
    sandbox.close();
  }

  private HttpResponse<String> get(String path) throws Exception {
    return get(path, Await.LIMIT);
  }

  private HttpResponse<String> get(String path, Duration limit) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .timeout(limit)
            .header("Authorization", "Bearer " + sandbox.token());
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void without_being_told_it_makes_none() throws Exception {
    for (int i = 0; i < 20; i++) assertEquals(200, get("/v1/apps?org_slug=personal").statusCode());
  }

  @Test
  void rate_limits_let_three_pass_at_once_and_answer_the_rest_with_429() throws Exception {
    Script.run(new CreateApp());
    sandbox.faults().rateLimits(true);

    for (int i = 0; i < 3; i++) assertEquals(200, get("/v1/apps/mcp-demo/volumes").statusCode());
    Await.until(() -> get("/v1/apps/mcp-demo/volumes").statusCode() == 429);
    assertEquals(0, Script.run(new ListMachines()).exit());
  }

  @Test
  void a_sandbox_with_rate_limits_exports_that_it_has_them() {
    assertFalse(sandbox.environment().containsKey("FLY_RATE_LIMITS"));

    sandbox.faults().rateLimits(true);

    assertEquals("on", sandbox.environment().get("FLY_RATE_LIMITS"));
  }

  @Test
  void a_status_comes_as_often_as_asked_for_and_has_no_effect() {
    sandbox.faults().faults(List.of("POST /v1/apps 503 x1"));

    var created = Script.run(new CreateApp());

    assertEquals(0, created.exit(), created.err());
    assertTrue(created.err().contains("sending the same again"), created.err());
    assertEquals(1, sandboxApps());
  }

  @Test
  void a_connection_reset_after_the_effect_leaves_one_volume_and_not_two() {
    Script.run(new CreateApp());
    sandbox.faults().faults(List.of("POST /v1/apps/*/volumes reset-after x1"));

    var created = Script.run(new CreateVolume());

    assertEquals(0, created.exit(), created.err());
    assertTrue(created.err().contains("It happened."), created.err());
    assertEquals(1, Fly.connect(null, null, (f, a) -> {}).get("/v1/apps/mcp-demo/volumes").size());
  }

  @Test
  void a_Machine_whose_answer_was_lost_is_found_again() {
    Script.run(new CreateApp());
    sandbox.faults().faults(List.of("POST /v1/apps/*/machines reset-after x1"));

    var created = Script.run(new CreateMachine(), "--no-volume");

    assertEquals(0, created.exit(), created.err());
    assertEquals(1, Fly.connect(null, null, (f, a) -> {}).get("/v1/apps/mcp-demo/machines").size());
  }

  @Test
  void a_connection_reset_before_the_effect_has_none() throws Exception {
    Deadline.clock(new FastClock());
    sandbox.faults().faults(List.of("POST /v1/apps reset-before"));

    assertEquals(5, Script.run(new CreateApp(), "--deadline", "60s").exit());

    sandbox.faults().faults(List.of());
    assertEquals(0, sandboxApps());
  }

  @Test
  void a_reset_is_one_and_no_end() throws Exception {
    sandbox.faults().faults(List.of("GET /v1/a reset-before", "GET /v1/b reset-after"));

    for (var path : List.of("/v1/a", "/v1/b")) {
      try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
        socket.setSoTimeout(Await.LIMIT_MS);
        var request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
        socket.getOutputStream().write(request.getBytes());

        var reset = assertThrows(SocketException.class, () -> socket.getInputStream().read());

        assertTrue(reset.getMessage().contains("reset"), reset.getMessage());
      }
    }
  }

  @Test
  void a_timeout_is_silence() {
    sandbox.faults().faults(List.of("GET /v1/platform/regions timeout x1"));

    assertThrows(
        java.net.http.HttpTimeoutException.class,
        () -> get("/v1/platform/regions", Duration.ofSeconds(1)));
  }

  @Test
  void a_Machine_takes_as_long_to_start_as_told() {
    Script.run(new CreateApp());
    sandbox.faults().latency("create=60s");

    var created = Script.run(new CreateMachine(), "-q", "--no-volume");
    System.setProperty("MACHINE_ID", created.out().strip());
    var waited = Script.run(new WaitMachine(), "--timeout", "3s");

    assertEquals(1, waited.exit());
    assertTrue(waited.err().contains("currently created"), waited.err());
  }

  @Test
  void what_it_does_not_understand_it_refuses_with_an_example() {
    for (var wrong : List.of("nonsense", "POST /v1/apps 200", "GET noslash 503")) {
      var refused = assertThrows(FlyException.class, () -> sandbox.faults().faults(List.of(wrong)));
      assertTrue(refused.tryNext.contains("POST /v1/apps/*/machines 503 x2"), refused.tryNext);
    }
    assertThrows(FlyException.class, () -> sandbox.faults().latency("boot=1s"));
    assertThrows(FlyException.class, () -> sandbox.faults().latency("api=soon"));
  }

  @Test
  void it_can_be_changed_while_it_runs() {
    Deadline.clock(new FastClock());
    sandbox.publish(fly.Fly.JSON.createObjectNode(), null); // where --change finds its token
    var port = String.valueOf(sandbox.port());

    var changed =
        Script.run(
            new Sandbox(),
            "--change",
            "--port",
            port,
            "--fault",
            "GET /v1/apps 500",
            "--latency",
            "api=1ms");

    assertEquals(0, changed.exit(), changed.err());
    assertTrue(changed.out().contains("\"GET /v1/apps 500\""), changed.out());
    assertEquals(1, Script.run(new ListApps()).exit());
    assertEquals(0, Script.run(new Sandbox(), "--change", "--port", port).exit());
    assertEquals(0, Script.run(new ListApps()).exit());
    assertFalse(Script.run(new Sandbox(), "--change", "--port", port, "--fault", "x").exit() == 0);
  }

  private int sandboxApps() {
    return Fly.connect(null, null, (f, a) -> {})
        .get("/v1/apps?org_slug=personal")
        .path("apps")
        .size();
  }
}
