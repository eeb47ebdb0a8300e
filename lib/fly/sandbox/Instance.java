//SOURCES Containment.java Logs.java Machine.java Orphans.java Program.java Rules.java World.java
//SOURCES runtime/FlyctlWrap.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import fly.sandbox.runtime.FlyctlWrap;
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
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * What a Machine runs from one start to the next end: the processes of its config, and the way in
 * for requests. The image flyio/mcp has flyctl's wrap before the first of them; the program of any
 * other image has to listen at the port that its variable PORT names, since several Machines on one
 * computer cannot all have their {@code internal_port}.
 */
final class Instance {
  private static final int LAST_WORDS = 5;

  /** After a program's end; what it has left behind may keep its streams open for ever. */
  private static final Duration HEARD = Duration.ofSeconds(1);

  /** Whom the wrap lets in: none of the program's business. */
  private static final List<String> CREDENTIALS =
      List.of("FLY_MCP_BEARER_TOKEN", "FLY_MCP_USER", "FLY_MCP_PASSWORD");

  /**
   * @param process its number; 0 where there is but one
   */
  record End(int process, Program.Exit exit) {}

  private final World world;
  private final Machine machine;
  private final JsonNode config;
  private final String version;
  private final Map<Integer, Integer> ports;
  private final List<Program> programs = new ArrayList<>();
  private final CompletableFuture<End> end = new CompletableFuture<>();
  private final Deque<String> said = new ArrayDeque<>();
  private FlyctlWrap wrap;

  private Instance(World world, Machine machine, JsonNode config, String version)
      throws IOException {
    this.world = world;
    this.machine = machine;
    this.config = config;
    this.version = version;
    this.ports = world.images().isMcp(config) ? Map.of() : freePorts(config);
  }

  /** Whether Machines with this config run anything here, or are state only. */
  static boolean runs(World world, JsonNode config) {
    return processes(world, config).stream().anyMatch(words -> !words.isEmpty());
  }

  /**
   * Starts every process.
   *
   * @return null where the Machine is state only
   * @throws IOException where one cannot be started; none runs then
   * @throws IllegalArgumentException as for a variable with = in its name
   */
  static Instance start(World world, Machine machine, JsonNode config, String version)
      throws IOException {
    if (!runs(world, config)) return null;
    var instance = new Instance(world, machine, config, version);
    try {
      instance.launch();
      return instance;
    } catch (IOException | RuntimeException e) {
      instance.stop("SIGKILL", Duration.ZERO);
      throw e;
    }
  }

  /** The commands, one for each process; empty ones where the image runs nothing here. */
  private static List<List<String>> processes(World world, JsonNode config) {
    var image = world.images().command(config);
    if (image == null) return List.of();
    var commands = new ArrayList<List<String>>();
    var many = config.path("processes");
    if (many.isEmpty()) commands.add(command(image, config.path("init")));
    for (var process : many) commands.add(command(image, process));
    return commands;
  }

  /** As Docker has it: exec alone; else entrypoint, or what the image has for one, and cmd. */
  private static List<String> command(List<String> image, JsonNode init) {
    var command = words(init.path("exec"));
    if (!command.isEmpty()) return command;
    command.addAll(init.path("entrypoint").isEmpty() ? image : words(init.path("entrypoint")));
    command.addAll(words(init.path("cmd")));
    return command;
  }

  private static List<String> words(JsonNode list) {
    var words = new ArrayList<String>();
    list.forEach(word -> words.add(word.asText()));
    return words;
  }

  private void launch() throws IOException {
    var mounts = mounts();
    var commands = processes(world, config);
    for (var i = 0; i < commands.size(); i++) {
      var command = world.images().local(machine, commands.get(i));
      var env = env(config.path("processes").path(i));
      var spec = new Program.Spec(machine.id, command, env, mounts, world.folder(machine));
      var user = config.path("processes").path(i).path("user").asText("");
      if (!user.isEmpty()) {
        var note = "user %s: the sandbox runs every process as its own user".formatted(user);
        machine.app.logs.add(world.now(), "runner", "info", machine, note);
      }
      var program = Program.start(spec);
      attend(program, commands.size() == 1 ? 0 : i + 1);
      if (Containment.best() == Containment.PATH_MAPPING) {
        Orphans.note(program.processes().get(0), world.folder(machine));
      }
    }
  }

