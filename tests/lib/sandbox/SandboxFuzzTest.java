import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Many clients do what comes to their minds, at once, and the sandbox stays in order. They do
 * something else with another seed, as in {@code JAVA_TOOL_OPTIONS=-Dfuzz.seed=7 ./jbang test
 * SandboxFuzzTest}, and more with {@code -Dfuzz.steps=1000}.
 */
class SandboxFuzzTest {
  private static final int CLIENTS = 4;
  private static final int STEPS = Integer.getInteger("fuzz.steps", 150);

  /** So few of a kind in an app that much happens to each. */
  private static final int MOST = 5;

  private static final List<String> APPS = List.of("fuzz-a", "fuzz-b");

  /** Where a Machine may get to, by its events. */
  private static final Map<String, Set<String>> NEXT =
      Map.ofEntries(
          Map.entry("created", Set.of("starting", "stopping", "destroying")),
          Map.entry(
              "starting", Set.of("started", "starting", "stopping", "replacing", "destroying")),
          Map.entry(
              "started",
              Set.of(
                  "starting", "stopping", "suspending", "restarting", "replacing", "destroying")),
          Map.entry("stopping", Set.of("stopped", "destroying")),
          Map.entry("stopped", Set.of("starting", "destroying")),
          Map.entry("suspending", Set.of("suspended", "replacing", "destroying")),
          Map.entry("suspended", Set.of("starting", "stopping", "replacing", "destroying")),
          Map.entry("replacing", Set.of("starting", "stopped", "destroying")),
          Map.entry("restarting", Set.of("starting", "destroying")),
          Map.entry("failed", Set.of("starting", "stopping", "destroying")),
          Map.entry("destroying", Set.of("destroyed")),
          Map.entry("destroyed", Set.of()));

