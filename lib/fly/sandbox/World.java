//SOURCES ApiError.java App.java Database.java Forward.java Guesses.java Ids.java Images.java Machine.java Rules.java
//SOURCES Secret.java Time.java Trouble.java Volume.java Volumes.java Waits.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * All that there is in this Fly.io: one organization, its apps, and what is in them. Every method
 * throws an {@link ApiError} where Fly.io would say no.
 */
final class World implements AutoCloseable {
  private static final Pattern SCHEMES = Pattern.compile("(?i)^((bearer|flyv1)\\s+)+");
  static final String ORG = "personal";
  static final String ORG_ID = "sandboxorg00001";
  static final long ORG_NUMBER = 1001;

  /** So many health checks are made at once; the others wait. */
  private static final int CHECKERS = 16;

  /** How long a change that nobody was told of may stay unwritten. */
  private static final Duration FLUSH = Duration.ofMillis(100);

  /** How long destroyed Machines are told of: for a while, says Fly.io. */
  private static final Duration DESTROYED = Duration.ofHours(1);

  /** How often it is looked for what has had its time. */
  private static final Duration EXPIRING = Duration.ofHours(1);

  private final Path home;
  private final Database database;
  private final Time time;
  private final Trouble trouble;
  private final String token;
  private final Consumer<String> story;
  private final Images images;
  private final Forward forward = new Forward();
  private final Volumes volumes = new Volumes(this);
  private final Guesses guesses = new Guesses();
  private final Map<String, App> apps = new ConcurrentSkipListMap<>();
  private final ThreadFactory threads = daemons("sandbox");
  private final ExecutorService workers = Executors.newCachedThreadPool(threads);
  private final ExecutorService checkers =
      Executors.newFixedThreadPool(CHECKERS, daemons("sandbox-checks"));

  /**
   * @param token the one that may do everything
   * @param home where the files of volumes and Machines live
   * @param database remembers it all; null where nothing is to be remembered
   * @param story takes a line where something happens that its user should know
   * @param images what Machines of an image run here: a line for the shell, by the image's name
   */
  World(
      String token,
      Path home,
      Database database,
      Time time,
      Trouble trouble,
      Consumer<String> story,
      Map<String, String> images,
      Class<?> filesServer) {
    this.images = new Images(images, story, filesServer);
    this.database = database;
    this.trouble = trouble;
    this.token = token;
    this.home = home;
    this.time = time;
    this.story = story;
  }

  /** Takes up what the database remembers. */
  void restore() {
    later(EXPIRING, this::expire);
    if (database == null) return;
    var byId = new HashMap<String, App>();
    for (var record : database.apps()) {
      var app = new App(record, home);
      apps.put(app.name, app);
      byId.put(app.id, app);
    }
    var machines = new ArrayList<Machine>();
    for (var record : database.machines()) {
      var app = byId.get(record.path("app_id").asText());
      if (app == null) continue;
      var machine = new Machine(this, app, record);
      app.machines.put(machine.id, machine);
      if (machine.state().equals("destroyed")) continue;
      app.names.put(machine.name, machine);
      machines.add(machine);
    }
    for (var app : apps.values()) {
      for (var volume : app.volumes.values()) {
        var machine = volume.machineId == null ? null : app.machines.get(volume.machineId);
        var gone = machine == null || machine.state().equals("destroyed");
        if (gone || !machine.mounts(volume.id)) volume.machineId = null;
      }
    }
    sweep();
    machines.forEach(Machine::wake);
    later(FLUSH, this::flushAgain);
    later(Database.SYNC, this::syncAgain);
  }

  /** Deleted volumes after their day, snapshots after their days, and destroyed Machines go. */
  private void expire() {
    later(EXPIRING, this::expire);
    for (var app : apps.values()) {
      for (var machine : List.copyOf(app.machines.values())) {
        if (!machine.destroyedBefore(now().minus(DESTROYED))) continue;
        app.machines.remove(machine.id);
        changed(machine);
      }
      volumes.expire(app);
    }
  }

