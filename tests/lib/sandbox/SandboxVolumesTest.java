import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import fly.sandbox.model.Clock;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes: where they are, how they grow, what they start from, and that nothing leads out. */
class SandboxVolumesTest {
  @TempDir Path folder;
  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;
  private volatile Runnable copied = () -> {};

  @BeforeEach
  void start() throws Exception {
    open();
    api(201, "POST", "/apps", "{\"app_name\":\"shop\",\"org_slug\":\"personal\"}");
  }

  private void open() {
    open(Clock.real());
  }

  private void open(Clock time) {
    var config = SandboxConfig.onPort(0).keep(folder.resolve("data")).at(time).tell(this::told);
    sandbox = SandboxServer.start(config);
  }

  private void told(String line) {
    if (line.startsWith("Not copied")) copied.run();
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private JsonNode api(int status, String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, BodyPublishers.ofString(body))
            .timeout(Await.LIMIT)
            .build();
    var answer = http.send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(status, answer.statusCode(), answer.body());
    return Fly.JSON.readTree(answer.body().isEmpty() ? "{}" : answer.body());
  }

  private JsonNode volume(String more) throws Exception {
    var body = "{\"name\":\"data\",\"region\":\"fra\",\"size_gb\":1%s}".formatted(more);
    return api(200, "POST", "/apps/shop/volumes", body);
  }

  /** Its path. */
  private String machine(String volume, String mount, String command) throws Exception {
    var request =
        """
        {"region":"fra","config":{"image":"flyio/mcp","restart":{"policy":"no"},
        "init":{"cmd":["sh","-c",%s]},"mounts":[{"volume":"%s","path":"/data"%s}]}}\
        """
            .formatted(Fly.JSON.mapper().writeValueAsString(command), volume, mount);
    var created = api(200, "POST", "/apps/shop/machines", request);
    return "/apps/shop/machines/" + created.path("id").asText();
  }

  private void await(String machine, String state) throws Exception {
    api(200, "GET", machine + "/wait?timeout=60&state=" + state, "");
  }

  @Test
  void volumes_of_one_name_are_on_different_hardware_unless_that_is_not_asked_for()
      throws Exception {
    var zones = new HashSet<String>();
    for (var i = 0; i < 64; i++) zones.add(volume("").path("zone").asText());

    assertEquals(64, zones.size());
    for (var zone : zones) assertTrue(zone.matches("[0-9a-f]{4}"), zone);
    var full =
        api(
            400,
            "POST",
            "/apps/shop/volumes",
            "{\"name\":\"data\",\"region\":\"fra\",\"size_gb\":1}");
    assertEquals("no capacity available in fra", full.path("error").asText());
    assertTrue(zones.contains(volume(",\"require_unique_zone\":false").path("zone").asText()));
    var other = "{\"name\":\"other\",\"region\":\"fra\",\"size_gb\":1%s}";
    api(200, "POST", "/apps/shop/volumes", other.formatted(""));
    api(400, "POST", "/apps/shop/volumes", other.formatted(",\"unique_zone_app_wide\":true"));
  }

  @Test
  void what_its_files_take_is_told() throws Exception {
    var id = volume("").path("id").asText();
    var machine = machine(id, "", "head -c 5000 /dev/zero > /data/zeros");
    await(machine, "stopped");

    var volume = api(200, "GET", "/apps/shop/volumes/" + id, "");

    assertEquals(5000, volume.path("bytes_used").asLong());
    assertEquals(2, volume.path("blocks").asLong() - volume.path("blocks_free").asLong());
  }

  @Test
  void a_pipe_in_a_volume_holds_up_no_snapshot_and_is_left_out() throws Exception {
    var id = volume("").path("id").asText();
    var machine = machine(id, "", "mkfifo /data/pipe; echo kept > /data/file");
    await(machine, "stopped");

    api(200, "POST", "/apps/shop/volumes/" + id + "/snapshots", "");

    var snapshots = api(200, "GET", "/apps/shop/volumes/" + id + "/snapshots", "");
    assertEquals(5, snapshots.path(0).path("size").asLong());
    var copy = volume(",\"snapshot_id\":\"%s\"".formatted(snapshots.path(0).path("id").asText()));
    assertEquals(5, copy.path("bytes_used").asLong());
  }

  @Test
  void nothing_is_left_of_a_volume_whose_app_is_destroyed_while_it_is_made() throws Exception {
    var id = volume("").path("id").asText();
    await(machine(id, "", "mkfifo /data/pipe; echo much > /data/file"), "stopped");
    var failures = new CopyOnWriteArrayList<Exception>();
    copied =
        () -> {
          try {
            api(202, "DELETE", "/apps/shop", "");
          } catch (Exception e) {
            failures.add(e);
          }
        };

    var body = "{\"name\":\"data\",\"region\":\"fra\",\"size_gb\":1,\"source_volume_id\":\"%s\"}";
    api(404, "POST", "/apps/shop/volumes", body.formatted(id));

    assertEquals(List.of(), failures);
    Await.until(() -> folder.resolve("data/volumes").toFile().list().length == 0);
  }

  @Test
  void a_volume_grows_by_itself_as_its_mount_says() throws Exception {
    var id = volume("").path("id").asText();
    var grows = ",\"extend_threshold_percent\":80,\"add_size_gb\":2,\"size_gb_limit\":4";
    // A hole in a file takes no room on this computer's disk.
    machine(id, grows, "truncate -s 4G /data/holes; exec cat");

    Await.until(() -> size(id) >= 4);

    assertEquals(4, size(id), "1, 3, and no more than the limit");
  }

