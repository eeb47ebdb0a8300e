//SOURCES ../Fly.java ApiError.java App.java Checks.java Durations.java Guesses.java Ids.java Instance.java Lease.java
//SOURCES Logs.java Program.java Rest.java SandboxServer.java Waits.java World.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.Guesses.Guess;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A Machine: its record, its states, and the program it runs.
 *
 * <p>Its monitor guards all of it. What takes time (starting, stopping) happens on the world's
 * workers; the states in between say so.
 */
final class Machine {
  private static final int EVENTS = 50;
  private static final int EVENTS_SHOWN = 20;
  private static final int LOG_LINES = 200;

  /** A program that lives this long has all its tries again; a guess, like what it is for. */
  private static final Duration RECOVERED = Duration.ofMinutes(5);

  /** A program that lives this long has started; one that ends sooner has not. */
  static final Duration SETTLED = Duration.ofMillis(300);

  final App app;
  final String id;
  final String name;
  final String region;
  final Instant createdAt;
  final String privateIp;

  private final World world;
  private final Deque<ObjectNode> events = new ArrayDeque<>();
  private final Waits waits = new Waits();
  private ObjectNode config;
  private final Deque<ObjectNode> versions = new ArrayDeque<>();
  private Lease lease;
  private int memoryLimit;
  private String instanceId;
  private String state = "created";
  private Instant updatedAt;
  private boolean cordoned;
  private Instance instance;
  private Checks checks;
  private Instant startedAt;
  private int restarts;
  private String lastCrash;
  private boolean stopRequested;
  private boolean asleep;

  /** Its JSON, as long as nothing changes; null where it has to be written again. */
  private byte[] written;

  /** Whether it is started once it is replaced. */
  private boolean goesOn;

  /** Created, and to be started once its image is there. */
  private boolean preparing;

  Machine(World world, App app, String name, String region, ObjectNode config) {
    this.world = world;
    this.app = app;
    this.id = Ids.machine();
    this.name = name;
    this.region = region;
    this.config = config;
    this.createdAt = world.now();
    this.updatedAt = createdAt;
    this.instanceId = Ids.ulid(createdAt);
    remember();
    this.privateIp =
        "fdaa:0:1:a7b:%s:%s:%s:2".formatted(Ids.hex(2), id.substring(0, 4), id.substring(4, 8));
    note("launch", "created", "user", null); // recorded once it is in its app
  }

  /** As it was recorded; what was under way is over, and what ran is down until {@link #wake}. */
  Machine(World world, App app, JsonNode record) {
    this.world = world;
    this.app = app;
    this.id = record.path("id").asText();
    this.name = record.path("name").asText();
    this.region = record.path("region").asText();
    this.createdAt = Instant.parse(record.path("created_at").asText());
    this.updatedAt = Instant.parse(record.path("updated_at").asText());
    this.privateIp = record.path("private_ip").asText();
    this.instanceId = record.path("instance_id").asText();
    this.cordoned = record.path("cordoned").asBoolean();
    this.memoryLimit = record.path("memory_limit").asInt();
    this.config = (ObjectNode) record.path("config");
    for (var one : record.path("versions")) versions.addLast((ObjectNode) one);
    for (var one : record.path("events")) events.addLast((ObjectNode) one);
    if (record.path("lease").isObject()) this.lease = Lease.of(record.path("lease"));
    var before = record.path("state").asText();
    this.asleep =
        Set.of("started", "starting", "restarting").contains(before)
            || Set.of("replacing", "created").contains(before)
                && record.path("goes_on").asBoolean();
    this.state =
        switch (before) {
          case "created", "failed" -> before;
          case "destroying", "destroyed" -> "destroyed";
          default -> "stopped"; // a suspended one too: its memory is gone
        };
  }

  synchronized ObjectNode record() {
    var record =
        Rest.object()
            .put("id", id)
            .put("app_id", app.id)
            .put("name", name)
            .put("region", region)
            .put("created_at", createdAt.toString())
            .put("updated_at", updatedAt.toString())
            .put("private_ip", privateIp)
            .put("instance_id", instanceId)
            .put("state", state)
            .put("cordoned", cordoned)
            .put("memory_limit", memoryLimit)
            .put("goes_on", preparing || state.equals("replacing") && goesOn);
    record.set("config", config);
    record.putArray("versions").addAll(versions);
    record.putArray("events").addAll(events);
    if (lease != null) record.set("lease", lease.record());
    return record;
  }

