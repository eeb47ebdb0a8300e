//SOURCES ../scripts/machines/ClaimMachine.java ../scripts/machines/CreateFleet.java
//SOURCES ../scripts/machines/ListMachines.java ../scripts/machines/StartMachine.java
//SOURCES FleetProxy.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.Parallel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The commands for many Machines against a sandbox: at the rate limit, beside curl, killed and
 * resumed, claimed at once, with little memory. Each command runs in a JVM of its own, through a
 * proxy that counts refusals, and adds faults and lagging lists if asked to.
 */
class BenchFleet {
  private static final Path ROOT =
      Path.of(System.getenv().getOrDefault("FLY_ROOT", System.getProperty("user.dir")));
  private static final Pattern EXPORT = Pattern.compile("(?m)^export (\\w+)=['\"]?([^'\"\n]*)");
  private static final Pattern DONE = Pattern.compile("done in ([\\d.]+) s");
  private static boolean met = true;

  public static void main(String... args) throws Exception {
    var only = args.length < 2 ? "" : args[1];
    if (only.isEmpty() || only.equals("creates")) creates(60);
    if (only.isEmpty() || only.equals("starts")) starts(300);
    if (only.isEmpty() || only.equals("claims")) claims(100, 60);
    if (only.isEmpty() || only.equals("memory")) memory(2_000);
    if (only.isEmpty() || only.equals("killed")) killed(10, 40);
    System.exit(met ? 0 : 1);
  }

  private static synchronized void mark(boolean reached, String text, Object... args) {
    met &= reached;
    System.out.printf("  %-6s %s%n", reached ? "met" : "MISSED", text.formatted(args));
  }

  /** Creates at the limit: three at once, then one a second. */
  private static void creates(int count) throws Exception {
    System.out.printf("%d creates in one app, rate limits on%n", count);
    try (var sandbox = new Bed("--rate-limits")) {
      var run =
          sandbox.run("CreateFleet", "--count", "" + count, "--template", sandbox.template(false));
      var took = sandbox.proxy.lastCreate - sandbox.proxy.firstCreate;
      var line = count - 3.0;
      mark(run.exit == 0 && sandbox.machines().size() == count, "%d Machines", count);
      mark(took / 1e9 <= line * 1.03, "%.2f s, the limit's line is %.0f s", took / 1e9, line);
      mark(sandbox.proxy.limited.get() == 0, "%d answers were 429", sandbox.proxy.limited.get());
    }
  }

  private static void starts(int count) throws Exception {
    System.out.printf("%d stopped Machines started, rate limits on%n", count);
    try (var sandbox = new Bed("--rate-limits")) {
      var ids = sandbox.fill(count, "my/app:1", count);
      compare(sandbox, ids);
    }
    System.out.println("60 that run real processes");
    try (var sandbox = new Bed("--rate-limits", "--image", "bench/app=exec sleep 1000")) {
      compare(sandbox, sandbox.fill(60, "bench/app", 60));
    }
  }

  private static void compare(Bed sandbox, List<String> ids) throws Exception {
    var urls = new StringBuilder();
    for (var id : ids) {
      var path = "/v1/apps/%s/machines/%s/start".formatted(sandbox.app, id);
      urls.append("url = \"")
          .append(sandbox.direct)
          .append(path)
          .append("\"\noutput = /dev/null\n");
    }
    var config = Files.writeString(sandbox.folder.resolve("curl"), urls);
    var header = "Authorization: Bearer " + sandbox.token;
    var best = new double[] {Double.MAX_VALUE, Double.MAX_VALUE};
    for (int round = 0; round < 3; round++) {
      sandbox.stop(ids);
      var begin = System.nanoTime();
      var curl =
          new ProcessBuilder(
                  "curl",
                  "-s",
                  "--parallel",
                  "--parallel-max",
                  "50",
                  "-X",
                  "POST",
                  "-H",
                  header,
                  "--config",
                  config.toString())
              .start();
      if (curl.waitFor() != 0) throw new IOException("curl ended with " + curl.exitValue());
      best[0] = Math.min(best[0], (System.nanoTime() - begin) / 1e9);
      sandbox.stop(ids);
      var timed = sandbox.direct("StartMachine", "--all");
      var done = DONE.matcher(timed.err);
      if (timed.exit != 0 || !done.find()) throw new IOException(timed.err);
      best[1] = Math.min(best[1], Double.parseDouble(done.group(1)));
    }
    var much = "%.2f s, curl --parallel-max 50 %.2f s: %.2f times";
    mark(best[1] <= 1.5 * best[0], much, best[1], best[0], best[1] / best[0]);
  }

