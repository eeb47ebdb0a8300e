import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.h2.mvstore.MVStore;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a sandbox with --data remembers. */
class SandboxDataTest {
  private static final String MACHINE = "{'config':{'image':'nginx'}}";
  private static final String STILL = "{'name':'%s','skip_launch':true,'config':{'image':'nginx'}}";
  private static final String VOLUME = "{'name':'%s','region':'iad','size_gb':3}";
  private static final String APP = "{'app_name':'%s','org_slug':'personal'}";

  @TempDir Path folder;
  private final HttpClient http = Http.CLIENT;
  private String url;
  private String token;

  @BeforeEach
  void settings() {
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
  }

  private SandboxServer open() {
    var sandbox = SandboxServer.start(SandboxConfig.onPort(0).keep(folder.resolve("data")));
    url = sandbox.url();
    token = sandbox.token();
    return sandbox;
  }

  /** In the body single quotes will do. */
  private HttpResponse<String> send(String method, String path, String body)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create(url + path))
            .header("Authorization", "Bearer " + token)
            .method(method, HttpRequest.BodyPublishers.ofString(body.replace('\'', '"')))
            .build();
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode call(String method, String path, String body)
      throws IOException, InterruptedException {
    var answer = send(method, path, body);
    assertTrue(answer.statusCode() < 300, () -> path + ": " + answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  private JsonNode get(String path) throws IOException, InterruptedException {
    return call("GET", path, "");
  }

  private void await(String machine, String state) throws IOException, InterruptedException {
    get("/v1/apps/one/machines/" + machine + "/wait?timeout=60&state=" + state);
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
      post("/v1/apps", APP, "one");
      post("/v1/apps", APP, "gone");
      call("DELETE", "/v1/apps/gone", "");
      call("POST", "/v1/apps/one/ip_assignments", "{'type':'v6'}");
      call("POST", "/v1/apps/one/volumes", "{'name':'disk','region':'iad'}");
      call("POST", "/v1/apps/one/secrets/WORD", "{'value':'xyzzy'}");
      call("POST", "/v1/apps/one/certificates/acme", "{'hostname':'www.example.com'}");
      started = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      suspended = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      await(started, "started");
      await(suspended, "started");
      call("POST", "/v1/apps/one/machines/" + started + "/metadata/color", "{'value':'red'}");
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
      post("/v1/apps", APP, "one");
      var disk =
          call("POST", "/v1/apps/one/volumes", "{'name':'disk','region':'iad'}")
              .path("id")
              .asText();
      Files.writeString(folder.resolve("data/volumes/" + disk + "/note"), "old");
      call("POST", "/v1/apps/one/volumes/" + disk + "/snapshots", "");
      Files.writeString(folder.resolve("data/volumes/" + disk + "/note"), "new");
    }

    try (var sandbox = open()) {
      var disk = get("/v1/apps/one/volumes").at("/0/id").asText();
      var snapshot = get("/v1/apps/one/volumes/" + disk + "/snapshots").at("/0/id").asText();
      var request = "{'name':'again','region':'iad','snapshot_id':'" + snapshot + "'}";
      var restored = call("POST", "/v1/apps/one/volumes", request).path("id").asText();

      assertEquals("new", Files.readString(folder.resolve("data/volumes/" + disk + "/note")));
      assertEquals("old", Files.readString(folder.resolve("data/volumes/" + restored + "/note")));
    }
  }

  /** A kind of change, each of which makes a number larger by one that can be found again. */
  private static final class Growth {
    private interface Change {
      void make(int number) throws Exception;
    }

    private final String kind;
    private final Change change;
    private final Callable<Integer> found;
    private int asked;
    private int acknowledged;

    Growth(String kind, Change change, Callable<Integer> found) {
      this.kind = kind;
      this.change = change;
      this.found = found;
    }

    void go() throws Exception {
      change.make(++asked);
      acknowledged = asked;
    }

    /** What was asked for and not acknowledged may have happened or not. */
    void check() throws Exception {
      var is = found.call();
      assertTrue(
          acknowledged <= is && is <= asked,
          "%s: %d acknowledged, %d asked for, %d found".formatted(kind, acknowledged, asked, is));
      asked = is;
      acknowledged = is;
    }
  }

  private JsonNode post(String path, String body, Object... values) throws Exception {
    return call("POST", path, body.formatted(values));
  }

  /** Changes of every kind, in an app of their own. */
  private List<Growth> growths(String name) throws Exception {
    var app = "/v1/apps/" + name;
    post("/v1/apps", APP, name);
    var volume = app + "/volumes/" + post(app + "/volumes", VOLUME, "first").path("id").asText();
    var machines = app + "/machines";
    var machine = machines + "/" + post(machines, STILL, "m0").path("id").asText();
    var updated = machines + "/" + post(machines, STILL, "u0").path("id").asText();
    return List.of(
        new Growth(
            "apps",
            n -> post("/v1/apps", APP, name + "-" + n),
            () -> count(get("/v1/apps?org_slug=personal").path("apps"), "name", name + "-")),
        new Growth(
            "Machines",
            n -> post(machines, STILL, "created" + n),
            () -> count(get(machines), "name", "created")),
        new Growth(
            "Machines destroyed",
            n -> {
              var doomed = post(machines, STILL, unique("doomed")).path("id").asText();
              call("DELETE", machines + "/" + doomed, "");
            },
            () -> count(get(machines + "?include_deleted=true"), "state", "destroyed")),
        new Growth(
            "metadata",
            n -> post(machine + "/metadata/n", "{'value':'%d'}", n),
            () -> get(machine).at("/config/metadata/n").asInt()),
        new Growth(
            "updates",
            n -> post(updated, "{'config':{'image':'nginx','env':{'N':'%d'}}}", n),
            () -> get(updated).at("/config/env/N").asInt()),
        new Growth(
            "leases",
            n -> {
              var made = post(machines, STILL, unique("leased")).path("id").asText();
              post(machines + "/" + made + "/lease", "{'ttl':3600}");
            },
            () -> get(machines + "?include_leases=true").findValues("lease").size()),
        new Growth(
            "secrets",
            n -> post(app + "/secrets/N" + n, "{'value':'%d'}", n),
            () -> get(app + "/secrets").path("secrets").size()),
        new Growth(
            "addresses",
            n -> post(app + "/ip_assignments", "{'type':'v6'}"),
            () -> get(app + "/ip_assignments").path("ips").size()),
        new Growth(
            "certificates",
            n -> post(app + "/certificates/acme", "{'hostname':'n%d.example.com'}", n),
            () -> get(app + "/certificates").path("total_count").asInt()),
        new Growth(
            "volumes",
            n -> post(app + "/volumes", VOLUME, "disk" + n),
            () -> count(get(app + "/volumes"), "name", "disk")),
        new Growth(
            "a volume's size",
            n -> call("PUT", volume + "/extend", "{'size_gb':%d}".formatted(n + 3)),
            () -> get(volume).path("size_gb").asInt() - 3),
        new Growth(
            "snapshots",
            n -> post(volume + "/snapshots", ""),
            () -> get(volume + "/snapshots").size()));
  }

  /** For what takes two requests, between which the sandbox may be killed. */
  private static String unique(String name) {
    return name + "-" + System.nanoTime();
  }

  private static int count(JsonNode list, String field, String beginning) {
    var count = 0;
    for (var one : list) if (one.path(field).asText().startsWith(beginning)) count++;
    return count;
  }

  @Test
  @Tag("slow")
  void killed_by_SIGKILL_amid_many_changes_of_every_kind_it_loses_none_that_it_acknowledged()
      throws Exception {
    var apps = new ArrayList<List<Growth>>();
    var data = folder.resolve("data").toString();
    for (int round = 0; round < 3; round++) {
      var port = String.valueOf(Ports.free());
      var start = Script.run(new Sandbox(), "--start", "--port", port, "--data", data);
      assertEquals(0, start.exit(), start.err());
      url = "http://127.0.0.1:" + port;
      token = start.out().replaceFirst("(?s).*FLY_API_TOKEN='([^']*)'.*", "$1");
      var status = Script.run(new Sandbox(), "--status", "--port", port);
      assertEquals(0, status.exit(), status.err());
      var pid = Fly.JSON.readTree(status.out()).path("pid").asLong();
      var process = ProcessHandle.of(pid).orElseThrow();
      try {
        if (round == 0) for (var name : List.of("a", "b", "c", "d")) apps.add(growths(name));
        for (var app : apps) for (var growth : app) growth.check();
        var acknowledged = new CountDownLatch(300);

        var changing =
            apps.stream().map(app -> CompletableFuture.runAsync(() -> change(app, acknowledged)));
        var all = CompletableFuture.allOf(changing.toArray(CompletableFuture[]::new));

        Await.open(acknowledged);
        process.destroyForcibly();
        Await.value(all);
      } finally {
        process.destroyForcibly();
        process.onExit().join();
      }
    }

    try (var sandbox = open()) {
      for (var app : apps) for (var growth : app) growth.check();
    }
  }

  /** Makes one change after the other until nobody answers. */
  private static void change(List<Growth> growths, CountDownLatch acknowledged) {
    try {
      while (true) {
        for (var growth : growths) {
          growth.go();
          acknowledged.countDown();
        }
      }
    } catch (IOException e) {
      // it has been killed
    } catch (Exception e) {
      throw new CompletionException(e);
    }
  }

  @Test
  void a_create_that_was_refused_does_not_come_back() throws Exception {
    var refused = "{'config':{'image':'nginx','mounts':[{'volume':'none','path':'/data'}]}}";
    try (var sandbox = open()) {
      post("/v1/apps", APP, "one");
      var answer = send("POST", "/v1/apps/one/machines", refused);
      assertEquals(400, answer.statusCode(), answer.body());
    }

    try (var sandbox = open()) {
      assertEquals("[]", get("/v1/apps/one/machines").toString());
    }
  }

  @Test
  void what_was_overwritten_takes_no_space_after_its_end() throws Exception {
    try (var sandbox = open()) {
      post("/v1/apps", APP, "one");
      var machine = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      for (int i = 0; i < 300; i++) {
        var value = "{'value':'" + i + "'}";
        call("POST", "/v1/apps/one/machines/" + machine + "/metadata/n", value);
      }
    }

    var size = Files.size(folder.resolve("data/sandbox.mv"));
    assertTrue(size < 300_000, size + " bytes");
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
  void data_that_cannot_be_restored_is_refused_and_left_as_it_was() throws Exception {
    refusedWith("apps", "broken", "{\"name\":", "cannot restore what its folder holds");
  }

  @Test
  void a_newer_sandboxs_data_is_refused_and_left_as_it_was() throws Exception {
    refusedWith("meta", "format", "99", "is a newer sandbox's");
  }

  private void refusedWith(String map, String key, String value, String why) throws Exception {
    open().close();
    var file = folder.resolve("data/sandbox.mv").toString();
    try (var store = MVStore.open(file)) {
      store.openMap(map).put(key, value);
    }

    var refused = second();

    assertEquals(1, refused.exit());
    assertTrue(refused.err().contains(why), refused.err());
    try (var store = MVStore.open(file)) {
      assertEquals(value, store.openMap(map).get(key));
    }
  }

  @Test
  void a_lease_is_held_over_a_restart() throws Exception {
    String machine;
    try (var sandbox = open()) {
      post("/v1/apps", APP, "one");
      machine = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      await(machine, "started");
      call("POST", "/v1/apps/one/machines/" + machine + "/lease", "{'ttl':600}");
    }

    try (var sandbox = open()) {
      await(machine, "started");
      var answer = send("POST", "/v1/apps/one/machines/" + machine + "/stop", "");

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
      post("/v1/apps", APP, "one");
      destroyed = call("POST", "/v1/apps/one/machines", MACHINE).path("id").asText();
      await(destroyed, "started");
      sandbox.faults().latency("create=10m");
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

  @Test
  void on_a_full_disk_changes_are_refused_with_the_reason_and_reads_go_on() throws Exception {
    var small = Files.createDirectory(folder.resolve("small"));
    assumeTrue(run("mount", "-t", "tmpfs", "-o", "size=256k", "none", small.toString()) == 0);
    try (var sandbox = SandboxServer.start(SandboxConfig.onPort(0).keep(small.resolve("data")))) {
      url = sandbox.url();
      token = sandbox.token();
      call("POST", "/v1/apps", APP.formatted("before"));
      var ballast = small.resolve("ballast");
      run("sh", "-c", "dd if=/dev/zero of=" + ballast + " bs=4k 2>/dev/null");

      var kept = new ArrayList<>(List.of("before", "after"));
      var answer = send("POST", "/v1/apps", APP.formatted("more-0"));
      for (var i = 1; i < 50 && answer.statusCode() < 500; i++) {
        kept.add("more-" + (i - 1));
        answer = send("POST", "/v1/apps", APP.formatted("more-" + i));
      }

      assertEquals(507, answer.statusCode(), answer.body());
      assertTrue(answer.body().contains("cannot write to its data folder"), answer.body());
      assertTrue(kept.size() > 2, "a change that finds the disk full is recorded in the reserve");
      var apps = get("/v1/apps?org_slug=personal").path("total_apps").asInt();
      assertEquals(kept.size() - 1, apps, "a refused change has no effect");
      var query = "{\"query\": \"{ apps { nodes { name } } }\"}";
      assertEquals(200, send("POST", "/graphql", query).statusCode());
      var mutation =
          "{\"query\": \"mutation { setSecrets(input: {appId: \\\"before\\\", secrets: []}) { app {"
              + " name } } }\"}";
      assertEquals(507, send("POST", "/graphql", mutation).statusCode());

      Files.delete(ballast);
      call("POST", "/v1/apps", APP.formatted("after"));
      sandbox.close();
      try (var again = SandboxServer.start(SandboxConfig.onPort(0).keep(small.resolve("data")))) {
        url = again.url();
        for (var name : kept) get("/v1/apps/" + name);
      }
    } finally {
      run("umount", small.toString());
    }
  }

  private static int run(String... command) throws Exception {
    return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor();
  }

  private Script.Result second() {
    return Script.run(new Sandbox(), "--port", "0", "--data", folder.resolve("data").toString());
  }
}