  private final long seed = Long.getLong("fuzz.seed", 1);
  private final String marker = "98" + (10_000_000 + Math.floorMod(System.nanoTime(), 89_999_999));
  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(20)).build();
  private final Collection<String> findings = new ConcurrentLinkedQueue<>();

  /** Of what is there, by app: the ids of Machines and of volumes. */
  private final Map<String, Set<String>> machines = new ConcurrentHashMap<>();

  private final Map<String, Set<String>> volumes = new ConcurrentHashMap<>();
  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicInteger done = new AtomicInteger();

  /** Of the leases that a client took, by the Machine's path: each client knows its own alone. */
  private final ThreadLocal<Map<String, String>> nonces = ThreadLocal.withInitial(HashMap::new);

  private OpenApi api;
  private SandboxServer sandbox;

  private record Answer(int status, String body) {
    JsonNode json() throws Exception {
      return Fly.JSON.readTree(body);
    }
  }

  @BeforeEach
  void start() {
    if (Files.exists(OpenApi.DOCUMENT)) api = OpenApi.load();
    else System.out.println("  answers unchecked: no " + OpenApi.DOCUMENT.normalize());
    System.out.printf("  -Dfuzz.seed=%d%n", seed);
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  @Test
  void whatever_several_clients_do_at_once_the_world_stays_in_order() throws Exception {
    for (var app : APPS) createApp(app);

    everyClient(this::anything);

    assertEquals(List.of(), List.copyOf(findings), "-Dfuzz.seed=" + seed);
    assertTrue(done.get() > asked.get() / 2, done + " of " + asked + " requests came to something");
    var running = inOrder();
    assertEquals(running, sleepers(), "processes, -Dfuzz.seed=" + seed);
    sandbox.close();
    assertEquals(0, sleepers(), "processes left behind, -Dfuzz.seed=" + seed);
  }

  @Test
  void a_body_of_any_shape_is_taken_or_refused_with_a_reason() throws Exception {
    createApp("fuzz-a");
    var volume = new Client(new Random(seed)).createVolume("fuzz-a");
    var machine = new Client(new Random(seed)).createMachine("fuzz-a");
    var targets =
        List.of(
            "POST /v1/apps",
            "POST /v1/apps/fuzz-a/machines",
            "POST /v1/apps/fuzz-a/machines/" + machine,
            "POST /v1/apps/fuzz-a/machines/" + machine + "/stop",
            "POST /v1/apps/fuzz-a/machines/" + machine + "/signal",
            "POST /v1/apps/fuzz-a/machines/" + machine + "/lease",
            "POST /v1/apps/fuzz-a/machines/" + machine + "/metadata/key",
            "PATCH /v1/apps/fuzz-a/machines/" + machine + "/metadata",
            "PUT /v1/apps/fuzz-a/machines/" + machine + "/memory",
            "POST /v1/apps/fuzz-a/volumes",
            "PUT /v1/apps/fuzz-a/volumes/" + volume,
            "PUT /v1/apps/fuzz-a/volumes/" + volume + "/extend",
            "POST /v1/apps/fuzz-a/secrets/KEY",
            "POST /v1/apps/fuzz-a/secrets",
            "POST /v1/apps/fuzz-a/ip_assignments",
            "POST /v1/platform/placements");

    everyClient(
        client -> {
          var target = client.pick(targets).split(" ");
          var answer = ask(target[0], target[1], client.badBody(), false);
          if (answer.status() >= 400 && !answer.json().path("error").isTextual()) {
            if (answer.json().path("message").isTextual()) return; // a lease's own way
            findings.add(target[1] + " says no without a reason: " + answer.body());
          }
        });

    assertEquals(List.of(), List.copyOf(findings), "-Dfuzz.seed=" + seed);
  }

  @Test
  void a_good_Machine_but_for_one_value_is_taken_or_refused_with_a_reason() throws Exception {
    createApp("fuzz-a");
    new Client(new Random(seed)).createVolume("fuzz-a");
    assertEquals(200, tryOut(GOOD).status());
    var values = Pattern.compile("(?<=: |\\[)('[^']*'|[\\w.]+)").matcher(GOOD).results().toList();
    for (var value : values) {
      for (var other :
          List.of(
              "null",
              "true",
              "-1",
              "1e999",
              "99999999999",
              "'\\u0000'",
              "'../..'",
              "'='",
              "[]",
              "{}",
              "[null]",
              "'" + "x".repeat(70_000) + "'")) {
        var body = GOOD.substring(0, value.start()) + other + GOOD.substring(value.end());
        var answer = tryOut(body);
        if (answer.status() < 400 || answer.json().path("error").isTextual()) continue;
        findings.add(value.group() + " as " + other + ": " + answer);
      }
    }

    assertEquals(List.of(), List.copyOf(findings));
  }

  private Answer tryOut(String body) throws Exception {
    var bytes = body.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    var answer = ask("POST", "/v1/apps/fuzz-a/machines", bytes, false);
    if (answer.status() >= 300) return answer;
    var machine = "/v1/apps/fuzz-a/machines/" + answer.json().path("id").asText();
    var nonce = answer.json().path("nonce").asText();
    if (!nonce.isEmpty()) nonces.get().put(machine, nonce);
    var gone = ask("DELETE", machine + "?force=true", new byte[0], false);
    assertEquals(200, gone.status(), gone.body());
    ask("GET", machine + "/wait?state=destroyed", new byte[0], false);
    return answer;
  }

  private interface Step {
    void run(Client client) throws Exception;
  }

  private void everyClient(Step step) throws Exception {
    var threads = Executors.newFixedThreadPool(CLIENTS);
    try {
      var all = new ArrayList<Future<?>>();
      for (int i = 0; i < CLIENTS; i++) {
        var client = new Client(new Random(seed + i));
        all.add(
            threads.submit(
                () -> {
                  for (int n = 0; n < STEPS; n++) step.run(client);
                  return null;
                }));
      }
      for (var one : all) one.get();
    } finally {
      threads.shutdownNow();
    }
  }

  private void anything(Client client) throws Exception {
    var app = client.pick(APPS);
    var at = "/v1/apps/" + app;
    var machine = at + "/machines/" + client.pick(machines.get(app), "none");
    var volume = at + "/volumes/" + client.pick(volumes.get(app), "none");
    if (client.random.nextInt(3) == 0 && !machine.endsWith("none")) {
      ask("GET", machine + "/wait?timeout=2&state=settled", ""); // a program takes its time
    }
    switch (client.random.nextInt(27)) {
      case 0, 1 -> {
        if (machines.get(app).size() < MOST) client.createMachine(app);
        requireOneHolderEach(at);
      }
      case 2, 3 -> {
        if (volumes.get(app).size() < MOST) client.createVolume(app);
      }
      case 4, 5, 6 -> ask("POST", machine + "/start", "");
      case 7, 8 -> ask("POST", machine + "/stop", "{}");
      case 9 -> ask("POST", machine + "/suspend", "");
      case 10 -> ask("POST", machine + "/restart", "");
      case 11 -> ask("DELETE", machine + (client.random.nextBoolean() ? "?force=true" : ""), "");
      case 12 -> ask("POST", machine, "{'config': " + client.config(client.mounts(app)) + "}");
      case 13 -> {
        var lease = ask("POST", machine + "/lease?ttl=1", "");
        if (lease.status() == 201)
          nonces.get().put(machine, lease.json().at("/data/nonce").asText());
      }
      case 14 -> ask("DELETE", machine + "/lease", "");
      case 15 -> ask("POST", machine + "/metadata/key", "{'value': 'v'}");
      case 16 -> ask("GET", machine + "/metadata", "");
      case 17 -> ask("POST", machine + (client.random.nextBoolean() ? "/cordon" : "/uncordon"), "");
      case 18 -> ask("GET", machine + "/wait?timeout=1&state=settled", "");
      case 19 -> ask("POST", volume + "/snapshots", "");
      case 20 -> ask("PUT", volume + "/extend", "{'size_gb': " + client.random.nextInt(9) + "}");
      case 21 -> ask("DELETE", volume, "");
      case 22 -> ask("GET", volume + "/snapshots", "");
      case 23 -> ask("POST", at + "/secrets/KEY", "{'value': 'v'}");
      case 24 -> ask("POST", at + "/ip_assignments", "{'type': 'v6'}");
      case 25 -> {
        ask("GET", at + "/machines?include_deleted=true", "");
        ask("GET", at + "/volumes", "");
      }
      default -> {
        if (client.random.nextInt(8) > 0) return;
        ask("DELETE", at, "");
        createApp(app);
      }
    }
  }

  /** Looked at while others go on: a volume may go from one Machine to the next meanwhile. */
  private void requireOneHolderEach(String app) throws Exception {
    var listed = ask("GET", app + "/machines", "");
    if (listed.status() != 200) return;
    var holders = new HashMap<String, String>();
    for (var machine : listed.json()) {
      for (var mount : machine.at("/config/mounts")) {
        var id = machine.path("id").asText();
        var volume = mount.path("volume").asText();
        var other = holders.put(volume, id);
        if (other == null) continue;
        if (holds(app, id, volume) && holds(app, other, volume) && holds(app, id, volume)) {
          findings.add("a volume of two Machines: " + mount + " of " + other + " and " + id);
        }
      }
    }
  }

  private boolean holds(String app, String id, String volume) throws Exception {
    var machine = ask("GET", app + "/machines/" + id, "");
    var going = Set.of("destroying", "destroyed").contains(machine.json().path("state").asText());
    var mounted = machine.json().at("/config/mounts/0/volume").asText().equals(volume);
    return machine.status() == 200 && mounted && !going;
  }

  private void createApp(String name) throws Exception {
    machines.put(name, new ConcurrentSkipListSet<>());
    volumes.put(name, new ConcurrentSkipListSet<>());
    ask("POST", "/v1/apps", "{'name': '%s', 'org_slug': 'personal'}".formatted(name));
  }

  /** Checks all apps once nothing moves any more; returns how many programs must be running. */
  private int inOrder() throws Exception {
    var running = 0;
    for (var app : APPS) {
      var at = "/v1/apps/" + app + "/machines";
      var holders = new HashMap<String, String>();
      for (var listed : ask("GET", at + "?include_deleted=true", "").json()) {
        var id = listed.path("id").asText();
        var settled = "/wait?timeout=60&state=settled&state=destroyed";
        assertEquals(200, ask("GET", at + "/" + id + settled, "").status(), id);
        var machine = ask("GET", at + "/" + id, "").json();
        var events = new ArrayList<JsonNode>();
        ask("GET", at + "/" + id + "/events?limit=50", "").json().forEach(events::add);
        requireLegal(id, events);
        var state = machine.path("state").asText();
        assertEquals(state, events.get(0).path("status").asText(), id + " and its last event");
        var lives = Set.of("started", "suspended").contains(state);
        if (lives && machine.at("/config/image").asText().equals("flyio/mcp")) running++;
        for (var mount : machine.at("/config/mounts")) {
          if (state.equals("destroyed")) continue;
          var other = holders.put(mount.path("volume").asText(), id);
          assertEquals(null, other, "a volume of two Machines, -Dfuzz.seed=" + seed);
        }
      }
      var attached = new HashMap<String, String>();
      for (var volume : ask("GET", "/v1/apps/" + app + "/volumes", "").json()) {
        var holder = volume.path("attached_machine_id").asText(null);
        if (holder != null) attached.put(volume.path("id").asText(), holder);
      }
      assertEquals(holders, attached, "mounted and attached, -Dfuzz.seed=" + seed);
    }
    return running;
  }

  private void requireLegal(String id, List<JsonNode> newestFirst) {
    String before = null;
    for (int i = newestFirst.size() - 1; i >= 0; i--) {
      var event = newestFirst.get(i);
      var now = event.path("status").asText();
      var type = event.path("type").asText();
      if (type.equals("exit") || type.equals("update") && !now.equals("replacing")) continue;
      assertTrue(
          before == null || NEXT.getOrDefault(before, Set.of()).contains(now),
          "%s went from %s to %s, -Dfuzz.seed=%d".formatted(id, before, now, seed));
      before = now;
    }
  }

  /** How many of this test's programs live. */
  private int sleepers() {
    var most = System.nanoTime() + Await.LIMIT.toNanos();
    var count = -1;
    for (var again = -2; count != again && System.nanoTime() < most; Fly.pause(100)) {
      again = count;
      count =
          (int)
              ProcessHandle.allProcesses()
                  .filter(ProcessHandle::isAlive)
                  .filter(
                      process ->
                          process
                              .info()
                              .commandLine()
                              .orElse("")
                              .matches("(\\S*/)?sleep " + marker))
                  .count();
    }
    return count;
  }

  private Answer ask(String method, String path, String body) throws Exception {
    return ask(method, path, body.replace('\'', '"').getBytes(StandardCharsets.UTF_8), true);
  }

  private Answer ask(String method, String path, byte[] body, boolean checked) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .timeout(Await.LIMIT)
            .header("Authorization", "Bearer " + sandbox.token())
            .method(
                method,
                body.length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(body));
    nonces
        .get()
        .forEach(
            (machine, nonce) -> {
              if (path.startsWith(machine)) request.header("fly-machine-lease-nonce", nonce);
            });
    var response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    var answer = new Answer(response.statusCode(), response.body());
    if (answer.status() >= 500) {
      findings.add(
          method
              + " "
              + path
              + " "
              + answer
              + " to "
              + new String(body, 0, Math.min(200, body.length), StandardCharsets.UTF_8));
    }
    if (checked) asked.incrementAndGet();
    if (checked && answer.status() < 300) done.incrementAndGet();
    if (answer.status() == 404) forget(path);
    if (checked && api != null) {
      var uri = URI.create(path);
      findings.addAll(
          api.answer(method, uri.getPath(), uri.getQuery(), answer.status(), answer.body()));
    }
    return answer;
  }

  /** What is not there any more is asked for no more. */
  private void forget(String path) {
    var parts = path.split("[/?]"); // "", v1, apps, APP, machines, ID
    if (parts.length < 6) return;
    var ids = (parts[4].equals("machines") ? machines : volumes).get(parts[3]);
    ids.remove(parts[5]);
  }

  /** One that acts by chance, and by its seed. */
  private final class Client {
    final Random random;

    Client(Random random) {
      this.random = random;
    }

    <T> T pick(List<T> list) {
      return list.get(random.nextInt(list.size()));
    }

    String pick(Set<String> set, String none) {
      var list = List.copyOf(set);
      return list.isEmpty() ? none : pick(list);
    }

    String mounts(String app) {
      var volume = random.nextBoolean() ? "data" : pick(volumes.get(app), "none"); // name, or id
      return random.nextBoolean() ? "" : "{'volume': '%s', 'path': '/data'}".formatted(volume);
    }

    String config(String mounts) {
      var image = pick(List.of("flyio/mcp", "nginx"));
      return "{'image': '%s', 'init': {'cmd': ['sleep', '%s']}, 'mounts': [%s],"
          .formatted(image, marker, mounts)
          .concat(" 'stop_config': {'signal': 'SIGKILL', 'timeout': '1s'}}");
    }

    String createMachine(String app) throws Exception {
      var body =
          "{'config': %s, 'region': 'iad', 'skip_launch': %s}"
              .formatted(config(mounts(app)), random.nextInt(4) == 0);
      var answer = ask("POST", "/v1/apps/" + app + "/machines", body);
      var id = answer.json().path("id").asText("none");
      if (answer.status() < 300) machines.get(app).add(id);
      return id;
    }

    String createVolume(String app) throws Exception {
      var source =
          volumes.get(app).isEmpty() || random.nextBoolean()
              ? ""
              : ", 'source_volume_id': '" + pick(volumes.get(app), "no") + "'";
      var body = "{'name': 'data', 'region': 'iad', 'size_gb': 9%s}".formatted(source);
      var answer = ask("POST", "/v1/apps/" + app + "/volumes", body);
      var id = answer.json().path("id").asText("none");
      if (answer.status() < 300) volumes.get(app).add(id);
      return id;
    }

    /** A value of any type, where the API wants one of a certain type. */
    String value(int depth) {
      return switch (random.nextInt(depth > 2 ? 9 : 12)) {
        case 0 -> "null";
        case 1 -> "true";
        case 2 -> String.valueOf(random.nextInt());
        case 3 -> "-1";
        case 4 -> "1e999";
        case 5 -> "'\\u0000'";
        case 6 -> "'../../etc'";
        case 7 -> "'" + "x".repeat(random.nextInt(70_000)) + "'";
        case 8 -> "99999999999999999999999999";
        case 9 -> "[" + value(depth + 1) + "," + value(depth + 1) + "]";
        default -> object(depth + 1);
      };
    }

    String object(int depth) {
      var fields = new TreeMap<String, String>();
      for (int i = random.nextInt(6); i >= 0; i--) {
        var field = pick(FIELDS);
        fields.put(field, field.equals("image") ? "'nginx'" : value(depth));
      }
      var all = new ArrayList<String>();
      fields.forEach((name, value) -> all.add("'" + name + "': " + value));
      return "{" + String.join(", ", all) + "}";
    }

    byte[] badBody() {
      var text =
          switch (random.nextInt(8)) {
            case 0 -> value(0);
            case 1 -> "{'config': {'image': 'nginx', '%s': %s}}".formatted(pick(FIELDS), value(0));
            case 2 -> "{'config': {'image': 'nginx', 'mounts': [%s]}}".formatted(object(1));
            case 3 -> "{'config': {'image': 'nginx', 'files': [%s]}}".formatted(object(1));
            case 4 -> "{'a':".repeat(random.nextInt(20_000));
            case 5 -> "[".repeat(5_000) + "]".repeat(5_000);
            default -> object(0);
          };
      var bytes = text.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
      if (random.nextInt(5) == 0) bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      if (random.nextInt(9) > 0) return bytes;
      return java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
    }
  }

  /** Every kind of value that a Machine may have. */
  private static final String GOOD =
      """
      {'name': '', 'region': 'iad', 'lease_ttl': 1, 'skip_launch': true,
       'skip_service_registration': true,
       'config': {'image': 'nginx', 'env': {'A': 'b'}, 'metadata': {'a': 'b'}, 'size': '',
        'init': {'cmd': ['true'], 'tty': false, 'swap_size_mb': 1},
        'guest': {'cpu_kind': 'shared', 'cpus': 1, 'memory_mb': 256, 'gpus': 0},
        'restart': {'policy': 'no', 'max_retries': 1}, 'schedule': 'daily',
        'stop_config': {'signal': 'SIGINT', 'timeout': '1s'}, 'auto_destroy': false,
        'files': [{'guest_path': '/a', 'raw_value': 'aGk=', 'mode': 420}],
        'mounts': [{'volume': 'data', 'path': '/data', 'add_size_gb': 1, 'size_gb_limit': 9}],
        'checks': {'a': {'type': 'tcp', 'port': 80, 'interval': '1s', 'timeout': '1s'}},
        'processes': [{'cmd': ['true'], 'env_from': [{'env_var': 'A', 'field_ref': 'id'}]}],
        'services': [{'protocol': 'tcp', 'internal_port': 80, 'autostart': true,
          'autostop': 'stop', 'concurrency': {'type': 'requests', 'soft_limit': 1},
          'ports': [{'port': 80, 'handlers': ['http'], 'force_https': true}],
          'checks': [{'type': 'http', 'path': '/', 'grace_period': '1s'}]}]}}
      """;

  private static final List<String> FIELDS =
      List.of(
          "name",
          "app_name",
          "org_slug",
          "region",
          "config",
          "image",
          "env",
          "guest",
          "cpus",
          "cpu_kind",
          "memory_mb",
          "mounts",
          "volume",
          "path",
          "files",
          "guest_path",
          "raw_value",
          "init",
          "cmd",
          "exec",
          "entrypoint",
          "services",
          "autostop",
          "autostart",
          "ports",
          "metadata",
          "restart",
          "policy",
          "max_retries",
          "stop_config",
          "timeout",
          "signal",
          "ttl",
          "lease_ttl",
          "current_version",
          "skip_launch",
          "size_gb",
          "snapshot_id",
          "source_volume_id",
          "snapshot_retention",
          "fstype",
          "value",
          "values",
          "type",
          "limit_mb",
          "description",
          "checks",
          "processes",
          "schedule",
          "machine_version",
          "compute",
          "count");
}