  private int size(String id) throws Exception {
    return api(200, "GET", "/apps/shop/volumes/" + id, "").path("size_gb").asInt();
  }

  @Test
  void a_fork_and_a_restored_snapshot_have_the_files_and_a_life_of_their_own() throws Exception {
    var id = volume("").path("id").asText();
    await(machine(id, "", "echo one > /data/file"), "stopped");
    api(200, "POST", "/apps/shop/volumes/" + id + "/snapshots", "");
    var snapshot =
        api(200, "GET", "/apps/shop/volumes/" + id + "/snapshots", "").at("/0/id").asText();

    var fork = volume(",\"source_volume_id\":\"" + id + "\"").path("id").asText();
    var restored = volume(",\"snapshot_id\":\"" + snapshot + "\"").path("id").asText();
    await(machine(fork, "", "echo two >> /data/file"), "stopped");

    assertEquals("one\ntwo\n", file(fork));
    assertEquals("one\n", file(restored));
    assertEquals("one\n", file(id));
  }

  private String file(String volume) throws Exception {
    return Files.readString(folder.resolve("data/volumes").resolve(volume).resolve("file"));
  }

  @Test
  void a_symlink_in_a_volume_leads_nowhere_from_the_outside() throws Exception {
    var secret = Files.writeString(folder.resolve("secret.txt"), "of this computer");
    var id = volume("").path("id").asText();
    await(machine(id, "", "ln -s '" + folder + "' /data/out; ln -s / /data/root"), "stopped");

    api(200, "POST", "/apps/shop/volumes/" + id + "/snapshots", "");
    var fork = volume(",\"source_volume_id\":\"" + id + "\"").path("id").asText();
    api(200, "DELETE", "/apps/shop/volumes/" + fork, "");

    var volumes = folder.resolve("data/volumes");
    Await.until(() -> !Files.exists(volumes.resolve(fork)));
    assertEquals("of this computer", Files.readString(secret));
    assertTrue(Files.isSymbolicLink(volumes.resolve(id).resolve("out")));
    assertTrue(api(200, "GET", "/apps/shop/volumes/" + id, "").path("bytes_used").asLong() < 4096);
  }

  @Test
  void a_file_of_a_Machine_is_not_written_through_a_symlink_in_its_volume() throws Exception {
    var outside = Files.createDirectory(folder.resolve("outside"));
    var id = volume("").path("id").asText();
    var first = machine(id, "", "ln -s '" + outside + "' /data/out");
    await(first, "stopped");
    api(200, "DELETE", first + "?force=true", "");
    await(first, "destroyed");

    var request =
        """
        {"region":"fra","config":{"image":"flyio/mcp","restart":{"policy":"no"},
        "init":{"cmd":["true"]},"mounts":[{"volume":"%s","path":"/data"}],
        "files":[{"guest_path":"/data/out/file","raw_value":"aGVsbG8="}]}}\
        """
            .formatted(id);
    var created = api(200, "POST", "/apps/shop/machines", request);
    await("/apps/shop/machines/" + created.path("id").asText(), "stopped");

    try (var files = Files.list(outside)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void what_a_crash_has_left_of_a_volume_that_was_to_go_is_gone_at_the_next_start()
      throws Exception {
    var kept = volume("").path("id").asText();
    sandbox.close();
    var orphan = folder.resolve("data/volumes/vol_orphan");
    Files.createDirectories(orphan);
    Files.writeString(orphan.resolve("file"), "left");

    open();

    assertFalse(Files.exists(orphan));
    assertTrue(Files.isDirectory(folder.resolve("data/volumes").resolve(kept)));
  }

  @Test
  void a_deleted_volume_is_told_of_for_a_day_and_its_snapshots_for_their_days() throws Exception {
    sandbox.close();
    open(new Clock.Virtual(Instant.now()));
    var volume = "/apps/shop/volumes/" + volume("").path("id").asText();
    api(200, "PUT", volume, "{\"snapshot_retention\":3}");
    api(200, "POST", volume + "/snapshots", "");
    var snapshot = api(200, "GET", volume + "/snapshots", "").at("/0/id").asText();
    api(200, "DELETE", volume, "");

    sandbox.close();
    var time = new Clock.Virtual(Instant.now());
    open(time);
    time.leap(Duration.ofHours(23));
    var pending = api(200, "GET", "/apps/shop/volumes", "");
    assertEquals("pending_destroy", pending.at("/0/state").asText(), pending.toString());

    time.leap(Duration.ofHours(2));
    assertEquals("[]", api(200, "GET", "/apps/shop/volumes", "").toString());
    var restored = volume(",\"snapshot_id\":\"" + snapshot + "\"").path("id").asText();
    assertEquals("created", api(200, "GET", "/apps/shop/volumes", "").at("/0/state").asText());

    time.leap(Duration.ofDays(3));
    api(404, "GET", volume + "/snapshots", "");
    var late = "{\"name\":\"data\",\"region\":\"fra\",\"snapshot_id\":\"%s\"}".formatted(snapshot);
    api(400, "POST", "/apps/shop/volumes", late);
    api(200, "GET", "/apps/shop/volumes/" + restored, "");
  }
}
