//SOURCES ApiError.java App.java Clock.java Ids.java ImageRef.java JsonNodes.java Lease.java MachineHistory.java
//SOURCES MachineState.java Record.java StateWaiters.java Workers.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A Machine's data, guarded by its monitor. fly.sandbox.service changes its state. It is long
 * because its monitor guards all of it: state, config, lease, and their JSON, which must agree.
 */
public final class Machine implements Record {
  /**
   * The objects that every Machine uses.
   *
   * @param changed takes a Machine whose record has to be written again
   */
  public record Means(Clock clock, Workers workers, Consumer<Record> changed) {}

  public final App app;
  public final String id;
  public final String name;
  public final String region;
  public final Instant createdAt;
  public final String privateIp;

  private final Means means;
  private final MachineHistory history = new MachineHistory();
  private final StateWaiters waiters = new StateWaiters();
  private ObjectNode config;
  private ImageRef image;
  private Lease lease;
  private int memoryLimit;
  private String instanceId;
  private MachineState state = MachineState.CREATED;
  private Instant updatedAt;
  private boolean cordoned;
  private boolean asleep;

  /** The results of health checks while a program runs; null otherwise. */
  private Supplier<ArrayNode> checks;

  /** The JSON, kept until something changes; null if it has to be written again. */
  private byte[] written;

  /** Starts again once the replacement of its config is done. */
  private boolean goesOn;

  /** Created, and about to start once its image has been pulled. */
  private boolean preparing;

  public Machine(Means means, App app, String id, String name, String region, ObjectNode config) {
    this.means = means;
    this.app = app;
    this.id = id;
    this.name = name;
    this.region = region;
    this.config = app.shared(config);
    this.image = image(config);
    this.createdAt = now();
    this.updatedAt = createdAt;
    this.instanceId = Ids.ulid(createdAt);
    history.addVersion(instanceId, this.config);
    this.privateIp =
        "fdaa:0:1:a7b:" + Ids.hex(2) + ":" + id.substring(0, 4) + ":" + id.substring(4, 8) + ":2";
    history.addEvent(createdAt, "launch", state, "user", null); // recorded when it is in its app
  }

  /**
   * Restores a record. Nothing runs until the lifecycle starts the Machine again: see {@link
   * #takeAsleep}.
   */
  public Machine(Means means, App app, JsonNode record) {
    this.means = means;
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
    this.image = image(config);
    history.restore(record);
    if (record.path("lease").isObject()) this.lease = Lease.of(record.path("lease"));
    var before = MachineState.of(record.path("state").asText());
    this.asleep =
        before.isUp()
            || before == MachineState.RESTARTING
            || Set.of(MachineState.REPLACING, MachineState.CREATED).contains(before)
                && record.path("goes_on").asBoolean();
    this.state = before.afterRestart();
  }

  @Override
  public String table() {
    return "machines";
  }

  @Override
  public String recordId() {
    return id;
  }

  @Override
  public synchronized Optional<ObjectNode> record() {
    if (app.deleted || app.machines.get(id) != this) return Optional.empty();
    var record =
        JsonNodes.object()
            .put("id", id)
            .put("app_id", app.id)
            .put("name", name)
            .put("region", region)
            .put("created_at", createdAt.toString())
            .put("updated_at", updatedAt.toString())
            .put("private_ip", privateIp)
            .put("instance_id", instanceId)
            .put("state", state.toString())
            .put("cordoned", cordoned)
            .put("memory_limit", memoryLimit)
            .put("goes_on", preparing || state == MachineState.REPLACING && goesOn);
    record.set("config", config);
    history.writeTo(record);
    if (lease != null) record.set("lease", lease.record());
    return Optional.of(record);
  }

  private static ImageRef image(ObjectNode config) {
    return ImageRef.of(config.path("image").asText());
  }

  private Instant now() {
    return means.clock().now();
  }

  // State

  public synchronized MachineState state() {
    return state;
  }

  public synchronized boolean is(MachineState... states) {
    return Set.of(states).contains(state);
  }

  public boolean isDestroyed() {
    return is(MachineState.DESTROYED);
  }

