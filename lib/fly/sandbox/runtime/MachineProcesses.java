//SOURCES ../http/ProgramClients.java ../model/AppLogs.java ../model/Clock.java ../model/ConfigRules.java
//SOURCES ../model/Machine.java ../model/Workers.java ContainedProcess.java Containment.java FlyctlWrap.java
//SOURCES ImageCommands.java ../store/Folders.java ../store/OrphanProcesses.java
package fly.sandbox.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.http.ProgramClients;
import fly.sandbox.model.AppLogs;
import fly.sandbox.model.Clock;
import fly.sandbox.model.ConfigRules;
import fly.sandbox.model.Machine;
import fly.sandbox.model.Workers;
import fly.sandbox.store.Folders;
import fly.sandbox.store.OrphanProcesses;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The processes of a Machine from a start to the next end, and the ports for requests. The image
 * flyio/mcp has flyctl's wrap before the first process. The program of any other image must listen
 * at the port in its variable PORT. Several Machines on one computer cannot all have their {@code
 * internal_port}.
 */
public final class MachineProcesses {
  private static final int LAST_WORDS = 5;

  /**
   * Time to read the last output after a program's end, on a busy computer too. A process that it
   * left behind may keep its streams open for ever.
   */
  private static final Duration HEARD = Duration.ofSeconds(5);

  /** The wrap's credentials, which its program does not get. */
  private static final List<String> CREDENTIALS =
      List.of("FLY_MCP_BEARER_TOKEN", "FLY_MCP_USER", "FLY_MCP_PASSWORD");

  /**
   * @param process its number; 0 if it is the only one
   */
  public record End(int process, ContainedProcess.Exit exit) {}

  /**
   * The parts of the sandbox that programs use.
   *
   * @param clients for health checks
   */
  public record Host(
      Clock clock,
      Workers workers,
      Folders folders,
      ImageCommands images,
      ProgramClients clients) {}

  private final Host host;
  private final Machine machine;
  private final JsonNode config;
  private final String version;
  private final Supplier<String> lastWords;
  private final Map<Integer, Integer> ports;
  private final List<ContainedProcess> programs = new ArrayList<>();
  private final CompletableFuture<End> end = new CompletableFuture<>();
  private final Deque<String> said = new ArrayDeque<>();
  private FlyctlWrap wrap;

  private MachineProcesses(
      Host host, Machine machine, JsonNode config, String version, Supplier<String> lastWords)
      throws IOException {
    this.host = host;
    this.machine = machine;
    this.config = config;
    this.version = version;
    this.lastWords = lastWords;
    this.ports = host.images().isMcp(config) ? Map.of() : freePorts(config);
  }

  /**
   * Starts every process.
   *
   * @param lastWords the reason why the program has ended, for clients of the wrap
   * @return null if the Machine is state only
   * @throws IOException if one cannot be started; none runs then
   * @throws IllegalArgumentException if the name of a variable is invalid
   */
  public static MachineProcesses start(
      Host host, Machine machine, JsonNode config, String version, Supplier<String> lastWords)
      throws IOException {
    if (!host.images().runs(config)) return null;
    var started = new MachineProcesses(host, machine, config, version, lastWords);
    try {
      started.launch();
      return started;
    } catch (IOException | RuntimeException e) {
      started.stop("SIGKILL", Duration.ZERO);
      throw e;
    }
  }

  private void launch() throws IOException {
    var mounts = mounts();
    var commands = host.images().processes(config);
    for (var i = 0; i < commands.size(); i++) {
      var command = host.images().local(config, commands.get(i), this::log);
      var env = env(config.path("processes").path(i));
      var spec =
          new ContainedProcess.Spec(
              machine.id, command, env, mounts, host.folders().ofMachine(machine.id));
      var user = config.path("processes").path(i).path("user").asText("");
      if (!user.isEmpty()) {
        var note = "user %s: the sandbox runs every process as its own user".formatted(user);
        log("runner", 0, note);
      }
      var program = ContainedProcess.start(spec);
      attend(program, commands.size() == 1 ? 0 : i + 1);
      if (Containment.best() == Containment.PATH_MAPPING) {
        OrphanProcesses.note(program.processes().get(0), host.folders().ofMachine(machine.id));
      }
    }
  }