  /** What a crash has left of volumes that were to go. */
  private void sweep() {
    var kept = new HashSet<Path>();
    for (var app : apps.values()) {
      for (var volume : app.volumes.values()) {
        if (volume.usable()) kept.add(volume.folder);
        for (var snapshot : volume.snapshots()) kept.add(snapshot.folder());
      }
    }
    for (var kind : List.of("volumes", "snapshots")) {
      try (var folders = Files.list(folder(kind))) {
        for (var folder : folders.toList()) if (!kept.contains(folder)) delete(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  void changed(Machine machine) {
    if (database != null) database.changed(machine);
  }

  /** Under the app's lock. */
  void changed(App app, Volume volume) {
    volume.updatedAt = now();
    changed(app);
  }

  void changed(App app) {
    if (database != null) database.changed(app);
  }

  private void flushAgain() {
    try {
      flush();
    } catch (RuntimeException e) {
      story.accept("error: not remembered yet: " + e.getMessage());
    } finally {
      later(FLUSH, this::flushAgain);
    }
  }

  private void syncAgain() {
    later(Database.SYNC, this::syncAgain);
    work(database::sync);
  }

  /** Returns when all that has changed is remembered; its caller holds no lock. */
  void flush() {
    if (database != null) database.flush();
  }

  /** What is not known of Fly.io, and what is made of it here. */
  Guesses guesses() {
    return guesses;
  }

  boolean guess(Guesses.Guess guess, String value) {
    return guesses.is(guess, value);
  }

  Images images() {
    return images;
  }

  Volumes volumes() {
    return volumes;
  }

  /** Something happens that the sandbox's user should know. */
  void tell(String line) {
    story.accept(line);
  }

  /** The way to the programs of Machines. */
  Forward forward() {
    return forward;
  }

  Instant now() {
    return time.now();
  }

  /** See {@link Time#elapsed}. */
  long elapsed() {
    return time.elapsed();
  }

  String token() {
    return token;
  }

  /**
   * Whether this Authorization header, in any of the forms that clients send, carries the token:
   * alone, or as one of several between commas.
   */
  boolean knows(String header) {
    var bare = SCHEMES.matcher(header).replaceFirst("");
    if (header.equals(bare)) return false;
    var known = token.getBytes(StandardCharsets.UTF_8);
    return Stream.concat(Stream.of(bare), Stream.of(bare.split(",")))
        .anyMatch(
            one -> MessageDigest.isEqual(one.strip().getBytes(StandardCharsets.UTF_8), known));
  }

  /** At the sandbox's end it does nothing any more: files that were to go, go at the next start. */
  void work(Runnable task) {
    try {
      workers.execute(task);
    } catch (RejectedExecutionException e) {
      if (!workers.isShutdown()) throw e;
    }
  }

  /** As {@link #work}, where there may be many and each may take its time. */
  void check(Runnable task) {
    checkers.execute(task);
  }

  void thread(Runnable task) {
    threads.newThread(task).start();
  }

  void later(Duration delay, Runnable task) {
    time.later(delay, task);
  }

  /** Runs it once the latency of this name (create, start) is over, which may be at once. */
  void after(String latency, Runnable task) {
    var delay = trouble.latency(latency, Duration.ZERO);
    if (delay.isZero()) task.run();
    else later(delay, task);
  }

  Duration restartPause() {
    return Duration.ofSeconds(1);
  }

  // Apps

  Collection<App> apps() {
    return apps.values();
  }

  Optional<App> find(String name) {
    return Optional.ofNullable(apps.get(name));
  }

  App app(String name) {
    return find(name).orElseThrow(() -> new ApiError(404, "app not found"));
  }

  /** Under the app's lock: what is put into it now goes with it, should it go. */
  void requireThere(App app) {
    if (apps.get(app.name) != app) throw new ApiError(404, "app not found");
  }

  App createApp(JsonNode request) {
    var org = request.path("org_slug").asText("");
    if (org.isEmpty()) throw ApiError.invalid("org_slug is required");
    requireOrg(org);
    var name = Rules.appName(request);
    var app = new App(name, ORG, request.path("network").asText("default"), now());
    if (apps.putIfAbsent(name, app) != null) {
      throw new ApiError(422, "Validation failed: Name has already been taken", "name_taken");
    }
    changed(app);
    return app;
  }

  void requireOrg(String slug) {
    if (slug.equals(ORG)) return;
    if (guess(Guesses.Guess.UNKNOWN_ORG, "403")) throw new ApiError(403, "unauthorized");
    throw new ApiError(404, "organization not found");
  }

  void deleteApp(App app) {
    synchronized (app) {
      apps.remove(app.name, app);
      app.deleted = true;
    }
    changed(app);
    for (var machine : app.living()) machine.destroyAnyway();
    work(
        () -> {
          for (var machine : app.machines.values())
            machine.await(Waits.Wanted.of(Set.of("destroyed"))).join();
          synchronized (app) {
            var folders = new ArrayList<Path>();
            for (var volume : app.volumes.values()) {
              folders.add(volume.folder);
              for (var snapshot : volume.snapshots()) folders.add(snapshot.folder());
            }
            deleteAfterFlush(folders);
            app.volumes.clear();
          }
        });
  }

  // IP addresses

  /** The app's own of this type if there is one that it may have but once. */
  App.Ip allocate(App app, String type, String region, String service, String network) {
    if (!Set.of("v4", "v6", "private_v6", "shared_v4").contains(type)) {
      throw new ApiError(
          guesses.status(Guesses.Guess.IP_UNKNOWN), "invalid ip address type: " + type);
    }
    var where = region.isEmpty() ? "global" : region;
    if (!where.equals("global") && !Rules.REGIONS.containsKey(where)) {
      throw new ApiError(
          guesses.status(Guesses.Guess.IP_UNKNOWN), "region %s not found".formatted(where));
    }
    synchronized (app) {
      requireThere(app);
      if (type.equals("shared_v4")) {
        for (var ip : app.ips) if (ip.type().equals(type)) return ip;
      }
      var address = address(app, type);
      var ip = new App.Ip(Ids.ip(), address, type, where, service, network, now());
      app.ips.add(ip);
      changed(app);
      return ip;
    }
  }

  /** One that the app has not yet. */
  private static String address(App app, String type) {
    var random = ThreadLocalRandom.current();
    while (true) {
      var one = random.nextInt(64);
      var other = random.nextInt(1, 255);
      var address =
          switch (type) {
            case "shared_v4" -> "66.241.%d.%d".formatted(124 + one % 2, other);
            case "v4" -> "149.248.%d.%d".formatted(192 + one, other);
            case "v6" -> "2a09:8280:1::%s:%s:0".formatted(Ids.hex(2), Ids.hex(4));
            default -> "fdaa:0:1:0:1::%x".formatted(other);
          };
      if (app.ips.stream().noneMatch(ip -> ip.address().equals(address))) return address;
    }
  }

  /** The pair of addresses from which the app's Machines of a region call others, v4 first. */
  List<App.Ip> allocateEgress(App app, String region) {
    synchronized (app) {
      var there = app.egressIps.stream().filter(ip -> ip.region().equals(region)).toList();
      if (!there.isEmpty()) return there;
      var number = app.egressIps.size();
      var v4 = "169.155.%d.%d".formatted(app.number % 254 + 1, number + 2);
      var v6 = "2605:4c40:%s:%s::1".formatted(Ids.hex(4), Ids.hex(4));
      var pair =
          List.of(
              new App.Ip(Ids.ip(), v4, "v4", region, "", "", now()),
              new App.Ip(Ids.ip(), v6, "v6", region, "", "", now()));
      app.egressIps.addAll(pair);
      changed(app);
      return pair;
    }
  }

  /** Takes egress addresses from an app; returns which. */
  List<App.Ip> releaseEgress(App app, Predicate<App.Ip> which) {
    synchronized (app) {
      var released = app.egressIps.stream().filter(which).toList();
      app.egressIps.removeAll(released);
      changed(app);
      return released;
    }
  }

  /** Name and value, for the app's Machines. */
  Map<String, String> secrets(App app) {
    var values = new TreeMap<String, String>();
    synchronized (app) {
      app.secrets.forEach((name, secret) -> values.put(name, secret.value()));
    }
    return values;
  }

  /**
   * Sets secrets; a null value removes one.
   *
   * @return the version of the app's secrets, which is a new one
   */
  long setSecrets(App app, Map<String, String> changes) {
    for (var name : changes.keySet()) {
      if (name.matches("[A-Za-z_][A-Za-z0-9_]*")) continue;
      throw ApiError.invalid("invalid secret name: " + name);
    }
    synchronized (app) {
      requireThere(app);
      changes.forEach(
          (name, value) -> {
            var old = app.secrets.get(name);
            if (value == null) app.secrets.remove(name);
            else {
              var born = old == null ? now() : old.createdAt();
              app.secrets.put(name, new Secret(name, value, born, now()));
            }
          });
      changed(app);
      return ++app.secretsVersion;
    }
  }

  boolean release(App app, String addressOrId) {
    synchronized (app) {
      changed(app);
      return app.ips.removeIf(
          ip -> ip.address().equals(addressOrId) || ip.id().equals(addressOrId));
    }
  }

  // Machines

  Machine createMachine(App app, ObjectNode request) {
    var config = Rules.config(request);
    var region = Rules.region(request.path("region"));
    var name = request.path("name").asText("");
    Machine machine;
    synchronized (app) {
      requireThere(app);
      var other = app.names.get(name);
      if (other != null) {
        throw new ApiError(
            409,
            "already_exists: unique machine name violation, machine ID %s already exists with name \"%s\""
                .formatted(other.id, name));
      }
      var free = name;
      while (free.isEmpty() || app.names.containsKey(free)) free = Ids.machineName();
      machine = new Machine(this, app, free, region, config);
      volumes.attach(app, machine.id, region, config);
      app.machines.put(machine.id, machine);
      app.names.put(machine.name, machine);
      changed(machine);
    }
    if (request.path("skip_service_registration").asBoolean()) machine.cordon(true);
    if (request.path("lease_ttl").asInt() > 0) {
      machine.lease(null, request.path("lease_ttl").asInt(), "");
    }
    return machine;
  }

  /** Takes its volumes and its name from a Machine that is no more. */
  void retire(Machine machine) {
    synchronized (machine.app) {
      machine.app.names.remove(machine.name, machine);
      volumes.detach(machine);
    }
  }

  Machine machine(App app, String id) {
    var machine = app.machines.get(id);
    if (machine == null) throw new ApiError(404, "not_found: machine not found");
    if (guess(Guesses.Guess.DESTROYED, "404")) machine.requireThere();
    return machine;
  }

  CompletableFuture<ObjectNode> await(Machine machine, Set<String> states, Duration timeout) {
    return await(machine, Waits.Wanted.of(states), timeout);
  }

  /** Where the Machine is once it got there, or a failure with 408 once the time is up. */
  CompletableFuture<ObjectNode> await(Machine machine, Waits.Wanted wanted, Duration timeout) {
    var reached = machine.await(wanted);
    var late =
        time.later(
            timeout, () -> reached.completeExceptionally(new ApiError(408, machine.late(wanted))));
    return reached.whenComplete((state, failure) -> late.run());
  }

  // Files

  Path folder(Machine machine) {
    return folder("machines/" + machine.id);
  }

  /** One for this kind of files; it is made. */
  Path folder(String name) {
    try {
      return Files.createDirectories(home.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Removes files once it is on record that they go: a crash in between must not lose them. */
  void deleteAfterFlush(Collection<Path> folders) {
    work(
        () -> {
          try {
            flush();
          } catch (ApiError e) {
            return; // the sandbox is ending: they go at the next start
          }
          folders.forEach(World::delete);
        });
  }

  static void delete(Path folder) {
    if (!Files.exists(folder)) return;
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted((a, b) -> b.compareTo(a)).toList()) Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static ThreadFactory daemons(String name) {
    var count = new AtomicInteger();
    return task -> {
      var thread = new Thread(task, name + "-" + count.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** Ends every program. */
  @Override
  public void close() {
    if (database != null) database.close(); // first: that programs end here, is not to be kept
    var all = new ArrayList<CompletableFuture<Void>>();
    for (var app : apps.values()) {
      for (var machine : app.machines.values()) {
        all.add(CompletableFuture.runAsync(machine::kill, workers));
      }
    }
    all.forEach(CompletableFuture::join);
    forward.close();
    time.close();
    checkers.shutdownNow();
    workers.shutdownNow();
  }
}