  /** Starts it if it ran when it was recorded. */
  synchronized void wake() {
    if (!asleep) return;
    asleep = false;
    start("flyd");
  }

  synchronized String state() {
    return state;
  }

  synchronized boolean destroyedBefore(Instant time) {
    return state.equals("destroyed") && updatedAt.isBefore(time);
  }

  synchronized JsonNode config() {
    return config;
  }

  synchronized boolean cordoned() {
    return cordoned;
  }

  synchronized void cordon(boolean on) {
    cordoned = on;
    changed();
  }

  /** Whether a request may start it: one of its services says so. */
  synchronized boolean autostart() {
    for (var service : config.path("services")) {
      if (service.path("autostart").asBoolean()) return true;
    }
    return false;
  }

  /** Whether it runs anything here, or is state only. */
  synchronized boolean runs() {
    return Instance.runs(world, config);
  }

  /** For all that changes it: one that is no more is not found. */
  synchronized void requireThere() {
    if (state.equals("destroyed")) throw new ApiError(404, "not_found: machine not found");
  }

  /** Starts it, once it has been created; until its image is there nobody else can. */
  synchronized void prepare() {
    preparing = true;
    changed();
    world.after("create", this::prepared);
  }

  private synchronized void prepared() {
    if (!preparing) return; // stopped or destroyed meanwhile
    preparing = false;
    start("user");
  }

  /** From created, stopped, suspended or failed to started. */
  synchronized String start(String source) {
    var previous = state;
    switch (state) {
      case "started" -> {
        if (world.guess(Guess.START_STARTED, "ok")) return previous;
        throw new ApiError(409, "aborted: machine still attempting to start");
      }
      case "starting" -> throw new ApiError(409, "aborted: machine still attempting to start");
      case "created" -> {
        if (preparing && source.equals("proxy")) return previous; // it waits, too
        if (preparing) throw notFrom("start");
      }
      case "stopped", "suspended", "failed" -> {}
      case "replacing" ->
          throw new ApiError(
              412, "failed_precondition: machine getting replaced, refusing to start");
      default -> throw notFrom("start");
    }
    restarts = 0;
    lastCrash = null;
    become("starting", "start", source, null);
    var resumes = previous.equals("suspended") && instance != null;
    world.after("start", () -> world.work(resumes ? this::resume : this::launch));
    return previous;
  }

  /** For a Machine that is only created. */
  synchronized void rest() {
    if (world.guess(Guess.SKIP_LAUNCH, "stopped")) become("stopped", null, null, null);
  }

  private ApiError notFrom(String action) {
    return new ApiError(
        412,
        "failed_precondition: unable to %s machine from current state: '%s'"
            .formatted(action, state));
  }

  private void resume() {
    var frozen = front().instance();
    if (frozen != null) frozen.resume();
    synchronized (this) {
      if (!state.equals("starting") || frozen == null || instance != frozen) return; // it has ended
      checks.pause(false);
      become("started", "start", "flyd", null);
    }
  }

  private void launch() {
    Instance launched = null;
    String failure = null;
    ObjectNode with;
    String version;
    synchronized (this) {
      with = config;
      version = instanceId;
    }
    try {
      launched = Instance.start(world, this, with, version);
    } catch (IOException | IllegalArgumentException e) { // such as a variable's name with =
      failure = e.getMessage();
      app.logs.add(world.now(), "runner", "error", this, failure);
    }
    Instance unwanted = null;
    synchronized (this) {
      if (!state.equals("starting")) {
        unwanted = launched; // stopped or destroyed meanwhile
      } else if (failure != null) {
        crashed(failure, 1);
      } else {
        stopRequested = false;
        startedAt = world.now();
        instance = launched;
        if (launched != null) {
          checks = new Checks(world, this, launched, with);
          var running = launched;
          running.end().thenAccept(end -> world.work(() -> ended(running, end)));
          world.work(() -> world.volumes().watchGrowth(this, () -> front().instance() == running));
        }
        become("started", "start", "flyd", null);
      }
    }
    if (unwanted != null) unwanted.stop("SIGKILL", Duration.ZERO);
  }

  /** What its program said last, oldest first. */
  List<String> log() {
    return app
        .logs
        .newest(LOG_LINES, line -> line.instance().equals(id) && line.provider().equals("app"))
        .stream()
        .map(Logs.Line::message)
        .toList();
  }

  /** Takes a line of a program. */
  void log(String line, int process) {
    app.logs.add(world.now(), "app", "info", this, process, line);
  }