  public synchronized boolean destroyedBefore(Instant time) {
    return state == MachineState.DESTROYED && updatedAt.isBefore(time);
  }

  /** Refuses requests that change a Machine which is destroyed. */
  public synchronized void requireThere() {
    if (state == MachineState.DESTROYED) throw ApiError.machineNotFound();
  }

  /** Changes the state without an event. */
  public void become(MachineState next) {
    become(next, null, null);
  }

  /** Changes the state, with an event, and completes the waits for it. */
  public synchronized void become(MachineState next, String type, String source) {
    state = next;
    preparing &= next == MachineState.CREATED;
    updatedAt = now();
    app.logs.add(updatedAt, "runner", "info", id, region, "machine " + next);
    if (type != null) history.addEvent(now(), type, next, source, null);
    changed();
    waiters.complete(status(), means.workers()::run);
  }

  /** Ends the Machine with the sandbox; nothing is recorded. */
  public synchronized void endWithSandbox() {
    state = MachineState.DESTROYED; // a launch that is under way ends its program then
  }

  public synchronized void addEvent(
      String type, MachineState status, String source, ObjectNode request) {
    history.addEvent(now(), type, status, source, request);
    changed();
  }

  public synchronized void preparing(boolean on) {
    preparing = on;
    changed();
  }

  public synchronized boolean preparing() {
    return preparing;
  }

  public synchronized void goesOn(boolean on) {
    goesOn = on;
  }

  /** True once for a restored Machine that ran before. */
  public synchronized boolean takeAsleep() {
    var was = asleep;
    asleep = false;
    return was;
  }

  private StateWaiters.Status status() {
    return new StateWaiters.Status(state, instanceId, history.newestEvent());
  }

  /** Completes when the state is reached; the caller limits the time. No thread waits. */
  public synchronized CompletableFuture<ObjectNode> await(StateWaiters.Wanted wanted) {
    return waiters.add(wanted, status(), this);
  }

  /** The same as {@link #await(StateWaiters.Wanted)}, but it fails with 408 after the timeout. */
  public CompletableFuture<ObjectNode> await(StateWaiters.Wanted wanted, Duration timeout) {
    var reached = await(wanted);
    var late =
        means
            .clock()
            .later(timeout, () -> reached.completeExceptionally(ApiError.late(late(wanted))));
    return reached.whenComplete((state, failure) -> late.run());
  }

  private synchronized String late(StateWaiters.Wanted wanted) {
    return wanted.late(status());
  }

  // Config

  public synchronized ObjectNode config() {
    return config;
  }

  public synchronized String version() {
    return instanceId;
  }

  /** Replaces the whole config, which makes a new version. */
  public synchronized void config(ObjectNode next) {
    config = next;
    image = image(config);
    instanceId = Ids.ulid(now());
    history.addVersion(instanceId, config);
  }

  /** Refuses a change that was meant for another version; null means any. */
  public synchronized void requireVersion(String version) {
    if (version != null && !version.equals(instanceId)) {
      throw ApiError.otherVersion(instanceId, version);
    }
  }

  public synchronized boolean mounts(String volume) {
    for (var mount : config.path("mounts")) {
      if (mount.path("volume").asText().equals(volume)) return true;
    }
    return false;
  }

  /** A service of the config lets requests start the Machine. */
  public synchronized boolean autostart() {
    for (var service : config.path("services")) {
      if (service.path("autostart").asBoolean()) return true;
    }
    return false;
  }

  /** https://fly.io/docs/reference/suspend-resume/#limitations-on-suspend */
  public synchronized boolean suspendable() {
    return config.at("/guest/memory_mb").asInt() <= 2048
        && config.at("/guest/gpus").asInt() == 0
        && config.at("/guest/gpu_kind").asText("").isEmpty()
        && config.at("/init/swap_size_mb").asInt() == 0
        && config.path("schedule").asText("").isEmpty();
  }

  public synchronized boolean cordoned() {
    return cordoned;
  }

  public synchronized void cordon(boolean on) {
    cordoned = on;
    changed();
  }