  private void attend(ContainedProcess program, int number) {
    var wrapped = programs.isEmpty() && host.images().isMcp(config);
    programs.add(program);
    if (wrapped) {
      wrap =
          new FlyctlWrap(
              program.stdin(),
              program.stdout(),
              variable("FLY_MCP_BEARER_TOKEN"),
              variable("FLY_MCP_USER"),
              variable("FLY_MCP_PASSWORD"),
              List.of("1", "t", "true")
                  .contains(variable("FLY_MCP_PRIVATE", "").toLowerCase(Locale.ROOT)),
              lastWords);
    }
    var heard = new ArrayList<CompletableFuture<Void>>();
    heard.add(hear(program.stderr(), number));
    if (!wrapped) heard.add(hear(program.stdout(), number));
    var all = CompletableFuture.allOf(heard.toArray(CompletableFuture[]::new));
    program
        .exit()
        .thenAccept(
            exit ->
                all.completeOnTimeout(null, HEARD.toMillis(), TimeUnit.MILLISECONDS)
                    .thenAccept(nothing -> end.complete(new End(number, exit))));
  }

  private CompletableFuture<Void> hear(InputStream stream, int number) {
    var heard = new CompletableFuture<Void>();
    host.workers()
        .thread(
            () -> {
              AppLogs.read(stream, line -> log(line, number));
              heard.complete(null);
            });
    return heard;
  }

  private void log(String provider, int process, String line) {
    var now = host.clock().now();
    machine.app.logs.add(now, provider, "info", machine.id, machine.region, process, line);
  }

  private void log(String line) {
    log("app", 0, line);
  }

  private void log(String line, int number) {
    log("app", number, line);
    synchronized (said) {
      if (said.size() == LAST_WORDS) said.removeFirst();
      said.addLast(line);
    }
  }

  /** Its last output in one line; may be empty. */
  public String said() {
    synchronized (said) {
      return String.join("; ", said);
    }
  }

  /** Completes when the first of its processes has ended, and its output has been read. */
  public CompletableFuture<End> end() {
    return end;
  }

  /** The wrap before its MCP server, if it runs one. */
  public Optional<FlyctlWrap> wrap() {
    return Optional.ofNullable(wrap);
  }

  /** The port of this computer that replaces a port of the Machine; empty if nothing listens. */
  public Optional<Integer> port(int internalPort) {
    return Optional.ofNullable(ports.get(internalPort));
  }

  /** The first process, beside which exec runs commands. */
  public ContainedProcess main() {
    return programs.get(0);
  }

  public List<ProcessHandle> processes() {
    return programs.stream().flatMap(program -> program.processes().stream()).toList();
  }

  public void signal(String name) {
    programs.forEach(program -> program.signal(name));
  }

  public void suspend() {
    programs.forEach(ContainedProcess::suspend);
  }

  public void resume() {
    programs.forEach(ContainedProcess::resume);
  }

  /** Ends all processes at the same time, each as {@link ContainedProcess#stop} does. */
  public void stop(String signal, Duration timeout) {
    var ending = new ArrayList<CompletableFuture<Void>>();
    for (var program : programs) {
      var over = new CompletableFuture<Void>();
      ending.add(over);
      host.workers()
          .thread(
              () -> {
                program.stop(signal, timeout);
                over.complete(null);
              });
    }
    ending.forEach(CompletableFuture::join);
    wrap().ifPresent(FlyctlWrap::close);
  }

  // The surroundings of its processes

  private static Map<Integer, Integer> freePorts(JsonNode config) throws IOException {
    var ports = new LinkedHashMap<Integer, Integer>();
    for (var service : config.path("services")) ports.put(service.path("internal_port").asInt(), 0);
    for (var service : config.path("services")) {
      for (var check : service.path("checks")) ports.putIfAbsent(check.path("port").asInt(), 0);
    }
    for (var check : config.path("checks")) ports.putIfAbsent(check.path("port").asInt(), 0);
    ports.remove(0); // of checks that name none
    var open = new ArrayList<ServerSocket>(); // all at once, so that no two are the same
    try {
      for (var port : ports.entrySet()) {
        open.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        port.setValue(open.get(open.size() - 1).getLocalPort());
      }
    } finally {
      for (var socket : open) socket.close();
    }
    return ports;
  }

