//SOURCES ../lib/fly/Machines.java ../scripts/mcp/FilesServer.java ../scripts/mcp/McpWrap.java BenchBed.java
//SOURCES BenchReport.java
import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import fly.Machines;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Mixed load with faults on a sandbox and on fly-mcp-wrap: {@code bench soak [--minutes N]}, 30 by
 * default. The time has ten cycles. Each ends with everything destroyed, all clients gone and a
 * collection of garbage; then memory, threads, descriptors and processes are read. The last cycles
 * must not have more than the first ones, of which one is left out as warm-up.
 */
final class BenchSoak {
  private static final int CYCLES = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Pools of threads keep an idle one for a minute. */
  private static final long POOLS_REST_MS = 65_000;

  /** For a run of a few minutes, whose threads count for little. */
  private static final long SHORT_REST_MS = 8_000;

  private static final List<String> FAULTS =
      List.of(
          "GET /v1/apps/*/machines 503 x5",
          "POST /v1/apps/*/machines reset-after x2",
          "POST /v1/apps/*/machines/*/start 408 x3",
          "POST /v1/apps/*/machines/*/stop reset-before x3",
          "GET /v1/apps/*/machines/* slow x3",
          "DELETE /v1/apps/*/machines/* 500 x2",
          "POST /v1/apps/*/volumes 429 x2");

  private final BenchReport report;
  private final BenchBed bed;
  private final Process wrap;
  private final URI wrapped;
  private final HttpClient http = HttpClient.newHttpClient();
  private final Map<String, List<Double>> samples = new TreeMap<>();
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private volatile boolean loading;
  private int apps;

  private BenchSoak(BenchReport report, BenchBed bed) throws Exception {
    this.report = report;
    this.bed = bed;
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var path = System.getProperty("java.class.path");
    var command = new ArrayList<>(List.of(java, "-Xmx64m", "-Xss512k", "-XX:+UseSerialGC"));
    command.addAll(List.of("-cp", path, "McpWrap", "-q", "--port", "0", "--idle", "3s", "--"));
    command.addAll(List.of(java, "-Xmx32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", path, "FilesServer", bed.folder.toString()));
    wrap = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    var line = wrap.inputReader(StandardCharsets.UTF_8).readLine();
    wrapped = URI.create(line.strip().replaceFirst("/?$", "") + "/mcp");
  }

  static void run(BenchReport report) throws Exception {
    var minutes = Double.parseDouble(report.option("--minutes", "30"));
    try (var bed = new BenchBed("--image", "soak/app=exec sleep 1000")) {
      var soak = new BenchSoak(report, bed);
      try {
        soak.run((long) (minutes * 60_000 / CYCLES));
      } finally {
        soak.wrap.destroy();
        soak.wrap.waitFor();
      }
    }
  }

  private void run(long cycleMs) throws Exception {
    var sandbox = ProcessHandle.of(pid()).orElseThrow();
    var rest = cycleMs > 2 * POOLS_REST_MS ? POOLS_REST_MS : SHORT_REST_MS;
    for (int cycle = 0; cycle < CYCLES; cycle++) {
      load(Math.max(1_000, cycleMs - rest));
      quieten(rest);
      sample("sandbox", sandbox);
      sample("wrap", wrap.toHandle());
      report.say(
          "cycle %d of %d: %d requests, %d of them refused; %s",
          cycle + 1, CYCLES, done.get(), refused.get(), last());
    }
    report.figure("soak", "requests", done.get(), "");
    report.figure("soak", "refused or broken by a fault", refused.get(), "");
    samples.forEach(this::judge);
  }

  private String last() {
    var text = new StringBuilder();
    samples.forEach(
        (name, values) -> text.append("%s %.0f; ".formatted(name, values.get(values.size() - 1))));
    return text.toString();
  }

  /** The first cycle warms up; three of the others stand for the beginning, three for the end. */
  private void judge(String name, List<Double> values) {
    var begin = BenchReport.median(values.subList(1, 4));
    var end = BenchReport.median(values.subList(values.size() - 3, values.size()));
    var memory = name.contains("MB");
    var slack = memory ? Math.max(8, begin / 10) : name.contains("processes") ? 0 : 8;
    report.figure(name, "after cycles 2 to 4", begin, "");
    report.mark(name, "after the last three", end, "", BenchReport.Side.AT_MOST, begin + slack);
  }