  /** Why the program ended, and what it said last on stderr. */
  synchronized String lastWords() {
    return lastCrash == null ? "it is " + state : lastCrash;
  }

  /** Where one process has ended, so do the others: a Machine is up or down as a whole. */
  private void ended(Instance old, Instance.End end) {
    old.stop("SIGTERM", stopTimeout());
    synchronized (this) {
      if (instance != old) return;
      if (front().up().compareTo(RECOVERED) >= 0) restarts = 0;
      gone();
      exited(end);
      if (!up()) return;
      var exit = end.exit();
      var why = "exit code " + exit.code() + (old.said().isEmpty() ? "" : ": " + old.said());
      crashed(why, exit.code());
    }
  }

  /** Whether it is to run, whatever its program does. */
  private boolean up() {
    return !stopRequested && Set.of("started", "starting").contains(state);
  }

  /**
   * Whether the policy starts the program again that ended with this code; max_retries is
   * on-failure's alone: https://fly.io/docs/machines/guides-examples/machine-restart-policy/.
   */
  private boolean restartsAfter(int code) {
    return switch (config.at("/restart/policy").asText("")) {
      case "always" -> true;
      case "on-failure", "" -> code != 0 && restarts < mostRestarts();
      default -> false;
    };
  }

  private int mostRestarts() {
    return config.at("/restart/max_retries").asInt(10);
  }

  /** Restarts after a pause, as long as the policy allows. */
  private void crashed(String why, int code) {
    lastCrash = why;
    if (restartsAfter(code)) {
      restarts++;
      become("starting", "restart", "flyd", null);
      world.later(world.restartPause(), () -> world.work(this::launchAgain));
      return;
    }
    if (code != 0 && restarts == mostRestarts()) {
      var gaveUp = "not restarted again, after %d restarts".formatted(restarts);
      app.logs.add(world.now(), "runner", "error", this, gaveUp);
    }
    var failed = code != 0 && restarts > 0 && world.guess(Guess.GAVE_UP, "failed");
    become(failed ? "failed" : "stopped", null, null, null);
    if (config.path("auto_destroy").asBoolean()) world.work(() -> destroy(true));
  }

  private void launchAgain() {
    synchronized (this) {
      if (!state.equals("starting") || instance != null) return;
    }
    launch();
  }

  private void exited(Instance.End end) {
    var exit = end.exit();
    var how = exit.signal() < 0 ? "with code " + exit.code() : "by signal " + exit.signal();
    var what = end.process() == 0 ? "program" : "process " + end.process();
    app.logs.add(world.now(), "runner", "info", this, what + " ended " + how);
    event("exit", "stopped", "flyd", exitEvent(exit));
  }

  private ObjectNode exitEvent(Program.Exit exit) {
    var request = Fly.JSON.createObjectNode();
    request.put("restart_count", restarts);
    request
        .putObject("exit_event")
        .put("exit_code", exit.code())
        .put("guest_exit_code", exit.code())
        .put("guest_signal", exit.signal())
        .put("signal", exit.signal())
        .put("oom_killed", false)
        .put("requested_stop", stopRequested)
        .put("restarting", up() && restartsAfter(exit.code()))
        .put("exited_at", world.now().toString());
    return request;
  }

  synchronized void stop(String signal, Duration timeout) {
    if (state.equals("created") && world.guess(Guess.STOP_CREATED, "412")) throw notFrom("stop");
    switch (state) {
      case "stopped", "stopping" -> {
        return;
      }
      case "created", "started", "starting", "suspended", "failed" -> {}
      default -> throw notFrom("stop");
    }
    stopRequested = true;
    become("stopping", "stop", "user", null);
    world.work(
        () -> {
          end(signal, timeout);
          world.volumes().detachUnmounted(this);
          synchronized (this) {
            if (state.equals("stopping")) become("stopped", "stop", "flyd", null);
          }
        });
  }

  /** Ends the program if there is one; a frozen one cannot hear a signal and is killed. */
  private void end(String signal, Duration timeout) {
    Instance old;
    synchronized (this) {
      old = instance;
    }
    if (old == null) return;
    old.stop(
        signal == null ? config().at("/stop_config/signal").asText("SIGINT") : signal,
        timeout == null ? stopTimeout() : timeout);
    synchronized (this) {
      if (instance != old) return;
      gone();
      exited(old.end().join());
    }
  }

  private void gone() {
    instance = null;
    checks.end();
    checks = null;
  }

  /** Whether no check of its services keeps requests from it. */
  synchronized boolean healthy() {
    return checks == null || checks.route();
  }