  /** Five processes, each with its share of the owners. */
  private static void claims(int owners, int pool) throws Exception {
    System.out.printf("%d claims at once on a pool of %d%n", owners, pool);
    try (var sandbox = new Bed()) {
      sandbox.fill(pool, "my/app:1", pool);
      var runs = new ArrayList<Process>();
      for (int i = 0; i < 5; i++) {
        var from = i * owners / 5;
        var command = new ArrayList<>(List.of("--no-check", "--deadline", "5m"));
        IntStream.range(from, (i + 1) * owners / 5)
            .forEach(owner -> command.addAll(List.of("--owner", "user-" + owner)));
        runs.add(sandbox.process("ClaimMachine", sandbox.proxy.url(), List.of(), command));
      }
      var refused = 0;
      for (var run : runs) {
        var err = new String(run.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        refused += err.split("no Machine of the fleet fleet is free", -1).length - 1;
        run.waitFor();
        // The summary of a process repeats no refusal.
      }
      var names = new HashSet<String>();
      for (var machine : sandbox.machines())
        names.add(machine.at("/config/metadata/owner").asText(""));
      names.remove("");
      mark(names.size() == pool, "%d owners have %d different Machines", names.size(), pool);
      mark(refused == owners - pool, "%d clear refusals", refused);
    }
  }

  private static void memory(int count) throws Exception {
    System.out.printf("%d Machines: list, filter, start a tenth%n", count);
    try (var sandbox = new Bed()) {
      sandbox.fill(count, "my/app:1", count / 10);
      var list = sandbox.direct("ListMachines", "--json");
      mark(list.exit == 0 && list.peakMb < 256, "list: %d MB at its peak", list.peakMb);
      var start = sandbox.direct("StartMachine", "--metadata", "tenth=yes");
      var started = start.out.lines().count();
      mark(start.peakMb < 256 && started == count / 10, "%d started: %d MB", started, start.peakMb);
      mark(start.err.contains(" of " + count / 10), "progress is shown");
    }
  }

  /** Killed at a random moment, then run again until it ends by itself. */
  private static void killed(int rounds, int count) throws Exception {
    System.out.printf(
        "killed at %d random moments and resumed, %d with a volume each%n", rounds, count);
    var random = new Random(16);
    var moments = IntStream.range(0, rounds).mapToObj(i -> 1_000 + random.nextInt(45_000)).toList();
    Parallel.each(moments, 5, moment -> killedOnce(moment, count));
  }

  private static void killedOnce(int moment, int count) {
    try {
      try (var sandbox = new Bed("--rate-limits")) {
        sandbox.proxy.faults = 0.05;
        sandbox.proxy.lagMs = 5_000;
        var args = List.of("--count", "" + count, "--template", sandbox.template(true));
        var first = sandbox.process("CreateFleet", sandbox.proxy.url(), List.of(), args);
        drain(first);
        first.waitFor(moment, TimeUnit.MILLISECONDS);
        first.destroyForcibly().waitFor();
        Run last = null;
        for (int again = 0; again < 3 && (last == null || last.exit != 0); again++) {
          last = sandbox.run("CreateFleet", args.toArray(String[]::new));
        }
        var names = new HashSet<String>();
        for (var machine : sandbox.machines()) names.add(machine.path("name").asText());
        var orphans = sandbox.fly().volumes(sandbox.app).stream().filter(fly.Volume::free).count();
        var machines = sandbox.machines().size();
        mark(
            last.exit == 0 && machines == count && names.size() == count && orphans == 0,
            "killed after %.1f s: %d Machines, %d names, %d orphan volumes",
            moment / 1e3,
            machines,
            names.size(),
            orphans);
        if (last.exit != 0) System.out.println(last.err);
      }
    } catch (Exception e) {
      mark(false, "killed after %d ms: %s", moment, e);
    }
  }

  private static void drain(Process process) {
    var thread =
        new Thread(
            () -> {
              try {
                process.getErrorStream().transferTo(ByteArrayOutputStream.nullOutputStream());
              } catch (IOException e) {
                // it was killed
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private record Run(int exit, String out, String err, long peakMb) {}

  /** A sandbox, the proxy before it, and an app. */
  private static final class Bed implements AutoCloseable {
    final Path folder = Files.createTempDirectory("bench-fleet");
    final String app = "bench-" + Long.toHexString(System.nanoTime());
    final String direct;
    final String token;
    final FleetProxy proxy;
    private final Fly client;
    private final int port;
    private final boolean limited;

    Bed(String... options) throws Exception {
      try (var socket = new ServerSocket(0)) {
        port = socket.getLocalPort();
      }
      limited = List.of(options).contains("--rate-limits");
      var exports = sandbox("--start", options);
      var values = new java.util.HashMap<String, String>();
      EXPORT.matcher(exports).results().forEach(one -> values.put(one.group(1), one.group(2)));
      direct = values.get("FLY_API_HOSTNAME");
      token = values.get("FLY_API_TOKEN");
      proxy = new FleetProxy(direct);
      client = client(direct, token);
      fly()
          .post(
              "/v1/apps",
              Fly.JSON.createObjectNode().put("app_name", app).put("org_slug", "personal"));
    }

    private String sandbox(String what, String... options) throws Exception {
      var command = new ArrayList<>(List.of(ROOT.resolve("jbang").toString(), "fly-sandbox"));
      command.addAll(List.of("--port", "" + port, what));
      command.addAll(List.of(options));
      var process =
          new ProcessBuilder(command)
              .directory(ROOT.toFile())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) throw new IOException("fly-sandbox " + what + " failed");
      return out;
    }

    /** Sandboxes side by side: the settings are those of the moment. */
    private static synchronized Fly client(String url, String token) {
      System.setProperty("FLY_API_HOSTNAME", url);
      System.setProperty("FLY_API_BASE_URL", url);
      System.setProperty("FLY_API_TOKEN", token);
      var client = Fly.connect();
      client.get("/v1/platform/regions"); // reads the token
      return client;
    }

    Fly fly() {
      return client;
    }

    List<JsonNode> machines() {
      return fly().list("/v1/apps/{app}/machines", app);
    }

    String template(boolean volume) throws IOException {
      var request = request("my/app:1");
      if (volume) {
        var mount = request.withObject("/config").putArray("mounts").addObject();
        mount.put("volume", "data").put("path", "/data");
      }
      return Files.writeString(folder.resolve("fleet.json"), request.toString()).toString();
    }

    private static ObjectNode request(String image) {
      var request = Fly.JSON.createObjectNode().put("region", "iad");
      request.putObject("config").put("image", image);
      return request;
    }

    /** Stopped Machines of a fleet, without the limits. */
    List<String> fill(int count, String image, int tenths) throws Exception {
      if (limited) sandbox("--change");
      var ids = new java.util.concurrent.ConcurrentSkipListSet<String>();
      var all = IntStream.range(0, count).boxed().toList();
      Parallel.each(
          all,
          8,
          i -> {
            var request = request(image).put("name", "fleet-%04d".formatted(i + 1));
            var metadata = request.withObject("/config/metadata").put("fleet", "fleet");
            if (i < tenths) metadata.put("tenth", "yes");
            request.put("skip_launch", true);
            ids.add(client.post("/v1/apps/{app}/machines", request, app).path("id").asText());
          });
      if (ids.size() != count) throw new IOException(ids.size() + " of " + count + " created");
      stop(List.copyOf(ids));
      if (limited) sandbox("--change", "--rate-limits");
      return List.copyOf(ids);
    }

    void stop(List<String> ids) throws Exception {
      var machines = new fly.Machines(client, (format, args) -> {});
      Parallel.each(
          ids,
          8,
          id -> {
            var state = client.machine(app, id).state();
            if (!state.equals("started")) return;
            machines.stop(app, id, null);
            machines.waitFor(app, id, fly.Machines.State.stopped, java.time.Duration.ofMinutes(1));
          });
    }

    Run run(String script, String... args) throws Exception {
      return ended(process(script, proxy.url(), List.of(), List.of(args)));
    }

    Run direct(String script, String... args) throws Exception {
      return ended(process(script, direct, List.of(), List.of(args)));
    }

    private static Run ended(Process process) throws Exception {
      var err = new ByteArrayOutputStream();
      var reader =
          new Thread(
              () -> {
                try {
                  process.getErrorStream().transferTo(err);
                } catch (IOException e) {
                  // it has ended
                }
              });
      reader.start();
      var peak = new long[1];
      var watch = new Thread(() -> watch(process, peak));
      watch.start();
      var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      var exit = process.waitFor();
      reader.join();
      watch.join();
      return new Run(exit, out, err.toString(StandardCharsets.UTF_8), peak[0]);
    }

    /** The highest resident memory, from Linux; 0 elsewhere. */
    private static void watch(Process process, long[] peak) {
      var status = Path.of("/proc", "" + process.pid(), "status");
      while (process.isAlive()) {
        try {
          for (var line : Files.readAllLines(status)) {
            if (line.startsWith("VmHWM:")) {
              peak[0] = Math.max(peak[0], Long.parseLong(line.replaceAll("\\D", "")) / 1024);
            }
          }
          Thread.sleep(20);
        } catch (IOException e) {
          return;
        } catch (InterruptedException e) {
          return;
        }
      }
    }

    Process process(String script, String url, List<String> options, List<String> args)
        throws IOException {
      var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
      var command = new ArrayList<>(List.of(java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
      command.addAll(List.of("-Xmx128m", "-cp", System.getProperty("java.class.path")));
      command.addAll(options);
      command.add(script);
      command.addAll(args);
      var builder = new ProcessBuilder(command).directory(folder.toFile());
      var environment = builder.environment();
      environment.put("FLY_API_HOSTNAME", url);
      environment.put("FLY_API_BASE_URL", url);
      environment.put("FLY_EDGE_URL", direct + "/edge/{app}/");
      environment.put("FLY_API_TOKEN", token);
      environment.put("APP_NAME", app);
      if (limited) environment.put("FLY_RATE_LIMITS", "on");
      return builder.start();
    }

    @Override
    public void close() throws Exception {
      proxy.close();
      sandbox("--stop");
    }
  }
}