  private void load(long ms) throws Exception {
    loading = true;
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 4; i++) {
      var seed = new Random(1000L * apps + i);
      var app = "soak-" + apps++;
      threads.add(BenchBed.daemon(() -> machines(app, seed)));
      threads.add(BenchBed.daemon(() -> sessions(seed)));
    }
    threads.add(BenchBed.daemon(this::faults));
    TimeUnit.MILLISECONDS.sleep(ms);
    loading = false;
    for (var thread : threads) thread.join();
  }

  /** Some faults at a time; each ends by itself after a few requests. */
  private void faults() {
    var random = new Random(apps);
    while (loading) {
      var change = Fly.JSON.createObjectNode();
      change.putArray("faults").add(FAULTS.get(random.nextInt(FAULTS.size())));
      change(change);
      Deadline.sleep(Duration.ofSeconds(2));
    }
    var none = Fly.JSON.createObjectNode();
    none.putArray("faults");
    change(none);
  }

  private void change(JsonNode change) {
    attempt(
        () ->
            http.send(
                HttpRequest.newBuilder(URI.create(bed.direct + "/sandbox/trouble"))
                    .header("Fly-Sandbox", "change")
                    .header("Authorization", "Bearer " + bed.token)
                    .POST(HttpRequest.BodyPublishers.ofString(change.toString()))
                    .build(),
                HttpResponse.BodyHandlers.discarding()));
  }

  private interface Work {
    void run() throws Exception;
  }

  /** A refusal is part of the load. */
  private void attempt(Work work) {
    done.incrementAndGet();
    try {
      work.run();
    } catch (FlyException | IOException e) {
      refused.incrementAndGet();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** An app's life: volumes and Machines come, start, stop, are asked, and go. */
  private void machines(String app, Random random) {
    var fly = bed.fly.eachWithin(PATIENCE);
    var machines = new Machines(fly, (format, args) -> {});
    while (loading) {
      var request = Fly.JSON.createObjectNode().put("app_name", app).put("org_slug", "personal");
      attempt(() -> fly.post("/v1/apps", request));
      for (int i = 0; i < 5 && loading; i++) {
        var config = Fly.JSON.createObjectNode().put("region", "iad");
        var image = random.nextInt(4) == 0 ? "soak/app" : "my/app:1";
        config.putObject("config").put("image", image);
        attempt(() -> fly.post("/v1/apps/{app}/machines", config, app));
        var volume = Fly.JSON.createObjectNode().put("name", "data").put("region", "iad");
        attempt(() -> fly.post("/v1/apps/{app}/volumes", volume.put("size_gb", 1), app));
      }
      attempt(
          () -> {
            for (var machine : fly.machines(app)) {
              attempt(() -> machines.stop(app, machine.id(), null));
              attempt(() -> machines.start(app, machine.id()));
              attempt(() -> fly.machine(app, machine.id()));
              attempt(() -> fly.getCentral("/api/v1/apps/{app}/logs", app));
            }
          });
      attempt(() -> http.send(edge(app), HttpResponse.BodyHandlers.discarding()));
      attempt(() -> fly.delete("/v1/apps/{app}?force=true", app));
    }
    attempt(() -> fly.delete("/v1/apps/{app}?force=true", app));
  }

  private HttpRequest edge(String app) {
    return HttpRequest.newBuilder(URI.create(bed.direct + "/edge/" + app + "/"))
        .timeout(Duration.ofSeconds(2))
        .build();
  }

  /** Clients of the wrap: some end their session, some just leave, some send half a head. */
  private void sessions(Random random) {
    while (loading) {
      attempt(
          () -> {
            var answer = post(null, "initialize", "{\"protocolVersion\":\"2025-06-18\"}");
            var session = answer.headers().firstValue("Mcp-Session-Id").orElse(null);
            if (session == null) throw new IOException(answer.body());
            for (int i = 0; i < 5; i++) attempt(() -> post(session, "tools/list", "{}"));
            if (random.nextInt(3) > 0)
              http.send(end(session), HttpResponse.BodyHandlers.discarding());
          });
      attempt(
          () -> {
            try (var socket = new Socket(wrapped.getHost(), wrapped.getPort())) {
              socket.getOutputStream().write("POST /mcp HTTP/1.1\r\nHost: a".getBytes());
            }
          });
      Deadline.sleep(Duration.ofMillis(100));
    }
  }

  private HttpResponse<String> post(String session, String method, String params) throws Exception {
    var body =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}".formatted(method, params);
    var request =
        HttpRequest.newBuilder(wrapped)
            .timeout(Duration.ofSeconds(20))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
            .POST(HttpRequest.BodyPublishers.ofString(body));
    if (session != null) request.header("Mcp-Session-Id", session);
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpRequest end(String session) {
    return HttpRequest.newBuilder(wrapped).header("Mcp-Session-Id", session).DELETE().build();
  }

  /** Destroys what is left, and waits until the wrap has dropped the sessions that nobody ended. */
  private void quieten(long rest) throws Exception {
    for (var app : bed.fly.apps("personal")) {
      bed.fly.delete("/v1/apps/{app}?force=true", app.name());
    }
    TimeUnit.MILLISECONDS.sleep(rest);
  }

  private long pid() throws Exception {
    return Fly.JSON.readTree(bed.sandbox("--status")).path("pid").asLong();
  }

  private void sample(String who, ProcessHandle process) throws Exception {
    var jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    var pid = "" + process.pid();
    for (int i = 0; i < 2; i++) new ProcessBuilder(jcmd, pid, "GC.run").start().waitFor();
    add(who + " resident MB", resident(process));
    add(who + " threads", count(process, "task"));
    add(who + " descriptors", count(process, "fd"));
    add(who + " processes", process.descendants().count());
  }

  private void add(String name, double value) {
    samples.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
  }

  /** Linux only. */
  private static long count(ProcessHandle process, String folder) throws IOException {
    try (var entries = Files.list(Path.of("/proc", "" + process.pid(), folder))) {
      return entries.count();
    }
  }

  private static double resident(ProcessHandle process) throws IOException {
    for (var line : Files.readAllLines(Path.of("/proc", "" + process.pid(), "status"))) {
      if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
    }
    return 0;
  }
}
