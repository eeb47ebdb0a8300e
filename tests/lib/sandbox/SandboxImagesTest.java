import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Machines of an image that {@code --image} names: real programs, which the edge leads to. */
@Tag("slow")
class SandboxImagesTest {
  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    var images = Map.of("web", WebApp.command());
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).run(images));
    app("shop");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private void app(String name) throws Exception {
    api("POST", "/apps", "{\"app_name\":\"%s\",\"org_slug\":\"personal\"}".formatted(name));
    api("POST", "/apps/" + name + "/ip_assignments", "{\"type\":\"shared_v4\"}");
  }

  private JsonNode api(String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .timeout(Await.LIMIT)
            .build();
    var answer = http.send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(2, answer.statusCode() / 100, answer.body());
    return Fly.JSON.readTree(answer.body().isEmpty() ? "{}" : answer.body());
  }

  private String machine(String app, String region, String config, String service)
      throws Exception {
    var body =
        """
        {"region":"%s","config":{"image":"web"%s,"services":[{"protocol":"tcp","internal_port":8080,
        "autostart":true,"ports":[{"port":443,"handlers":["tls","http"]}]%s}]}}\
        """
            .formatted(region, config, service);
    return api("POST", "/apps/" + app + "/machines", body).path("id").asText();
  }

  private String machine(String region) throws Exception {
    var id = machine("shop", region, "", "");
    become(id, "started");
    return id;
  }

  private void become(String id, String state) throws Exception {
    api("GET", "/apps/shop/machines/%s/wait?timeout=60&state=%s".formatted(id, state), "");
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return http.send(request.timeout(Await.LIMIT).build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create(sandbox.url() + "/edge/shop" + path));
  }

  private List<String> log() throws Exception {
    var lines = new ArrayList<String>();
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/api/v1/apps/shop/logs"))
            .header("Authorization", "Bearer " + sandbox.token());
    for (var line : Fly.JSON.readTree(send(request).body()).path("data")) {
      lines.add(line.at("/attributes/message").asText());
    }
    return lines;
  }

  // ---- Requests

  @Test
  void its_program_answers_at_the_apps_address_and_starts_on_the_first_request() throws Exception {
    var id = machine("fra");
    api("POST", "/apps/shop/machines/" + id + "/stop", "{}");
    become(id, "stopped");

    var answer = send(to("/a%20b?c=d"));

    assertEquals(id + " /a b c=d", answer.body());
  }

  @Test
  void what_it_says_is_in_the_log() throws Exception {
    machine("fra");

    send(to("/"));

    Await.until(() -> log().containsAll(List.of("on stdout: ", "on stderr")));
  }

  @Test
  void its_arguments_and_its_variables_are_those_of_its_config() throws Exception {
    var id =
        machine(
            "shop",
            "fra",
            ",\"init\":{\"cmd\":[\"one two\",\"three\"]},\"env\":{\"COLOUR\":\"blue\"}",
            "");

    var env = send(to("/env")).body();
    var machine = api("GET", "/apps/shop/machines/" + id, "");

    awaitLog("on stdout: one two three");
    for (var variable :
        List.of(
            "COLOUR=blue",
            "FLY_APP_NAME=shop",
            "FLY_MACHINE_ID=" + id,
            "FLY_ALLOC_ID=" + id,
            "FLY_REGION=fra",
            "FLY_PUBLIC_IP=2605:",
            "FLY_PRIVATE_IP=" + machine.path("private_ip").asText(),
            "FLY_IMAGE_REF=web",
            "FLY_MACHINE_VERSION=" + machine.path("instance_id").asText(),
            "FLY_PROCESS_GROUP=app",
            "FLY_VM_MEMORY_MB=256",
            "PRIMARY_REGION=fra",
            "PORT=" + env.replaceAll("(?s).*PORT_8080=(\\d+).*", "$1"))) {
      assertTrue(env.contains(variable), variable + ": " + env);
    }
  }

  @Test
  void the_app_is_told_of_its_client_and_the_client_of_the_proxy() throws Exception {
    machine("fra");

    var answer =
        send(
            to("/headers")
                .header("Fly-Client-IP", "6.6.6.6")
                .header("X-Forwarded-For", "1.2.3.4")
                .header("fly-replay-src", "instance=me")
                .header("Cookie", "a=1; fly-sandbox-4280=key; b=2")
                .header("X-Custom", "kept"));

    var seen = answer.body().toLowerCase();
    assertTrue(seen.contains("fly-client-ip: [127.0.0.1]"), seen);
    assertTrue(seen.contains("x-forwarded-for: [1.2.3.4, 127.0.0.1]"), seen);
    assertTrue(seen.contains("x-forwarded-proto: [https]"), seen);
    assertTrue(seen.contains("x-forwarded-port: [443]"), seen);
    assertTrue(seen.contains("fly-forwarded-port: [443]"), seen);
    assertTrue(seen.contains("fly-region: [iad]"), seen);
    assertTrue(seen.contains("host: [shop.fly.dev]"), seen);
    assertTrue(seen.contains("via: [1.1 fly.io]"), seen);
    assertTrue(seen.contains("x-custom: [kept]"), seen);
    assertTrue(seen.contains("cookie: [a=1; b=2]"), seen);
    assertFalse(seen.contains("fly-replay-src"), seen);
    var id = answer.headers().firstValue("fly-request-id").orElseThrow();
    assertTrue(seen.contains("fly-request-id: [" + id.toLowerCase() + "]"), seen);
    assertEquals(List.of("yes"), answer.headers().allValues("X-Mine"));
    assertEquals(List.of("Fly/sandbox"), answer.headers().allValues("Server"));
    assertEquals(List.of("1.1 fly.io"), answer.headers().allValues("Via"));
    assertEquals(List.of(), answer.headers().allValues("X-Private"));
  }

  @Test
  void a_port_may_change_the_headers_of_its_answers() throws Exception {
    var body =
        """
        {"config":{"image":"web","services":[{"protocol":"tcp","internal_port":8080,"ports":[{"port":443,
        "http_options":{"response":{"pristine":true,"headers":{"X-Mine":false,"X-New":["a","b"]}}}}]}]}}\
        """;
    become(api("POST", "/apps/shop/machines", body).path("id").asText(), "started");

    var headers = send(to("/headers")).headers();

    assertEquals(List.of(), headers.allValues("X-Mine"));
    assertEquals(List.of("a", "b"), headers.allValues("X-New"));
    assertEquals(List.of("WebApp"), headers.allValues("Server"));
    assertEquals(List.of(), headers.allValues("Via"));
  }

  @Test
  void bodies_pass_in_both_directions_at_once() throws Exception {
    machine("shop", "fra", ",\"init\":{\"cmd\":[\"echo\"]}", "");

    try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var head =
          "POST /echo HTTP/1.1\r\n"
              + "Host: shop.localhost\r\n"
              + "Transfer-Encoding: chunked\r\n\r\n";
      socket.getOutputStream().write(head.getBytes(ISO_8859_1));
      for (var word : List.of("first", "second")) {
        var chunk = Integer.toHexString(word.length()) + "\r\n" + word + "\r\n";
        socket.getOutputStream().write(chunk.getBytes(ISO_8859_1));
        readUntil(socket.getInputStream(), word); // before the request has ended
      }
      socket.getOutputStream().write("0\r\n\r\n".getBytes(ISO_8859_1));
      readUntil(socket.getInputStream(), "0\r\n\r\n");
    }
  }

  private static String readUntil(InputStream in, String word) throws IOException {
    var text = new StringBuilder();
    while (text.indexOf(word) < 0) {
      var next = in.read();
      assertTrue(next >= 0, text.toString());
      text.append((char) next);
    }
    return text.toString();
  }

  @Test
  void a_body_has_no_limit() throws Exception {
    machine("shop", "fra", ",\"init\":{\"cmd\":[\"echo\"]}", "");
    var chunk = new byte[1 << 20];
    var size = 20;

    try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var head = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
      socket.getOutputStream().write(head.getBytes(ISO_8859_1));
      sendInTheBackground(socket, chunk, size);
      var back = 0L;
      var buffer = new byte[1 << 16];
      while (back < (long) size * chunk.length) back += socket.getInputStream().read(buffer);
    }
  }

  private static void sendInTheBackground(Socket socket, byte[] chunk, int times) {
    var sending =
        new Thread(
            () -> {
              try {
                var out = socket.getOutputStream();
                for (var i = 0; i < times; i++) {
                  out.write((Integer.toHexString(chunk.length) + "\r\n").getBytes(ISO_8859_1));
                  out.write(chunk);
                  out.write("\r\n".getBytes(ISO_8859_1));
                }
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
    sending.start();
  }

  @Test
  void a_client_that_goes_is_gone_for_the_app_too() throws Exception {
    machine("fra");

    var answer = http.send(to("/events").build(), HttpResponse.BodyHandlers.ofInputStream());
    try (var events = answer.body()) {
      readUntil(events, "data: here\n\n");
    }

    awaitLog("the client has gone");
  }

  private void awaitLog(String line) throws Exception {
    Await.until(() -> said(line) > 0);
  }

  @Test
  void a_client_that_goes_is_missed_even_where_the_app_says_nothing() throws Exception {
    machine("shop", "fra", "", ",\"concurrency\":{\"hard_limit\":1}");

    for (var request :
        List.of(
            "GET /silent HTTP/1.1\r\nHost: shop.localhost\r\n\r\n",
            "GET /silent?headers HTTP/1.1\r\nHost: shop.localhost\r\n\r\n",
            "POST /silent HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\nhi")) {
      var before = log().stream().filter("silent from now on"::equals).count();
      try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
        socket.getOutputStream().write(request.getBytes(ISO_8859_1));
        Await.until(() -> said("silent from now on") > before);
      }
      assertEquals(200, send(to("/")).statusCode(), "its turn has come");
    }
  }

  @Test
  void a_request_whose_client_goes_while_its_Machine_starts_is_never_made() throws Exception {
    var id = machine("fra");
    api("POST", "/apps/shop/machines/" + id + "/stop", "{}");
    become(id, "stopped");
    sandbox.faults().latency("start=5s"); // it is to be seen starting, and left by then

    try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
      var request = "POST /exit?3 HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 0\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      Await.until(() -> state(id).equals("starting"));
    }

    assertEquals(200, send(to("/")).statusCode());
    assertEquals(200, send(to("/")).statusCode());
    assertEquals(0, said("program ended with code 3"));
  }

  private long said(String line) {
    try {
      return log().stream().filter(line::equals).count();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private String state(String id) {
    try {
      return api("GET", "/apps/shop/machines/" + id, "").path("state").asText();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void a_client_that_does_not_wait_for_the_answer_gets_the_next_one_too() throws Exception {
    machine("shop", "fra", "", ",\"concurrency\":{\"hard_limit\":1}");

    try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var get = "GET /%s HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
      try (var busy =
          http.send(to("/events").build(), HttpResponse.BodyHandlers.ofInputStream()).body()) {
        readUntil(busy, "data");
        socket.getOutputStream().write(get.formatted("one").getBytes(ISO_8859_1));
        TimeUnit.MILLISECONDS.sleep(300); // it waits for its turn now
        socket.getOutputStream().write(get.formatted("two").getBytes(ISO_8859_1));
      }
      readUntil(socket.getInputStream(), " /one null");
      readUntil(socket.getInputStream(), " /two null");
    }
  }

  @Test
  void a_page_below_edge_has_no_rights_at_the_sandbox() throws Exception {
    machine("fra");

    var byPath = send(to("/"));
    var policy = byPath.headers().firstValue("Content-Security-Policy").orElse("");

    assertTrue(policy.startsWith("sandbox"), policy);
    assertFalse(policy.contains("allow-same-origin"), policy);
  }

  @Test
  void an_apps_own_page_may_call_it_and_no_other_page() throws Exception {
    machine("fra");

    assertEquals(200, status("shop.localhost", "http://shop.localhost:" + sandbox.port()));
    assertEquals(403, status("shop.localhost", "http://evil.example"));
    assertEquals(403, status("shop.localhost", "http://other.localhost"));
    assertEquals(403, status("shop.localhost", "null"));
  }

  private int status(String host, String origin) throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var request =
          "POST / HTTP/1.1\r\nHost: %s:%d\r\nOrigin: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
              .formatted(host, sandbox.port(), origin);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      var answer = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
      return Integer.parseInt(answer.split(" ", 3)[1]);
    }
  }

  @Test
  void a_program_that_ends_is_told_and_started_again() throws Exception {
    var id = machine("fra");
    var version = api("GET", "/apps/shop/machines/" + id, "").path("instance_id").asText();

    var answer = send(to("/exit?3"));

    assertEquals(502, answer.statusCode(), answer.body());
    Await.until(() -> send(to("/")).statusCode() == 200);
    var machine = api("GET", "/apps/shop/machines/" + id, "");
    assertEquals(version, machine.path("instance_id").asText());
    var exit = machine.path("events").findValue("exit_event");
    assertEquals(3, exit.path("exit_code").asInt());
    assertTrue(exit.path("restarting").asBoolean());
  }

  private static final String WEB_SOCKET =
      "GET / HTTP/1.1\r\n"
          + "Host: %s\r\n"
          + "Connection: keep-alive, Upgrade\r\n"
          + "Upgrade: websocket\r\n"
          + "Sec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Protocol: chat\r\n"
          + "Sec-WebSocket-Key: %s\r\n\r\n";

  private Socket webSocket(String host, String key) throws IOException {
    var socket = new Socket(InetAddress.getLoopbackAddress(), sandbox.port());
    socket.setSoTimeout(Await.LIMIT_MS);
    socket.getOutputStream().write(WEB_SOCKET.formatted(host, key).getBytes(ISO_8859_1));
    return socket;
  }

  @Test
  void a_WebSocket_passes_in_both_directions_and_counts_as_a_request_until_it_ends()
      throws Exception {
    machine("shop", "fra", ",\"init\":{\"cmd\":[\"echo\"]}", ",\"concurrency\":{\"hard_limit\":1}");

    CompletableFuture<HttpResponse<InputStream>> waiting;
    try (var socket = webSocket("shop.localhost", "sesame")) {
      var head = readUntil(socket.getInputStream(), "\r\n\r\n");
      assertTrue(head.startsWith("HTTP/1.1 101"), head);
      assertTrue(head.contains("Sec-WebSocket-Accept: open\r\n"), head);
      assertFalse(head.contains("Sec-WebSocket-Protocol"), head);
      for (var frame : List.of("\u0081\u0001a", "x".repeat(100_000) + "\u00ff")) {
        socket.getOutputStream().write(frame.getBytes(ISO_8859_1));
        readUntil(socket.getInputStream(), frame);
      }
      waiting = http.sendAsync(to("/").build(), HttpResponse.BodyHandlers.ofInputStream());
      TimeUnit.MILLISECONDS.sleep(300);
      assertFalse(waiting.isDone());
    }

    Await.value(waiting).body().close();
    awaitLog("the client has gone");
  }

  @Test
  void a_WebSocket_ends_with_its_Machine() throws Exception {
    var id = machine("shop", "fra", ",\"init\":{\"cmd\":[\"echo\"]}", "");

    try (var socket = webSocket("shop.localhost", "sesame")) {
      readUntil(socket.getInputStream(), "\r\n\r\n");
      api("DELETE", "/apps/shop/machines/" + id + "?force=true", "");
      assertEquals(-1, socket.getInputStream().read());
    }
  }

  @Test
  void an_app_may_refuse_a_WebSocket_and_the_sandbox_has_none_itself() throws Exception {
    machine("shop", "fra", "", "");

    try (var refused = webSocket("shop.localhost", "other");
        var foreign = webSocket("evil.example", "sesame");
        var own = webSocket("localhost", "sesame")) {
      assertTrue(readUntil(refused.getInputStream(), "\r\n").startsWith("HTTP/1.1 200"));
      assertTrue(readUntil(foreign.getInputStream(), "\r\n").startsWith("HTTP/1.1 403"));
      assertTrue(readUntil(own.getInputStream(), "\r\n").startsWith("HTTP/1.1 401"));
    }
  }

  @Test
  void half_an_answer_does_not_look_like_a_whole_one() throws Exception {
    machine("fra");

    assertThrows(IOException.class, () -> send(to("/half")));
  }

  @Test
  void long_headers_and_any_method_pass_and_an_answer_has_one_date() throws Exception {
    machine("fra");
    var text = "x".repeat(40_000);

    var answer = send(to("/long").header("X-Long", text).method("PROPFIND", noBody()));

    assertEquals(List.of(text), answer.headers().allValues("X-Long"));
    assertEquals(1, answer.headers().allValues("Date").size());
  }

  private static HttpRequest.BodyPublisher noBody() {
    return HttpRequest.BodyPublishers.noBody();
  }

  // ---- fly-replay

  @Test
  void an_app_may_send_a_request_to_another_Machine() throws Exception {
    var fra = machine("fra");
    var ams = machine("ams");

    var byInstance =
        send(
            to("/once?instance=" + ams + ";state=red")
                .header("fly-force-instance-id", fra)
                .POST(HttpRequest.BodyPublishers.ofString("the body")));
    var byRegion = send(to("/once?region=%22ams%22").header("fly-force-instance-id", fra));
    var elsewhere = send(to("/once?elsewhere=true").header("fly-force-instance-id", fra));

    assertTrue(
        byInstance
            .body()
            .matches("%s instance=%s;region=fra;t=\\d{16};state=red the body".formatted(ams, fra)),
        byInstance.body());
    assertFalse(byInstance.headers().firstValue("fly-replay").isPresent());
    assertTrue(byRegion.body().startsWith(ams + " instance=" + fra), byRegion.body());
    assertTrue(elsewhere.body().startsWith(ams + " instance=" + fra), elsewhere.body());
  }

  @Test
  void an_app_may_send_a_request_to_another_app() throws Exception {
    machine("fra");
    app("other");
    var there = machine("other", "fra", "", "");

    var answer = send(to("/once?app=other"));

    assertTrue(answer.body().startsWith(there + " instance="), answer.body());
  }

  @Test
  void a_replay_that_cannot_be_is_told_with_its_code() throws Exception {
    var id = machine("fra");

    assertReplayFails("PA04", send(to("/replay?app=nobody")));
    assertReplayFails("PA03", send(to("/replay?nonsense")));
    assertReplayFails("PA02", send(to("/replay?instance=" + id)));
    assertReplayFails(
        "PA01",
        send(
            to("/once?instance=" + id)
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[2 << 20]))));
    assertEquals(503, send(to("/replay?instance=00000000000000")).statusCode());
  }

  private static void assertReplayFails(String code, HttpResponse<String> answer) {
    assertEquals(502, answer.statusCode(), answer.body());
    assertTrue(answer.body().contains(code), answer.body());
  }

  @Test
  void a_replay_may_be_told_in_a_body_too() throws Exception {
    var fra = machine("fra");

    var answer = send(to("/json?00000000000000").header("fly-force-instance-id", fra));

    assertEquals(503, answer.statusCode(), answer.body());
    assertTrue(answer.body().contains("00000000000000"), answer.body());
  }

  // ---- Concurrency

  @Test
  void requests_go_to_the_Machine_with_the_least_to_do() throws Exception {
    var fra = machine("fra");
    machine("ams");

    // A request counts until a moment after its answer: so it may for the next two of three.
    try (var one = busy(fra);
        var two = busy(fra);
        var three = busy(fra)) {
      for (var i = 0; i < 3; i++) assertFalse(send(to("/")).body().startsWith(fra));
    }
  }

  /** A response of this Machine without an end, which has begun. */
  private InputStream busy(String machine) throws Exception {
    var request = to("/events").header("fly-force-instance-id", machine).build();
    var events = http.send(request, HttpResponse.BodyHandlers.ofInputStream()).body();
    readUntil(events, "data");
    return events;
  }

  @Test
  void over_the_soft_limit_another_Machine_is_started() throws Exception {
    var limits = ",\"concurrency\":{\"type\":\"requests\",\"soft_limit\":1}";
    var first = machine("shop", "fra", "", limits);
    become(first, "started");
    var second = machine("shop", "fra", "", limits);
    become(second, "started");
    api("POST", "/apps/shop/machines/" + second + "/stop", "{}");
    become(second, "stopped");

    assertTrue(send(to("/")).body().startsWith(first));
    try (var busy = busy(first)) {
      assertTrue(send(to("/")).body().startsWith(second));
    }
    become(second, "started");
  }

  @Test
  void at_the_hard_limit_a_request_waits_for_its_turn() throws Exception {
    machine("shop", "fra", "", ",\"concurrency\":{\"hard_limit\":1}");

    CompletableFuture<HttpResponse<String>> waiting;
    try (var busy =
        http.send(to("/events").build(), HttpResponse.BodyHandlers.ofInputStream()).body()) {
      readUntil(busy, "data");
      waiting = http.sendAsync(to("/").build(), HttpResponse.BodyHandlers.ofString());
      TimeUnit.MILLISECONDS.sleep(300);
      assertFalse(waiting.isDone());
    }

    assertEquals(200, Await.value(waiting).statusCode());
  }

  @Test
  void a_request_that_no_Machine_can_take_in_time_is_told_why() throws Exception {
    var full = machine("shop", "fra", "", ",\"concurrency\":{\"hard_limit\":1}");
    try (var busy =
        http.send(to("/events").build(), HttpResponse.BodyHandlers.ofInputStream()).body()) {
      readUntil(busy, "data");
      sandbox.hold(Duration.ofMillis(500));
      assertRefused(503, "PR03: every Machine of the app shop is at its hard_limit");
    }
    api("DELETE", "/apps/shop/machines/" + full + "?force=true", "");

    var deaf = machine("shop", "fra", ",\"init\":{\"cmd\":[\"deaf\"]}", "");
    api("GET", "/apps/shop/machines/" + deaf + "/wait?state=started", "");
    assertRefused(502, "PC01: nothing listens for port 8080 of Machine " + deaf);
    api("DELETE", "/apps/shop/machines/" + deaf + "?force=true", "");

    var check = ",\"checks\":[{\"type\":\"http\",\"path\":\"/exit\",\"port\":9999}]";
    var ill = machine("shop", "fra", "", check);
    become(ill, "started");
    awaitCheck(ill, 0, "critical");
    assertRefused(503, "a health check of Machine " + ill + " fails");
  }

  private void assertRefused(int status, String reason) throws Exception {
    var answer = send(to("/"));
    assertEquals(status, answer.statusCode(), answer.body());
    assertTrue(answer.body().contains(reason), answer.body());
  }

  @Test
  void while_it_answers_a_Machine_is_not_idle() throws Exception {
    sandbox.idle("300ms");
    app("witness");
    var stops = ",\"autostop\":\"stop\"";
    var id = machine("shop", "fra", "", stops);

    try (var busy =
        http.send(to("/events").build(), HttpResponse.BodyHandlers.ofInputStream()).body()) {
      readUntil(busy, "data");
      for (var round = 0; round < 2; round++) { // and so this one was looked at, too
        var other = machine("witness", "fra", "", stops);
        api("GET", "/apps/witness/machines/" + other + "/wait?timeout=60&state=stopped", "");
      }
      assertEquals("started", state(id));
    }

    become(id, "stopped");
    assertTrue(send(to("/")).body().startsWith(id));
  }

  // ---- Health checks

  private JsonNode check(String id, int index) throws Exception {
    return api("GET", "/apps/shop/machines/" + id, "").path("checks").path(index);
  }

  private void awaitCheck(String id, int index, String status) throws Exception {
    Await.until(
        () -> check(id, index).path("status").asText().equals(status), () -> "not " + status);
  }

  @Test
  void health_checks_are_made_and_told() throws Exception {
    var id =
        machine(
            "shop",
            "fra",
            """
            ,"checks":{
              "page":{"type":"http","port":8080,"path":"/health","interval":"200ms","timeout":"5s"},
              "door":{"type":"tcp","port":8080,"interval":"200ms"},
              "cellar":{"type":"tcp","port":9999,"interval":"200ms"}}\
            """,
            "");
    become(id, "started");

    awaitCheck(id, 0, "passing");
    awaitCheck(id, 1, "passing");
    awaitCheck(id, 2, "critical");
    assertEquals("page", check(id, 0).path("name").asText());
    assertEquals("200 I am well", check(id, 0).path("output").asText());
    send(to("/ill"));
    awaitCheck(id, 0, "critical");
    assertEquals("500 I am ill", check(id, 0).path("output").asText());
    assertEquals(200, send(to("/")).statusCode(), "it is informational");
  }

  @Test
  void a_Machine_whose_service_check_fails_gets_no_requests() throws Exception {
    var checks =
        ",\"checks\":[{\"type\":\"http\",\"path\":\"/health\",\"interval\":\"200ms\","
            + "\"timeout\":\"1m\"}]";
    var fra = machine("shop", "fra", "", checks);
    var ams = machine("shop", "ams", "", checks);
    awaitCheck(fra, 0, "passing");
    awaitCheck(ams, 0, "passing");
    assertEquals("servicecheck-00-http-8080", check(fra, 0).path("name").asText());
    var prefersFra = to("/").header("fly-prefer-region", "fra");
    assertTrue(send(prefersFra).body().startsWith(fra));

    send(to("/ill").header("fly-force-instance-id", fra));
    awaitCheck(fra, 0, "critical");

    assertTrue(send(prefersFra).body().startsWith(ams));
  }

  @Test
  void a_Machine_that_runs_no_program_has_no_checks() throws Exception {
    var body =
        "{\"config\":{\"image\":\"nginx\",\"checks\":{\"x\":{\"type\":\"tcp\",\"port\":80}}}}";
    var id = api("POST", "/apps/shop/machines", body).path("id").asText();
    become(id, "started");

    assertEquals(0, api("GET", "/apps/shop/machines/" + id, "").path("checks").size());
  }

  // ---- Several processes

  private static final String TWO =
      """
      ,"env":{"A":"machine","B":"machine"},"processes":[
        {"cmd":["front"],"env":{"B":"process"},"env_from":[{"env_var":"WHERE","field_ref":"region"}]},
        {"exec":["sh","-c","echo worker B=$B secret=$KEY other=$OTHER; exec sleep 1000"],
         "ignore_app_secrets":true,"secrets":[{"env_var":"KEY"}]}]\
      """;

  @Test
  void several_processes_run_side_by_side() throws Exception {
    api("POST", "/apps/shop/secrets/KEY", "{\"value\":\"k1\"}");
    api("POST", "/apps/shop/secrets/OTHER", "{\"value\":\"o1\"}");
    var id = machine("shop", "fra", TWO, "");

    var env = send(to("/env")).body();

    assertTrue(env.contains("A=machine") && env.contains("B=process"), env);
    assertTrue(env.contains("WHERE=fra") && env.contains("OTHER=o1"), env);
    var words = List.of("on stdout: front", "worker B=machine secret=k1 other=");
    Await.until(() -> log().containsAll(words));
    var commands = api("GET", "/apps/shop/machines/" + id + "/ps", "").findValuesAsText("command");
    assertTrue(
        commands.stream().anyMatch(command -> command.contains("sleep")), commands.toString());
    assertTrue(
        commands.stream().anyMatch(command -> command.contains("WebApp")), commands.toString());
  }

  @Test
  void where_one_process_ends_well_the_Machine_stops_with_all_of_them() throws Exception {
    var before = sleepers();
    var id = machine("shop", "fra", TWO, "");
    send(to("/"));
    Await.until(() -> sleepers() != before);

    send(to("/exit?0"));

    become(id, "stopped");
    assertEquals(before, sleepers());
  }

  private static long sleepers() {
    return ProcessHandle.current()
        .descendants()
        .filter(process -> process.info().commandLine().orElse("").contains("sleep 1000"))
        .count();
  }

  @Test
  void a_config_that_no_process_can_have_is_refused() throws Exception {
    for (var wrong :
        List.of(
            "\"schedule\":\"sometimes\"",
            "\"restart\":{\"policy\":\"perhaps\"}",
            "\"processes\":[{\"cmd\":\"sleep 1\"}]",
            "\"processes\":{}",
            "\"checks\":{\"x\":{\"type\":\"ping\"}}",
            "\"checks\":{\"x\":{\"type\":\"tcp\",\"port\":\"80\"}}",
            "\"checks\":{\"x\":{\"type\":\"tcp\",\"interval\":\"soon\"}}")) {
      var request =
          HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1/apps/shop/machines"))
              .header("Authorization", "Bearer " + sandbox.token())
              .POST(
                  HttpRequest.BodyPublishers.ofString(
                      "{\"config\":{\"image\":\"web\"," + wrong + "}}"));
      var answer = send(request);
      assertEquals(400, answer.statusCode(), wrong + ": " + answer.body());
    }
    var id =
        machine("shop", "fra", ",\"schedule\":\"daily\",\"restart\":{\"policy\":\"always\"}", "");
    assertFalse(id.isEmpty());
  }
}