  private Duration stopTimeout() {
    return Durations.of(config().at("/stop_config/timeout"), Duration.ofSeconds(5));
  }

  /** https://fly.io/docs/reference/suspend-resume/#limitations-on-suspend */
  synchronized boolean suspendable() {
    return config.at("/guest/memory_mb").asInt() <= 2048
        && config.at("/guest/gpus").asInt() == 0
        && config.at("/guest/gpu_kind").asText("").isEmpty()
        && config.at("/init/swap_size_mb").asInt() == 0
        && config.path("schedule").asText("").isEmpty();
  }

  synchronized void suspend() {
    if (state.equals("suspended") || state.equals("suspending")) return;
    if (!state.equals("started")) throw notFrom("suspend");
    if (!suspendable()) {
      if (world.guess(Guess.SUSPEND_UNFIT, "412")) {
        throw new ApiError(412, "failed_precondition: this machine cannot be suspended");
      }
      stop(null, null);
      return;
    }
    become("suspending", "suspend", "user", null);
    if (checks != null) checks.pause(true);
    var frozen = instance;
    world.work(
        () -> {
          if (frozen != null) frozen.suspend();
          synchronized (this) {
            if (state.equals("suspending")) become("suspended", "suspend", "flyd", null);
          }
        });
  }

  /** As {@link #destroy}, where it may be gone already. */
  synchronized void destroyAnyway() {
    if (!state.equals("destroyed")) destroy(true);
  }

  /** Ends it for good; its volumes are detached and stay. */
  synchronized void destroy(boolean force) {
    requireThere();
    if (state.equals("destroying")) return;
    if (!force && !Set.of("created", "stopped", "suspended", "failed").contains(state)) {
      throw new ApiError(
          412,
          "failed_precondition: unable to destroy machine, not currently stopped, suspended, failed"
              + " or created");
    }
    stopRequested = true;
    become("destroying", "destroy", "user", null);
    world.work(
        () -> {
          end("SIGKILL", Duration.ZERO);
          world.retire(this);
          synchronized (this) {
            lease = null;
            become("destroyed", "destroy", "flyd", null);
          }
        });
  }

  /**
   * Replaces the whole config. What runs is stopped and started again with it, unless it is not to
   * be launched.
   */
  void update(ObjectNode next, String currentVersion, boolean skipLaunch) {
    synchronized (app) {
      synchronized (this) {
        requireThere();
        if (Set.of("replacing", "restarting", "destroying").contains(state)) {
          throw new ApiError(409, "aborted: machine update failed due to concurrent update");
        }
        if (currentVersion != null && !currentVersion.equals(instanceId)) {
          throw new ApiError(
              412,
              "failed_precondition: machine version is %s, not %s"
                  .formatted(instanceId, currentVersion));
        }
        world.volumes().remount(this, next);
        config = next;
        instanceId = Ids.ulid(world.now());
        remember();
        var ran = Set.of("started", "starting").contains(state);
        var frozen = Set.of("suspended", "suspending").contains(state);
        if (!ran && !frozen) {
          become(state, "update", "user", null);
          if (!state.equals("stopping")) world.volumes().detachUnmounted(this);
          return;
        }
        stopRequested = true;
        goesOn = ran && !skipLaunch;
        become("replacing", "update", "user", null);
        var signal = frozen ? "SIGKILL" : null; // what was suspended never runs again
        world.work(() -> endAndGoOn("replacing", signal, frozen ? Duration.ZERO : null, goesOn));
      }
    }
  }

  synchronized boolean mounts(String volume) {
    for (var mount : config.path("mounts")) {
      if (mount.path("volume").asText().equals(volume)) return true;
    }
    return false;
  }

  synchronized void restart(String signal, Duration timeout) {
    var down = Set.of("created", "stopped", "suspended", "failed").contains(state);
    if (down && world.guess(Guess.RESTART_STOPPED, "start")) {
      start("user");
      return;
    }
    if (!state.equals("started")) throw notFrom("restart");
    stopRequested = true;
    become("restarting", "restart", "user", null);
    world.work(() -> endAndGoOn("restarting", signal, timeout, true));
  }

  private void endAndGoOn(String from, String signal, Duration timeout, boolean launch) {
    end(signal, timeout);
    world.volumes().detachUnmounted(this);
    synchronized (this) {
      if (!state.equals(from)) return;
      restarts = 0;
      lastCrash = null;
      become(launch ? "starting" : "stopped", launch ? "start" : "stop", "flyd", null);
    }
    if (launch) launch();
  }