  public synchronized ObjectNode memory() {
    var size = config.at("/guest/memory_mb").asInt(256);
    return JsonNodes.object()
        .put("available_mb", size)
        .put("limit_mb", memoryLimit == 0 ? size : memoryLimit);
  }

  public synchronized ObjectNode limitMemory(int megabytes) {
    memoryLimit = Math.min(megabytes, config.at("/guest/memory_mb").asInt(256));
    changed();
    return memory();
  }

  // Metadata

  public synchronized ObjectNode metadata() {
    return config.path("metadata") instanceof ObjectNode metadata
        ? metadata.deepCopy()
        : JsonNodes.object();
  }

  /** Sets keys; a null value removes one. Makes no new version and restarts nothing. */
  public synchronized void changeMetadata(Map<String, String> changes, String machineVersion) {
    if (machineVersion != null && !machineVersion.equals(instanceId)) {
      throw ApiError.otherMetadataVersion();
    }
    var metadata = metadata();
    changes.forEach(
        (key, value) -> {
          if (value == null) metadata.remove(key);
          else metadata.put(key, value);
        });
    config = config.deepCopy();
    config.set("metadata", metadata);
    updatedAt = now();
    changed();
  }

  // Lease

  private Lease current() {
    if (lease != null && lease.isOver(now())) lease = null;
    return lease;
  }

  /** Refuses a client that does not show the nonce of a current lease. */
  public synchronized void requireLease(String nonce) {
    var held = current();
    if (held == null || held.nonce().equals(nonce)) return;
    throw ApiError.leaseHeld(id, held.owner(), held.expiresAt());
  }

  /** Takes the lease or, with its nonce, extends it. */
  public synchronized Lease lease(String nonce, Duration lasts, String description) {
    var held = current();
    requireLease(nonce);
    lease =
        new Lease(
            held == null ? Ids.secret(12) : held.nonce(),
            now().plus(lasts),
            "sandbox@tokens.fly.io",
            description.isEmpty() && held != null ? held.description() : description);
    changed();
    return lease;
  }

  public synchronized void release(String nonce) {
    if (current() == null) throw ApiError.leaseNotFound();
    requireLease(nonce);
    lease = null;
    changed();
  }

  /** Ends the lease with the Machine. */
  public synchronized void dropLease() {
    lease = null;
  }

  public synchronized ObjectNode leaseEnvelope() {
    if (current() == null) throw ApiError.leaseNotFound();
    return lease.envelope(instanceId);
  }

  /** The nonce of the current lease; null without one. */
  public synchronized String nonce() {
    return current() == null ? null : lease.nonce();
  }

  // JSON

  public synchronized JsonNode versions() {
    return history.versions();
  }

  /** True if one of its events is a suspend. */
  public synchronized boolean wasSuspended() {
    return history.has("suspend");
  }

  public synchronized List<ObjectNode> events() {
    return history.events();
  }

  public synchronized void checks(Supplier<ArrayNode> results) {
    checks = results;
  }

  public synchronized ObjectNode json(boolean withLease) {
    var json =
        JsonNodes.object()
            .put("id", id)
            .put("name", name)
            .put("state", state.toString())
            .put("region", region)
            .put("instance_id", instanceId)
            .put("version", instanceId)
            .put("private_ip", privateIp)
            .put("created_at", createdAt.toString())
            .put("updated_at", updatedAt.toString())
            .put("host_status", "ok")
            .put("cordoned", cordoned);
    json.set("image_ref", image.json());
    json.set("config", config);
    history.showEvents(json.putArray("events"));
    if (checks == null) json.putArray("checks");
    else json.set("checks", checks.get());
    if (withLease && current() != null) json.set("lease", lease.json());
    return json;
  }

  /** The JSON as bytes, kept until it changes, because lists are long. */
  public synchronized byte[] bytes(boolean withLease) {
    // Leases and checks change without a call to changed().
    if (withLease || checks != null) return JsonNodes.bytes(json(withLease));
    if (written == null) written = JsonNodes.bytes(json(false));
    return written;
  }

  public synchronized void changed() {
    written = null;
    means.changed().accept(this);
  }
}