  /** https://fly.io/docs/machines/runtime-environment/, and PORT as above. */
  private Map<String, String> env(JsonNode process) {
    var env = new LinkedHashMap<String, String>();
    env.put("FLY_APP_NAME", machine.app.name);
    env.put("FLY_MACHINE_ID", machine.id);
    env.put("FLY_ALLOC_ID", machine.id);
    env.put("FLY_REGION", machine.region);
    env.put("FLY_PRIVATE_IP", machine.privateIp);
    env.put("FLY_PUBLIC_IP", "2605:4c40:" + machine.privateIp.split(":", 4)[3]);
    env.put("FLY_IMAGE_REF", config.path("image").asText());
    env.put("FLY_MACHINE_VERSION", version);
    env.put("FLY_PROCESS_GROUP", config.at("/metadata/fly_process_group").asText("app"));
    env.put("FLY_VM_MEMORY_MB", config.at("/guest/memory_mb").asText("256"));
    env.put("PRIMARY_REGION", machine.region);
    host.images().path().ifPresent(path -> env.put("PATH", path));
    var secrets = machine.app.secretValues();
    if (!process.path("ignore_app_secrets").asBoolean()) env.putAll(secrets);
    for (var variables : List.of(config.path("env"), process.path("env"))) {
      variables.properties().forEach(each -> env.put(each.getKey(), each.getValue().asText("")));
    }
    for (var one : process.path("env_from")) {
      env.put(one.path("env_var").asText(), field(one.path("field_ref").asText()));
    }
    for (var one : process.path("secrets")) {
      var variable = one.path("env_var").asText();
      var value = secrets.get(one.path("name").asText(variable));
      if (value != null) env.put(variable, value);
    }
    ports.forEach((port, here) -> env.put("PORT_" + port, here.toString()));
    ports.values().stream().findFirst().ifPresent(here -> env.put("PORT", here.toString()));
    if (host.images().isMcp(config)) env.keySet().removeAll(CREDENTIALS);
    return env;
  }

  private String field(String name) {
    return switch (name) {
      case "id" -> machine.id;
      case "version" -> version;
      case "app_name" -> machine.app.name;
      case "private_ip" -> machine.privateIp;
      case "region" -> machine.region;
      case "image" -> config.path("image").asText();
      default -> "";
    };
  }

  /** A variable for the wrap in the image: of the config, or a secret of the app. */
  private String variable(String name, String fallback) {
    var value = variable(name);
    return value == null ? fallback : value;
  }

  private String variable(String name) {
    var value = config.path("env").path(name).asText(machine.app.secretValues().get(name));
    return value == null || value.isEmpty() ? null : value;
  }

  private List<ContainedProcess.Mount> mounts() throws IOException {
    var mounts = new ArrayList<ContainedProcess.Mount>();
    for (var mount : config.path("mounts")) {
      var volume = machine.app.volume(mount.path("volume").asText());
      if (volume != null) {
        mounts.add(new ContainedProcess.Mount(volume.folder, mount.path("path").asText("/data")));
      }
    }
    var files = config.path("files");
    for (int i = 0; i < files.size(); i++) {
      var path = files.get(i).path("guest_path").asText();
      var folder = host.folders().ofMachine(machine.id).resolve("file-" + i);
      Folders.delete(folder); // a program may have replaced it
      Files.createDirectory(folder);
      var file = folder.resolve(path.substring(path.lastIndexOf('/') + 1)); // its name may matter
      Files.write(file, content(files.get(i)));
      permit(file, files.get(i).path("mode").asInt());
      mounts.add(new ContainedProcess.Mount(file, path));
    }
    return mounts;
  }

  private byte[] content(JsonNode file) throws IOException {
    var base64 = file.path("raw_value").asText("");
    var secret = file.path("secret_name").asText("");
    if (!secret.isEmpty()) {
      base64 = machine.app.secretValues().get(secret);
      if (base64 == null) throw new IOException("there is no secret " + secret + " for a file");
    }
    try {
      return ConfigRules.base64(base64);
    } catch (IllegalArgumentException e) {
      throw new IOException("the secret " + secret + " is to hold a file, but not in base64");
    }
  }

  /** Sets permissions like chmod; 0 changes nothing. */
  private static void permit(Path file, int mode) throws IOException {
    if (mode == 0 || !file.getFileSystem().supportedFileAttributeViews().contains("posix")) return;
    var permissions = EnumSet.noneOf(PosixFilePermission.class);
    for (var permission : PosixFilePermission.values()) { // from the owner's reading on: 0400
      if ((mode & 0400 >> permission.ordinal()) != 0) permissions.add(permission);
    }
    Files.setPosixFilePermissions(file, permissions);
  }
}