  private void remember() {
    versions.addFirst(
        Rest.object().put("version", instanceId).<ObjectNode>set("user_config", config));
  }

  synchronized JsonNode versions() {
    return Rest.list(versions, ObjectNode::deepCopy);
  }

  synchronized List<ObjectNode> events() {
    return List.copyOf(events);
  }

  // The program, while it runs

  private synchronized Instance running() {
    requireThere();
    if (!state.equals("started")) {
      throw new ApiError(412, "failed_precondition: machine not running");
    }
    return instance;
  }

  void signal(String name) {
    var running = running();
    if (running != null) running.signal(name);
  }

  /** None where it is state only. */
  List<ProcessHandle> processes() {
    var running = running();
    return running == null ? List.of() : running.processes();
  }

  JsonNode exec(List<String> command, String stdin, Duration timeout) {
    var running = running();
    if (running == null) {
      throw new ApiError(412, "failed_precondition: this machine is state only and runs nothing");
    }
    try {
      var ran = running.main().exec(command, stdin, timeout);
      return Rest.object()
          .put("exit_code", ran.exit().code())
          .put("exit_signal", Math.max(0, ran.exit().signal()))
          .put("stdout", ran.stdout())
          .put("stderr", ran.stderr());
    } catch (TimeoutException e) {
      throw new ApiError(408, "deadline_exceeded: the command did not end in time");
    } catch (IOException e) {
      throw new ApiError(412, "failed_precondition: exec request failed: " + e.getMessage());
    }
  }

  synchronized ObjectNode memory() {
    var size = config.at("/guest/memory_mb").asInt(256);
    return Rest.object()
        .put("available_mb", size)
        .put("limit_mb", memoryLimit == 0 ? size : memoryLimit);
  }

  synchronized ObjectNode limitMemory(int megabytes) {
    memoryLimit = Math.min(megabytes, config.at("/guest/memory_mb").asInt(256));
    changed();
    return memory();
  }

  // Metadata

  synchronized ObjectNode metadata() {
    return config.path("metadata") instanceof ObjectNode metadata
        ? metadata.deepCopy()
        : Rest.object();
  }

  /** Sets, or with null removes. It makes no new version, and restarts nothing. */
  synchronized void changeMetadata(Map<String, String> changes, String machineVersion) {
    if (machineVersion != null && !machineVersion.equals(instanceId)) {
      throw new ApiError(412, "failed_precondition: machine version mismatch");
    }
    var metadata = metadata();
    changes.forEach(
        (key, value) -> {
          if (value == null) metadata.remove(key);
          else metadata.put(key, value);
        });
    config = config.deepCopy();
    config.set("metadata", metadata);
    updatedAt = world.now();
    changed();
  }

  // Leases

  private Lease current() {
    if (lease != null && !world.now().isBefore(lease.expiresAt())) lease = null;
    return lease;
  }

  /** Whoever holds the lease has shown its nonce; where nobody does, everybody may. */
  synchronized void requireLease(String nonce) {
    var held = current();
    if (held == null || held.nonce().equals(nonce)) return;
    throw new ApiError(
        409,
        "aborted: machine ID %s lease currently held by %s, expires at %s"
            .formatted(id, held.owner(), held.expiresAt()));
  }

  /**
   * Takes the lease, or with its nonce makes it last longer.
   *
   * @param seconds 0 for as long as the switch says
   */
  synchronized Lease lease(String nonce, int seconds, String description) {
    var held = current();
    requireLease(nonce);
    var lasts = seconds > 0 ? Duration.ofSeconds(seconds) : world.guesses().leaseTtl();
    lease =
        new Lease(
            held == null ? Ids.secret(12) : held.nonce(),
            world.now().plus(lasts),
            "sandbox@tokens.fly.io",
            description.isEmpty() && held != null ? held.description() : description);
    changed();
    return lease;
  }

  synchronized void release(String nonce) {
    if (current() == null) throw new ApiError(404, "lease not found");
    requireLease(nonce);
    lease = null;
    changed();
  }

  synchronized ObjectNode leaseEnvelope() {
    if (current() == null) throw new ApiError(404, "lease not found");
    return lease.envelope(instanceId);
  }

  synchronized String nonce() {
    return current() == null ? null : lease.nonce();
  }

  /** For the end of the sandbox itself. */
  void kill() {
    synchronized (this) {
      stopRequested = true;
      state = "destroyed"; // so that what is being launched right now ends too
    }
    end("SIGKILL", Duration.ZERO);
  }

