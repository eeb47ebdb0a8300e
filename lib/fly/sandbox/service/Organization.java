//SOURCES ../model/ApiError.java ../model/App.java ../model/ConfigRules.java ../model/Guesses.java ../model/Ids.java
//SOURCES ../model/Machine.java ../model/MachineState.java ../model/Org.java ../model/Regions.java
//SOURCES ../model/StateWaiters.java MachineLifecycle.java VolumeService.java ../store/Folders.java
//SOURCES ../store/Journal.java
package fly.sandbox.service;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.ConfigRules;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Guesses.Guess;
import fly.sandbox.model.Ids;
import fly.sandbox.model.Machine;
import fly.sandbox.model.MachineState;
import fly.sandbox.model.Org;
import fly.sandbox.model.Regions;
import fly.sandbox.model.StateWaiters;
import fly.sandbox.store.Folders;
import fly.sandbox.store.Journal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The apps of the one organization, and their Machines. Every method throws an {@link ApiError} if
 * Fly.io would refuse.
 */
public final class Organization implements AutoCloseable {
  private final Machine.Means means;
  private final Journal journal;
  private final Folders folders;
  private final Guesses guesses;
  private final MachineLifecycle lifecycle;
  private final VolumeService volumes;
  private final Map<String, App> apps = new ConcurrentSkipListMap<>();

  public Organization(
      Machine.Means means,
      Journal journal,
      Folders folders,
      Guesses guesses,
      MachineLifecycle lifecycle,
      VolumeService volumes) {
    this.means = means;
    this.journal = journal;
    this.folders = folders;
    this.guesses = guesses;
    this.lifecycle = lifecycle;
    this.volumes = volumes;
  }

  // The sandbox's start and end

  /** Takes over the records of the previous sandbox, and starts the Machines that ran. */
  public void restore(List<ObjectNode> appRecords, List<ObjectNode> machineRecords) {
    var byId = new HashMap<String, App>();
    for (var record : appRecords) {
      var app = new App(record, folders.home());
      apps.put(app.name, app);
      byId.put(app.id, app);
    }
    var machines = new ArrayList<Machine>();
    for (var record : machineRecords) {
      var app = byId.get(record.path("app_id").asText());
      if (app == null) continue;
      var machine = new Machine(means, app, record);
      app.machines.put(machine.id, machine);
      if (machine.isDestroyed()) continue;
      app.names.put(machine.name, machine);
      machines.add(machine);
    }
    for (var app : apps.values()) detachUnmounted(app);
    sweep();
    machines.forEach(lifecycle::wake);
  }

  private static void detachUnmounted(App app) {
    for (var volume : app.volumes.values()) {
      var machine = volume.machineId == null ? null : app.machines.get(volume.machineId);
      var gone = machine == null || machine.isDestroyed();
      if (gone || !machine.mounts(volume.id)) volume.machineId = null;
    }
  }

  /** Deletes the folders of volumes and snapshots that are not on record, left by a crash. */
  private void sweep() {
    var kept = new HashSet<Path>();
    for (var app : apps.values()) {
      for (var volume : app.volumes.values()) {
        if (volume.usable()) kept.add(volume.folder);
        for (var snapshot : volume.snapshots()) kept.add(snapshot.folder());
      }
    }
    for (var kind : List.of("volumes", "snapshots")) {
      try (var all = Files.list(folders.create(kind))) {
        for (var folder : all.toList()) if (!kept.contains(folder)) Folders.delete(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Ends every program. */
  @Override
  public void close() {
    var all = new ArrayList<CompletableFuture<Void>>();
    for (var app : apps.values()) {
      for (var machine : app.machines.values()) {
        all.add(
            CompletableFuture.runAsync(() -> lifecycle.kill(machine), means.workers().executor()));
      }
    }
    all.forEach(CompletableFuture::join);
  }

  // Apps

  public Collection<App> apps() {
    return apps.values();
  }

  public Optional<App> find(String name) {
    return Optional.ofNullable(apps.get(name));
  }

  public App app(String name) {
    return find(name).orElseThrow(ApiError::appNotFound);
  }

  public App createApp(JsonNode request) {
    var org = request.path("org_slug").asText("");
    if (org.isEmpty()) throw ApiError.required("org_slug");
    requireOrg(org);
    var name = App.name(request);
    var network = request.path("network").asText("default");
    var app = new App(name, Org.SLUG, network, means.clock().now());
    if (apps.putIfAbsent(name, app) != null) throw ApiError.appNameTaken();
    journal.changed(app);
    return app;
  }

  public void requireOrg(String slug) {
    if (slug.equals(Org.SLUG)) return;
    throw ApiError.unknownOrganization(guesses.status(Guess.UNKNOWN_ORG));
  }

  /** Destroys the app's Machines, and then deletes its volumes and snapshots. */
  public void deleteApp(App app) {
    synchronized (app) {
      apps.remove(app.name, app);
      app.deleted = true;
    }
    app.machines.values().forEach(journal::changed);
    journal.changed(app);
    for (var machine : app.living()) lifecycle.destroyAnyway(machine);
    means.workers().run(() -> deleteVolumes(app));
  }

  private void deleteVolumes(App app) {
    for (var machine : app.machines.values()) {
      machine.await(StateWaiters.Wanted.of(Set.of(MachineState.DESTROYED.toString()))).join();
      lifecycle.forget(machine);
    }
    synchronized (app) {
      var gone = new ArrayList<Path>();
      for (var volume : app.volumes.values()) {
        gone.add(volume.folder);
        for (var snapshot : volume.snapshots()) gone.add(snapshot.folder());
      }
      journal.deleteAfterFlush(gone);
      app.volumes.clear();
    }
  }

  // Machines

  public Machine createMachine(App app, ObjectNode request) {
    var config = ConfigRules.config(request);
    var region = Regions.of(request.path("region"));
    var name = request.path("name").asText("");
    Machine machine;
    synchronized (app) {
      app.requireThere();
      var other = app.names.get(name);
      if (other != null) throw ApiError.machineNameTaken(other.id, name);
      var free = name;
      while (free.isEmpty() || app.names.containsKey(free)) free = Ids.machineName();
      var id = Ids.machine();
      volumes.attach(app, id, region, config);
      machine = new Machine(means, app, id, free, region, config);
      app.machines.put(machine.id, machine);
      app.names.put(machine.name, machine);
      machine.changed();
    }
    if (request.path("skip_service_registration").asBoolean()) machine.cordon(true);
    var lease = request.path("lease_ttl").asInt();
    if (lease > 0) machine.lease(null, Duration.ofSeconds(lease), "");
    return machine;
  }

  public Machine machine(App app, String id) {
    var machine = app.machines.get(id);
    if (machine == null) throw ApiError.machineNotFound();
    if (guesses.is(Guess.DESTROYED, "404")) machine.requireThere();
    return machine;
  }
}
