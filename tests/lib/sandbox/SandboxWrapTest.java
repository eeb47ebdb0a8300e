import static fly.sandbox.runtime.ImageCommands.ourWrap;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What stands before the MCP server of a Machine: flyctl's wrap, or (--wrap ours) fly-mcp-wrap. */
@Tag("slow")
class SandboxWrapTest {
  private static final String PROGRAM =
      "while read -r line; do id=${line#*\\\"id\\\":}; id=${id%%[,\\}]*}; echo"
          + " \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":$id,\\\"result\\\":{\\\"protocolVersion\\\":\\\"2025-06-18\\\",\\\"pid\\\":$$}}\";"
          + " echo answered >&2; done";
  private static final String BOTH = "application/json, text/event-stream";

  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;
  private URI edge;

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private void wrappedBy(Map<String, String> images, String... credentials) {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).run(images));
    Script.settings(sandbox.url(), sandbox.token());
    edge = URI.create(sandbox.url() + "/edge/mcp-demo/");
    assertEquals(0, Script.run(new CreateApp()).exit());
    assertEquals(0, Script.run(new AllocateIps()).exit());
    var words = new ArrayList<String>();
    for (var credential : credentials) words.addAll(List.of("--set", "config.env." + credential));
    words.addAll(List.of("--no-volume", "--", "sh", "-c", PROGRAM));
    var machine = Script.run(new CreateMachine(), words.toArray(String[]::new));
    assertEquals(0, machine.exit(), machine.err());
  }

  private void flyctls() {
    wrappedBy(Map.of(), "FLY_MCP_BEARER_TOKEN=open-sesame");
  }

  private void ours() {
    wrappedBy(Map.of("flyio/mcp", ourWrap()), "FLY_MCP_BEARER_TOKEN=open-sesame");
  }

  private HttpRequest.Builder request(String accept) {
    return HttpRequest.newBuilder(edge)
        .header("Authorization", "Bearer open-sesame")
        .header("Content-Type", "application/json")
        .header("Accept", accept);
  }

  private HttpResponse<String> post(String accept, String method, int id) throws Exception {
    var body = "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\"}\n".formatted(id, method);
    var request = request(accept).POST(BodyPublishers.ofString(body)).build();
    return http.send(request, BodyHandlers.ofString());
  }

  private HttpResponse<InputStream> get() throws Exception {
    return http.send(request("*/*").GET().build(), BodyHandlers.ofInputStream());
  }

  private static CompletableFuture<String> line(HttpResponse<InputStream> replies) {
    var reader = new BufferedReader(new InputStreamReader(replies.body()));
    return CompletableFuture.supplyAsync(() -> reader.lines().findFirst().orElse("(the end)"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "t", "TRUE"})
  void flyctls_obeys_FLY_MCP_PRIVATE_and_admits_nobody_through_the_edge(String yes)
      throws Exception {
    wrappedBy(Map.of(), "FLY_MCP_BEARER_TOKEN=open-sesame", "FLY_MCP_PRIVATE=" + yes);

    var answer = post("*/*", "ping", 7);

    assertEquals(403, answer.statusCode());
    assertTrue(answer.body().contains("FLY_MCP_PRIVATE"), answer.body());
  }

  @Test
  void ours_keeps_a_reply_until_somebody_listens() throws Exception {
    ours();
    assertEquals(202, post("*/*", "ping", 7).statusCode());

    var reply = Await.value(line(get()));

    assertTrue(reply.contains("\"id\":7"), reply);
  }

  @Test
  void flyctls_drops_a_reply_to_which_nobody_listens() throws Exception {
    flyctls();
    assertEquals(202, post("*/*", "ping", 7).statusCode());
    Await.until(() -> Script.run(new Logs(), "--app", "mcp-demo").out().contains("answered"));
    Thread.sleep(500); // the wrap reads it, too

    var replies = get();
    var reply = line(replies);
    try {
      assertEquals(202, post("*/*", "ping", 8).statusCode());

      var first = Await.value(reply);
      assertTrue(first.contains("\"id\":8"), first);
    } finally {
      replies.body().close();
    }
  }

  @Test
  void ours_speaks_Streamable_HTTP_and_each_session_has_a_program_of_its_own() throws Exception {
    ours();

    var one = post(BOTH, "initialize", 1);
    var other = post(BOTH, "initialize", 1);

    assertEquals(200, one.statusCode(), one.body());
    assertNotEquals(
        one.headers().firstValue("Mcp-Session-Id").orElseThrow(),
        other.headers().firstValue("Mcp-Session-Id").orElseThrow());
    assertTrue(one.body().contains("\"pid\""), one.body());
    assertNotEquals(one.body(), other.body());
  }

  @Test
  void flyctls_refuses_a_second_listener() throws Exception {
    flyctls();
    var first = get();
    assertEquals(200, first.statusCode());

    assertEquals(409, get().statusCode());

    first.body().close();
  }

  @Test
  void both_ask_for_the_token_and_ours_ends_with_its_Machine() throws Exception {
    for (var wrap : new Runnable[] {this::flyctls, this::ours}) {
      wrap.run();
      var open = HttpRequest.newBuilder(edge).GET().build();
      assertEquals(401, http.send(open, BodyHandlers.ofString()).statusCode());
      sandbox.close();
      assertEquals(
          0, ProcessHandle.current().descendants().filter(SandboxWrapTest::isWrap).count());
    }
  }

  @Test
  void without_a_token_both_ask_for_user_and_password() throws Exception {
    for (var images : List.of(Map.<String, String>of(), Map.of("flyio/mcp", ourWrap()))) {
      wrappedBy(images, "FLY_MCP_USER=ali", "FLY_MCP_PASSWORD=baba");
      var ping = BodyPublishers.ofString("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
      var request =
          HttpRequest.newBuilder(edge).header("Content-Type", "application/json").POST(ping);

      assertEquals(401, http.send(request.build(), BodyHandlers.ofString()).statusCode());
      request.header("Authorization", "Basic YWxpOmJhYmE="); // ali:baba
      assertEquals(202, http.send(request.build(), BodyHandlers.ofString()).statusCode());
      sandbox.close();
    }
  }

  @Test
  void through_ours_the_guides_own_call_goes_through_a_suspended_Machine_too() throws Exception {
    ours();
    assertEquals(202, post("*/*", "ping", 1).statusCode());
    assertTrue(Await.value(line(get())).contains("\"id\":1"));
    var machines = Script.run(new ListMachines(), "-q").out().strip();
    System.setProperty("MACHINE_ID", machines);
    assertEquals(0, Script.run(new SuspendMachine()).exit());
    assertEquals(0, Script.run(new WaitMachine(), "--state", "suspended").exit());

    var initialized = post(BOTH, "initialize", 2);

    assertEquals(200, initialized.statusCode(), initialized.body());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_session_through_the_proxy_outlives_that_its_Machine_was_suspended(boolean ours)
      throws Exception {
    if (ours) ours();
    else flyctls();
    var token = Map.of("Authorization", "Bearer open-sesame");
    try (var bridge = Bridge.to(edge.toString(), token).connected()) {
      var before = bridge.call(1).next();
      System.setProperty("MACHINE_ID", Script.run(new ListMachines(), "-q").out().strip());
      assertEquals(0, Script.run(new SuspendMachine()).exit());

      var after = bridge.call(2).next();

      assertEquals(2, after.path("id").asInt());
      assertTrue(before.at("/result/pid").isInt(), before.toString());
      assertEquals(before.at("/result/pid"), after.at("/result/pid"), after.toString());
    }
  }

  private static boolean isWrap(ProcessHandle process) {
    return process.info().commandLine().orElse("").contains("WrapMain");
  }
}