  private void become(String next, String type, String source, ObjectNode request) {
    state = next;
    preparing &= next.equals("created");
    updatedAt = world.now();
    app.logs.add(updatedAt, "runner", "info", this, "machine " + next);
    if (type == null) changed();
    else event(type, next, source, request);
    waits.tell(where(), world::work);
  }

  private Waits.Where where() {
    return new Waits.Where(state, instanceId, newestEvent());
  }

  private String newestEvent() {
    return events.getFirst().path("id").asText();
  }

  /** Completes once it is reached; the caller limits the time. No thread waits. */
  synchronized CompletableFuture<ObjectNode> await(Waits.Wanted wanted) {
    return waits.add(wanted, where(), this);
  }

  /** What to tell somebody whose time is up. */
  synchronized String late(Waits.Wanted wanted) {
    return wanted.late(where());
  }

  /** What the edge needs to know of a started Machine. */
  record Front(Instance instance, String crash, Duration up) {}

  synchronized Front front() {
    var up = startedAt == null ? Duration.ZERO : Duration.between(startedAt, world.now());
    var young = up.compareTo(Duration.ofSeconds(5)) < 0;
    var crashed = lastCrash != null && (instance == null || young);
    return new Front(instance, crashed ? lastWords() : null, up);
  }

  private void event(String type, String status, String source, ObjectNode request) {
    note(type, status, source, request);
    changed();
  }

  private void changed() {
    written = null;
    world.changed(this);
  }

  private void note(String type, String status, String source, ObjectNode request) {
    var event =
        Fly.JSON
            .createObjectNode()
            .put("id", Ids.ulid(world.now(), events.isEmpty() ? "" : newestEvent()))
            .put("type", type)
            .put("status", status)
            .put("source", source)
            .put("timestamp", world.now().toEpochMilli());
    if (request != null) event.set("request", request);
    if (events.size() == EVENTS) events.removeLast();
    events.addFirst(event);
  }

  synchronized ObjectNode json(boolean withLease) {
    var json =
        Fly.JSON
            .createObjectNode()
            .put("id", id)
            .put("name", name)
            .put("state", state)
            .put("region", region)
            .put("instance_id", instanceId)
            .put("version", instanceId)
            .put("private_ip", privateIp)
            .put("created_at", createdAt.toString())
            .put("updated_at", updatedAt.toString())
            .put("host_status", "ok")
            .put("cordoned", cordoned);
    json.set("image_ref", imageRef(config.path("image").asText()));
    json.set("config", config);
    var all = json.putArray("events");
    events.stream().limit(EVENTS_SHOWN).forEach(all::add);
    json.set("checks", checks == null ? Fly.JSON.createArrayNode() : checks.json());
    if (withLease && current() != null) json.set("lease", lease.json());
    return json;
  }

  ObjectNode json() {
    return json(false);
  }

  /** As JSON, kept until it changes: lists are long. Leases and checks change by themselves. */
  synchronized byte[] bytes(boolean withLease) {
    if (withLease || checks != null) return SandboxServer.bytes(json(withLease));
    if (written == null) written = SandboxServer.bytes(json());
    return written;
  }

  private static ObjectNode imageRef(String image) {
    var ref = Fly.JSON.createObjectNode();
    var slash = image.indexOf('/');
    var first = slash < 0 ? "" : image.substring(0, slash);
    var registry = first.contains(".") || first.contains(":");
    var rest = registry ? image.substring(slash + 1) : image;
    var at = rest.indexOf('@');
    var name = at < 0 ? rest : rest.substring(0, at);
    var colon = name.lastIndexOf(':');
    ref.put("registry", registry ? first : "registry-1.docker.io");
    ref.put("repository", colon < 0 ? name : name.substring(0, colon));
    if (colon >= 0 || at < 0) ref.put("tag", colon < 0 ? "latest" : name.substring(colon + 1));
    ref.put("digest", at < 0 ? Ids.digest(image) : rest.substring(at + 1));
    ref.putObject("labels");
    return ref;
  }

  /** Polls until the program has lived long enough, or has ended; used by the edge alone. */
  void settle() {
    var deadline = System.nanoTime() + SETTLED.toNanos();
    while (System.nanoTime() < deadline) {
      var front = front();
      if (front.instance() == null || front.up().compareTo(SETTLED) >= 0) return;
      try {
        TimeUnit.MILLISECONDS.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