  private void attend(Program program, int number) {
    var wrapped = programs.isEmpty() && world.images().isMcp(config);
    programs.add(program);
    if (wrapped) {
      wrap =
          new FlyctlWrap(
              program.stdin(),
              program.stdout(),
              variable("FLY_MCP_BEARER_TOKEN"),
              variable("FLY_MCP_USER"),
              variable("FLY_MCP_PASSWORD"),
              machine::lastWords);
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
    world.thread(
        () -> {
          Logs.read(stream, line -> log(line, number));
          heard.complete(null);
        });
    return heard;
  }

  private void log(String line, int number) {
    machine.log(line, number);
    synchronized (said) {
      if (said.size() == LAST_WORDS) said.removeFirst();
      said.addLast(line);
    }
  }

  /** What it said last, in one line; may be empty. */
  String said() {
    synchronized (said) {
      return String.join("; ", said);
    }
  }

  /** Completes when the first of its processes has ended, and all that it said was heard. */
  CompletableFuture<End> end() {
    return end;
  }

  /** The wrap before its MCP server, if that is what it runs. */
  Optional<FlyctlWrap> wrap() {
    return Optional.ofNullable(wrap);
  }

  /** Where on this computer the program listens that the Machine has at this port, if anywhere. */
  Optional<Integer> port(int internalPort) {
    return Optional.ofNullable(ports.get(internalPort));
  }

  /** The one in which other commands are run: the first. */
  Program main() {
    return programs.get(0);
  }

  List<ProcessHandle> processes() {
    return programs.stream().flatMap(program -> program.processes().stream()).toList();
  }

  void signal(String name) {
    programs.forEach(program -> program.signal(name));
  }

  void suspend() {
    programs.forEach(Program::suspend);
  }

  void resume() {
    programs.forEach(Program::resume);
  }

  /** Ends all of it, as {@link Program#stop} does, at once. */
  void stop(String signal, Duration timeout) {
    var ending = new ArrayList<CompletableFuture<Void>>();
    for (var program : programs) {
      var over = new CompletableFuture<Void>();
      ending.add(over);
      world.thread(
          () -> {
            program.stop(signal, timeout);
            over.complete(null);
          });
    }
    ending.forEach(CompletableFuture::join);
    wrap().ifPresent(FlyctlWrap::close);
  }

  // What its processes find

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
    world.images().path().ifPresent(path -> env.put("PATH", path));
    var secrets = world.secrets(machine.app);
    if (!process.path("ignore_app_secrets").asBoolean()) env.putAll(secrets);
    for (var variables : List.of(config.path("env"), process.path("env"))) {
      variables.properties().forEach(each -> env.put(each.getKey(), each.getValue().asText()));
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
    if (world.images().isMcp(config)) env.keySet().removeAll(CREDENTIALS);
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

  /** As the wrap in the image finds it: a variable of the config, or a secret of the app. */
  private String variable(String name) {
    var value = config.path("env").path(name).asText(world.secrets(machine.app).get(name));
    return value == null || value.isEmpty() ? null : value;
  }

  private List<Program.Mount> mounts() throws IOException {
    var mounts = new ArrayList<Program.Mount>();
    for (var mount : config.path("mounts")) {
      var volume = world.volumes().find(machine.app, mount.path("volume").asText());
      if (volume != null) {
        mounts.add(new Program.Mount(volume.folder, mount.path("path").asText("/data")));
      }
    }
    var files = config.path("files");
    for (int i = 0; i < files.size(); i++) {
      var path = files.get(i).path("guest_path").asText();
      var folder = world.folder(machine).resolve("file-" + i);
      World.delete(folder); // whatever a program may have made of it
      Files.createDirectory(folder);
      var file = folder.resolve(path.substring(path.lastIndexOf('/') + 1)); // its name may matter
      Files.write(file, content(files.get(i)));
      permit(file, files.get(i).path("mode").asInt());
      mounts.add(new Program.Mount(file, path));
    }
    return mounts;
  }

  private byte[] content(JsonNode file) throws IOException {
    var base64 = file.path("raw_value").asText("");
    var secret = file.path("secret_name").asText("");
    if (!secret.isEmpty()) {
      base64 = world.secrets(machine.app).get(secret);
      if (base64 == null) throw new IOException("there is no secret " + secret + " for a file");
    }
    try {
      return Rules.base64(base64);
    } catch (IllegalArgumentException e) {
      throw new IOException("the secret " + secret + " is to hold a file, but not in base64");
    }
  }

  /** As chmod does it; 0 leaves it as it is. */
  private static void permit(Path file, int mode) throws IOException {
    if (mode == 0 || !file.getFileSystem().supportedFileAttributeViews().contains("posix")) return;
    var permissions = EnumSet.noneOf(PosixFilePermission.class);
    for (var permission : PosixFilePermission.values()) { // from the owner's reading on: 0400
      if ((mode & 0400 >> permission.ordinal()) != 0) permissions.add(permission);
    }
    Files.setPosixFilePermissions(file, permissions);
  }
}
