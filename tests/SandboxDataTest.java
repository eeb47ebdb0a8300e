import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.h2.mvstore.MVStore;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a sandbox with --data remembers. */
class SandboxDataTest {
  private static final String MACHINE = "{\"config\":{\"image\":\"nginx\"}}";

  @TempDir Path folder;
  private final HttpClient http = HttpClient.newHttpClient();
  private String url;
  private String token;

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  private SandboxServer open() {
    var sandbox = SandboxServer.start(SandboxServer.Config.onPort(0).keep(folder.resolve("data")));
    url = sandbox.url();
    token = sandbox.token();
    return sandbox;
  }

  private JsonNode call(String method, String path, String body)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create(url + path))
            .header("Authorization", "Bearer " + token)
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build();
    var answer = http.send(request, HttpResponse.BodyHandlers.ofString());
    assertTrue(answer.statusCode() < 300, () -> path + ": " + answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  private JsonNode get(String path) throws IOException, InterruptedException {
    return call("GET", path, "");
  }

  private void await(String machine, String state) throws IOException, InterruptedException {
    get("/v1/apps/one/machines/" + machine + "/wait?timeout=20&state=" + state);
  }

  @Test
  void what_a_sandbox_held_is_there_after_its_restart() throws Exception {
    var paths =
        List.of("", "/ip_assignments", "/volumes", "/secrets?show_secrets=true", "/certificates");
    var before = new ArrayList<JsonNode>();
    String started;
    String suspended;
    String oldToken;
    try (var sandbox = open()) {
      oldToken = token;
      call("POST", "/v1/apps", "{\"app_name\":\"one\",\"org_slug\":\"personal\"}");
      call("POST", "/v1/apps", "{\"app_name\":\"gone\",\"org_slug\":\"personal\"}");
      call("DELETE", "/v1/apps/gone", "");
      call("POST", "/v1/apps/one/ip_assignments", "{\"type\":\"v6\"}");
      call("POST", "/v1/apps/one/volumes", "{\"name\":\"disk\",\"region\":\"iad\"}");
      call("POST", "/v1/apps/one/secrets/WORD", "{\"value\":\"xyzzy\"}");
      call("POST", "/v1/apps/one/certificates/acme", "{\"hostname\":\"www.example.com\"}");
      started = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      suspended = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      await(started, "started");
      await(suspended, "started");
      call("POST", "/v1/apps/one/machines/" + started + "/metadata/color", "{\"value\":\"red\"}");
      call("POST", "/v1/apps/one/machines/" + started + "/cordon", "");
      call("POST", "/v1/apps/one/machines/" + suspended + "/suspend", "");
      await(suspended, "suspended");
      for (var path : paths) before.add(get("/v1/apps/one" + path));
    }

    try (var sandbox = open()) {
      await(started, "started");
      var after = new ArrayList<JsonNode>();
      for (var path : paths) after.add(get("/v1/apps/one" + path));

      assertEquals(before, after);
      assertEquals(oldToken, token);
      assertEquals(1, get("/v1/apps?org_slug=personal").path("total_apps").asInt());
      var machine = get("/v1/apps/one/machines/" + started);
      assertEquals("red", machine.at("/config/metadata/color").asText());
      assertTrue(machine.path("cordoned").asBoolean());
      assertEquals(
          List.of("started", "starting", "started", "starting", "created"),
          machine.path("events").findValuesAsText("status"));
      assertEquals("stopped", get("/v1/apps/one/machines/" + suspended).path("state").asText());
    }
  }

  @Test
  void the_files_of_volumes_and_their_snapshots_survive() throws Exception {
    try (var sandbox = open()) {
      call("POST", "/v1/apps", "{\"app_name\":\"one\",\"org_slug\":\"personal\"}");
      var disk =
          call("POST", "/v1/apps/one/volumes", "{\"name\":\"disk\",\"region\":\"iad\"}")
              .path("id")
              .asText();
      Files.writeString(folder.resolve("data/volumes/" + disk + "/note"), "old");
      call("POST", "/v1/apps/one/volumes/" + disk + "/snapshots", "");
      Files.writeString(folder.resolve("data/volumes/" + disk + "/note"), "new");
    }

    try (var sandbox = open()) {
      var disk = get("/v1/apps/one/volumes").at("/0/id").asText();
      var snapshot = get("/v1/apps/one/volumes/" + disk + "/snapshots").at("/0/id").asText();
      var request = "{\"name\":\"again\",\"region\":\"iad\",\"snapshot_id\":\"" + snapshot + "\"}";
      var restored = call("POST", "/v1/apps/one/volumes", request).path("id").asText();

      assertEquals("new", Files.readString(folder.resolve("data/volumes/" + disk + "/note")));
      assertEquals("old", Files.readString(folder.resolve("data/volumes/" + restored + "/note")));
    }
  }

  @Test
  void killed_by_SIGKILL_in_the_midst_of_creates_it_loses_none_that_it_acknowledged()
      throws Exception {
    var acknowledged = new HashSet<String>();
    var data = folder.resolve("data").toString();
    for (int round = 0; round < 3; round++) {
      var port = String.valueOf(freePort());
      var start = Script.run(new Sandbox(), "--start", "--port", port, "--data", data);
      assertEquals(0, start.exit(), start.err());
      url = "http://127.0.0.1:" + port;
      token = start.out().replaceFirst("(?s).*FLY_API_TOKEN='([^']*)'.*", "$1");
      var status = Script.run(new Sandbox(), "--status", "--port", port).out();
      var process = ProcessHandle.of(Fly.JSON.readTree(status).path("pid").asLong()).orElseThrow();
      if (round == 0) call("POST", "/v1/apps", "{\"app_name\":\"one\",\"org_slug\":\"personal\"}");
      var enough = acknowledged.size() + 50;

      try {
        for (var killed = false; ; ) {
          acknowledged.add(call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText());
          if (acknowledged.size() >= enough && !killed) killed = process.destroyForcibly();
        }
      } catch (IOException e) {
        process.onExit().join();
      }
    }

    try (var sandbox = open()) {
      var ids = new HashSet<String>();
      get("/v1/apps/one/machines").forEach(machine -> ids.add(machine.path("id").asText()));
      acknowledged.removeAll(ids);
      assertEquals(List.of(), List.copyOf(acknowledged));
      assertTrue(ids.size() >= 150);
    }
  }

  @Test
  void a_second_sandbox_on_the_same_folder_is_refused() {
    try (var sandbox = open()) {
      var second = second();

      assertEquals(1, second.exit());
      assertEquals("", second.out());
      assertTrue(second.err().contains("error: a sandbox is running on "), second.err());
    }
  }

  @Test
  void a_newer_sandboxs_data_is_refused_and_left_as_it_was() throws Exception {
    open().close();
    var file = folder.resolve("data/sandbox.mv").toString();
    try (var store = MVStore.open(file)) {
      store.openMap("meta").put("format", "99");
    }

    var refused = second();

    assertEquals(1, refused.exit());
    assertTrue(refused.err().contains("is a newer sandbox's"), refused.err());
    try (var store = MVStore.open(file)) {
      assertEquals("99", store.openMap("meta").get("format"));
    }
  }

  @Test
  void a_lease_is_held_over_a_restart() throws Exception {
    String machine;
    try (var sandbox = open()) {
      call("POST", "/v1/apps", "{\"app_name\":\"one\",\"org_slug\":\"personal\"}");
      machine = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      await(machine, "started");
      call("POST", "/v1/apps/one/machines/" + machine + "/lease", "{\"ttl\":600}");
    }

    try (var sandbox = open()) {
      await(machine, "started");
      var request =
          HttpRequest.newBuilder(URI.create(url + "/v1/apps/one/machines/" + machine + "/stop"))
              .header("Authorization", "Bearer " + token)
              .POST(HttpRequest.BodyPublishers.noBody())
              .build();
      var answer = http.send(request, HttpResponse.BodyHandlers.ofString());

      assertEquals(409, answer.statusCode(), answer.body());
      assertTrue(answer.body().contains("lease currently held by"), answer.body());
    }
  }

  @Test
  void a_Machine_that_was_on_its_way_up_gets_there_and_one_on_its_way_out_is_gone()
      throws Exception {
    String starting;
    String destroyed;
    try (var sandbox = open()) {
      call("POST", "/v1/apps", "{\"app_name\":\"one\",\"org_slug\":\"personal\"}");
      destroyed = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      await(destroyed, "started");
      sandbox.trouble().latency("create=10m");
      starting = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      assertEquals("created", get("/v1/apps/one/machines/" + starting).path("state").asText());
      call("DELETE", "/v1/apps/one/machines/" + destroyed + "?force=true", "");
    }

    try (var sandbox = open()) {
      await(starting, "started");
      var left = get("/v1/apps/one/machines");
      assertEquals(1, left.size());
      assertEquals(starting, left.at("/0/id").asText());
    }
  }

  @Test
  void a_folder_that_cannot_be_written_is_told() throws Exception {
    var file = Files.writeString(folder.resolve("file"), "no folder");

    var refused =
        Script.run(new Sandbox(), "--port", "0", "--data", file.resolve("data").toString());

    assertEquals(1, refused.exit());
    assertTrue(refused.err().contains("the sandbox cannot keep its data in"), refused.err());
    assertFalse(refused.err().contains("\tat "), refused.err());
  }

  @Test
  void a_folder_of_somebody_elses_is_refused_and_left_alone() throws Exception {
    var data = Files.createDirectory(folder.resolve("data"));
    Files.writeString(data.resolve("thesis.txt"), "mine");

    var refused = second();

    assertEquals(1, refused.exit());
    assertTrue(refused.err().contains("is no sandbox's folder"), refused.err());
    try (var files = Files.list(data)) {
      assertEquals(List.of(data.resolve("thesis.txt")), files.toList());
    }
  }

  @Test
  void a_broken_database_is_refused_and_left_as_it_was() throws Exception {
    var file = Files.createDirectory(folder.resolve("data")).resolve("sandbox.mv");
    var bytes = "no database ".repeat(2000);
    Files.writeString(file, bytes);

    var refused = second();

    assertEquals(1, refused.exit());
    assertTrue(refused.err().contains("cannot be read"), refused.err());
    assertEquals(bytes, Files.readString(file));
    assertFalse(refused.err().contains("\tat "), refused.err());
  }

  private Script.Result second() {
    return Script.run(new Sandbox(), "--port", "0", "--data", folder.resolve("data").toString());
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
