//SOURCES ../lib/fly/Machines.java ../lib/fly/Parallel.java BareStarts.java FleetProxy.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.Machines;
import fly.Parallel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** A sandbox in a process of its own, a proxy before it, an app, and commands that run on them. */
final class BenchBed implements AutoCloseable {
  static final Path ROOT =
      Path.of(System.getenv().getOrDefault("FLY_ROOT", System.getProperty("user.dir")));
  private static final Pattern EXPORT = Pattern.compile("(?m)^export (\\w+)=['\"]?([^'\"\n]*)");

  final Path folder = Files.createTempDirectory("bench-fleet");
  final String app = "bench-" + Long.toHexString(System.nanoTime());
  final String direct;
  final String token;
  final FleetProxy proxy;
  final Fly fly;
  final Map<String, String> exports = new HashMap<>();
  final int port;
  private final boolean limited;

  BenchBed(String... options) throws Exception {
    try (var socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    limited = List.of(options).contains("--rate-limits");
    var printed = sandbox("--start", options);
    EXPORT.matcher(printed).results().forEach(one -> exports.put(one.group(1), one.group(2)));
    direct = exports.get("FLY_API_HOSTNAME");
    token = exports.get("FLY_API_TOKEN");
    proxy = new FleetProxy(direct);
    fly = client(direct, token);
    fly.post(
        "/v1/apps", Fly.JSON.createObjectNode().put("app_name", app).put("org_slug", "personal"));
  }

  String sandbox(String what, String... options) throws Exception {
    var command = new ArrayList<>(List.of(ROOT.resolve("jbang").toString(), "fly-sandbox"));
    command.addAll(List.of("--port", "" + port, what));
    command.addAll(List.of(options));
    var process =
        new ProcessBuilder(command)
            .directory(ROOT.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    var out = text(process.getInputStream());
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

  List<JsonNode> machines() {
    return fly.list("/v1/apps/{app}/machines", app);
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

  /** Stopped Machines of a fleet, made without the limits; the first ones are marked as a tenth. */
  List<String> fill(int count, String image, int tenth) throws Exception {
    if (limited) sandbox("--change");
    var ids = new ConcurrentSkipListSet<String>();
    var failed =
        Parallel.each(
            IntStream.range(0, count).boxed().toList(),
            8,
            i -> {
              var request = request(image).put("name", "fleet-%04d".formatted(i + 1));
              var metadata = request.withObject("/config/metadata").put("fleet", "fleet");
              if (i < tenth) metadata.put("tenth", "yes");
              ids.add(fly.post("/v1/apps/{app}/machines", request, app).path("id").asText());
            });
    if (!failed.isEmpty()) throw failed.values().iterator().next();
    Parallel.each(ids, 8, id -> machine().waitFor(app, id, Machines.State.started, MINUTE));
    stop(List.copyOf(ids));
    if (limited) sandbox("--change", "--rate-limits");
    return List.copyOf(ids);
  }

  private static final Duration MINUTE = Duration.ofMinutes(1);

  private Machines machine() {
    return new Machines(fly, (format, args) -> {});
  }

  /** By SIGKILL, so that no program takes its time. */
  void stop(List<String> ids) {
    var kill = Fly.JSON.createObjectNode().put("signal", "SIGKILL");
    var failed =
        Parallel.each(
            ids,
            8,
            id -> {
              machine().stop(app, id, kill);
              machine().waitFor(app, id, Machines.State.stopped, MINUTE);
            });
    if (!failed.isEmpty()) throw failed.values().iterator().next();
  }

  /** A command that has ended: its peak of resident memory, and its CPU time. */
  record Run(int exit, String out, String err, long peakMb, double cpu) {}

  /** Runs a command through the proxy. */
  Run run(String script, String... args) throws Exception {
    return ended(process(script, proxy.url(), args));
  }

  /** Runs a command on the sandbox itself. */
  Run direct(String script, String... args) throws Exception {
    return ended(process(script, direct, args));
  }

  /** Runs a command as people do, with the wrapper's archive of classes. */
  Run wrapped(String alias, String... args) throws Exception {
    var command = new ArrayList<>(List.of(ROOT.resolve("jbang").toString(), alias));
    command.addAll(List.of(args));
    return ended(start(command, direct));
  }

  /** The seconds that {@link BareStarts} takes. */
  String bareStarts(List<String> ids) throws Exception {
    var process = process("BareStarts", direct);
    try (var stdin = process.getOutputStream()) {
      stdin.write(String.join(" ", ids).getBytes(StandardCharsets.UTF_8));
    }
    return text(process.getInputStream()).strip();
  }

  /** A command in a JVM of its own, with the options that its launcher gives it. */
  Process process(String script, String url, String... args) throws IOException {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var command = new ArrayList<>(List.of(java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), script));
    command.addAll(List.of(args));
    return start(command, url);
  }

  private Process start(List<String> command, String url) throws IOException {
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().putAll(exports);
    builder.environment().put("FLY_API_HOSTNAME", url);
    builder.environment().put("FLY_API_BASE_URL", url);
    builder.environment().put("APP_NAME", app);
    return builder.start();
  }

  private static Run ended(Process process) throws Exception {
    var err = new ByteArrayOutputStream();
    var reader = daemon(() -> copy(process.getErrorStream(), err));
    var used =
        new Object() {
          long peakMb;
          double cpu;
        };
    var watch =
        daemon(
            () -> {
              while (process.isAlive()) {
                used.peakMb = Math.max(used.peakMb, peakMb(process.pid()));
                var cpu = process.info().totalCpuDuration();
                if (cpu.isPresent()) used.cpu = cpu.get().toMillis() / 1e3;
                try {
                  Thread.sleep(10);
                } catch (InterruptedException e) {
                  return;
                }
              }
            });
    var out = text(process.getInputStream());
    var exit = process.waitFor();
    reader.join();
    watch.join();
    return new Run(exit, out, err.toString(StandardCharsets.UTF_8), used.peakMb, used.cpu);
  }

  static Thread daemon(Runnable work) {
    var thread = new Thread(work);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** Until the stream ends, or its process is killed. */
  static void copy(InputStream from, java.io.OutputStream to) {
    try {
      from.transferTo(to);
    } catch (IOException e) {
      // it was killed
    }
  }

  static String text(InputStream in) throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  /** The highest resident memory, from Linux; 0 elsewhere. */
  private static long peakMb(long pid) {
    try {
      for (var line : Files.readAllLines(Path.of("/proc", "" + pid, "status"))) {
        if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
      }
    } catch (IOException e) {
      // it has ended, or this is no Linux
    }
    return 0;
  }

  @Override
  public void close() throws Exception {
    proxy.close();
    sandbox("--stop");
  }
}
