//SOURCES ../model/ApiError.java ../model/App.java ../model/Clock.java ../model/Guesses.java ../model/Ids.java
//SOURCES ../model/JsonNodes.java ../model/Machine.java ../model/Regions.java ../model/Snapshot.java
//SOURCES ../model/Volume.java ../model/VolumeRules.java ../model/Workers.java ../store/Folders.java
//SOURCES ../store/Journal.java
package fly.sandbox.service;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Clock;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Ids;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.model.Machine;
import fly.sandbox.model.Regions;
import fly.sandbox.model.Snapshot;
import fly.sandbox.model.Volume;
import fly.sandbox.model.VolumeRules;
import fly.sandbox.model.Workers;
import fly.sandbox.store.Folders;
import fly.sandbox.store.Journal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The volumes of apps, with their files and snapshots, and their Machines. */
public final class VolumeService {
  /** Zones of a region; their number on Fly.io is not known. */
  private static final int ZONES = 64;

  /**
   * Time that deleted volumes stay listed (https://fly.io/docs/machines/api/volumes-resource/);
   * their files are removed at once.
   */
  private static final Duration PENDING_DESTROY = Duration.ofHours(24);

  /** Interval at which volumes that may grow by themselves are checked. */
  private static final Duration GROWING = Duration.ofSeconds(1);

  private final Clock clock;
  private final Workers workers;
  private final Journal journal;
  private final Folders folders;
  private final Guesses guesses;
  private final Consumer<String> story;

  public VolumeService(
      Clock clock,
      Workers workers,
      Journal journal,
      Folders folders,
      Guesses guesses,
      Consumer<String> story) {
    this.clock = clock;
    this.workers = workers;
    this.journal = journal;
    this.folders = folders;
    this.guesses = guesses;
    this.story = story;
  }

  public Volume create(App app, ObjectNode request) {
    var name = VolumeRules.name(request);
    var region = Regions.of(request.path("region"));
    var source = source(app, request);
    var size = VolumeRules.sizeGb(request, source == null ? 3 : source.sizeGb());
    if (source != null && size < source.sizeGb()) {
      throw ApiError.invalid("size_gb", "must be at least " + source.sizeGb());
    }
    Volume volume;
    synchronized (app) {
      app.requireThere();
      var zone = zone(app, name, region, request);
      volume =
          new Volume(name, region, zone, size, request, folders.create("volumes"), clock.now());
    }
    try {
      if (source != null) {
        copy(source.folder(), volume.folder, source.id());
      } else {
        Files.createDirectories(volume.folder);
        if (volume.fstype.equals("ext4")) {
          Files.createDirectory(volume.folder.resolve("lost+found"));
        }
      }
      synchronized (app) {
        app.requireThere();
        app.volumes.put(volume.id, volume);
        journal.changed(app);
      }
      return volume;
    } catch (ApiError e) {
      Folders.delete(volume.folder);
      throw e;
    } catch (IOException e) {
      Folders.delete(volume.folder);
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A hardware zone of the region, as four hex digits. It has no volume of this name (unless
   * require_unique_zone is false), and with unique_zone_app_wide no volume of the app.
   */
  private static String zone(App app, String name, String region, JsonNode request) {
    var wide = request.path("unique_zone_app_wide").asBoolean();
    var unique = wide || request.path("require_unique_zone").asBoolean(true);
    var taken = new HashSet<String>();
    for (var other : app.volumes.values()) {
      if (unique && other.usable() && (wide || other.name.equals(name))) taken.add(other.zone);
    }
    var zones = new ArrayList<String>();
    for (var i = 0; i < ZONES; i++) {
      zones.add("%04x".formatted((region + i).hashCode() & 0xffff));
    }
    zones.removeAll(taken);
    if (zones.isEmpty()) throw ApiError.noCapacity(region);
    return zones.get(ThreadLocalRandom.current().nextInt(zones.size()));
  }

  private record Source(String id, Path folder, int sizeGb) {}

  /** The source of a new volume: a snapshot, another volume, or nothing (null). */
  private Source source(App app, JsonNode request) {
    var snapshotId = JsonNodes.string(request, "snapshot_id");
    if (snapshotId != null) {
      synchronized (app) {
        return app.volumes.values().stream()
            .flatMap(volume -> volume.snapshots().stream())
            .filter(snapshot -> snapshot.id().equals(snapshotId))
            .findFirst()
            .map(snapshot -> new Source(snapshotId, snapshot.folder(), snapshot.sizeGb()))
            .orElseThrow(() -> ApiError.absent("snapshot"));
      }
    }
    var volumeId = JsonNodes.string(request, "source_volume_id");
    if (volumeId == null) return null;
    var volume = find(app, volumeId);
    if (volume == null || !volume.usable()) throw ApiError.absent("volume");
    return new Source(volumeId, volume.folder, volume.sizeGb);
  }

  /**
   * Takes a snapshot. It copies outside the lock, so that a large volume or a blocking file delays
   * no other request.
   */
  public void snapshot(App app, Volume volume) {
    var id = Ids.snapshot();
    var folder = folders.create("snapshots").resolve(id);
    synchronized (app) {
      if (!volume.usable()) throw ApiError.volumeIs(volume.state);
    }
    try {
      var copied = copy(volume.folder, folder, volume.id);
      synchronized (app) {
        app.requireThere();
        if (!volume.usable()) throw ApiError.volumeIs(volume.state);
        volume.add(
            new Snapshot(id, folder, copied, volume.sizeGb, volume.snapshotRetention, clock.now()));
        journal.changed(app);
      }
    } catch (ApiError e) {
      Folders.delete(folder);
      throw e;
    } catch (IOException e) {
      Folders.delete(folder);
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Copies a volume's files and reports those that cannot be copied.
   *
   * @return the files' bytes
   */
  private long copy(Path from, Path to, String volume) throws IOException {
    var copied = Folders.copy(from, to);
    if (!copied.skipped().isEmpty()) {
      story.accept(
          "Not copied from volume %s, because it is no file, folder or link: %s"
              .formatted(volume, String.join(", ", copied.skipped())));
    }
    return copied.bytes();
  }

  /** Records a change of a volume. The caller holds the app's lock. */
  public void changed(App app, Volume volume) {
    volume.updatedAt = clock.now();
    journal.changed(app);
  }

  /** The app's volumes, without destroyed ones that are kept for their snapshots. */
  public List<Volume> of(App app) {
    synchronized (app) {
      return app.volumes.values().stream()
          .filter(volume -> !volume.state.equals("destroyed"))
          .toList();
    }
  }

  /** The volume with this id; null if there is none. */
  public Volume find(App app, String id) {
    synchronized (app) {
      return app.volumes.get(id);
    }
  }

  public Volume require(App app, String id) {
    var volume = find(app, id);
    if (volume == null) throw ApiError.volumeNotFound();
    return volume;
  }

  /**
   * Extends the volumes of a Machine by its mounts' rules while it runs. A volume grows by {@code
   * add_size_gb} once {@code extend_threshold_percent} is used, to {@code size_gb_limit} at most
   * (https://fly.io/docs/reference/configuration/#the-mounts-section).
   */
  public void watchGrowth(Machine machine, BooleanSupplier runs) {
    var mounts = machine.config().path("mounts");
    var any = false;
    for (var mount : mounts) any |= mount.path("extend_threshold_percent").asInt() > 0;
    if (!any || !runs.getAsBoolean()) return;
    for (var mount : mounts) grow(machine.app, mount);
    clock.later(GROWING, () -> workers.run(() -> watchGrowth(machine, runs)));
  }

  private void grow(App app, JsonNode mount) {
    var volume = find(app, mount.path("volume").asText());
    if (volume == null) return;
    var used = volume.used() * 100.0 / (volume.sizeGb * 1024.0 * 1024 * 1024);
    var threshold = mount.path("extend_threshold_percent").asInt();
    if (threshold <= 0 || used < threshold) return;
    synchronized (app) {
      var limit = mount.path("size_gb_limit").asInt(Integer.MAX_VALUE);
      var next = Math.min(limit, volume.sizeGb + mount.path("add_size_gb").asInt());
      if (next <= volume.sizeGb) return;
      volume.sizeGb = next;
      changed(app, volume);
    }
    story.accept("The volume %s has grown to %d GB.".formatted(volume.id, volume.sizeGb));
  }

  public Volume delete(App app, String id) {
    synchronized (app) {
      var volume = require(app, id);
      if (volume.machineId != null) {
        throw ApiError.volumeBound(volume.machineId);
      }
      if (volume.usable()) {
        volume.state = "pending_destroy";
        volume.deletedAt = clock.now();
        changed(app, volume);
        journal.deleteAfterFlush(List.of(volume.folder));
      }
      return volume;
    }
  }

  /**
   * Attaches the volumes that the config names, by id or by name, to a Machine, and writes their
   * ids into the config.
   */
  void attach(App app, String machineId, String region, ObjectNode config) {
    for (var mount : config.path("mounts")) {
      var wanted = mount.path("volume").asText();
      var candidates =
          app.volumes.values().stream()
              .filter(volume -> volume.id.equals(wanted) || volume.name.equals(wanted))
              .filter(Volume::usable)
              .toList();
      if (candidates.isEmpty()) throw ApiError.absent("volume");
      var here = candidates.stream().filter(volume -> volume.region.equals(region)).toList();
      if (here.isEmpty()) {
        var status = guesses.status(Guesses.Guess.VOLUME_REGION);
        throw ApiError.wrongRegion(status, candidates.get(0).id, candidates.get(0).region, region);
      }
      var free =
          here.stream()
              .filter(volume -> volume.machineId == null || volume.machineId.equals(machineId))
              .findFirst();
      if (free.isEmpty()) {
        throw ApiError.volumeClaimed(here.get(0).machineId);
      }
      free.get().machineId = machineId;
      changed(app, free.get());
      ((ObjectNode) mount).put("volume", free.get().id).put("name", free.get().name);
    }
  }

  /** Detaches all volumes of a Machine that is destroyed. */
  void detach(Machine machine) {
    detach(machine, volume -> true);
  }

  /** Detaches the volumes that the Machine's config no longer mounts. */
  public void detachUnmounted(Machine machine) {
    synchronized (machine.app) {
      detach(machine, volume -> !machine.mounts(volume.id));
    }
  }

  private void detach(Machine machine, Predicate<Volume> which) {
    for (var volume : machine.app.volumes.values()) {
      if (!machine.id.equals(volume.machineId) || !which.test(volume)) continue;
      volume.machineId = null;
      changed(machine.app, volume);
    }
  }

  /**
   * Attaches the volumes of a Machine's next config. A Machine keeps the volume that it has, and
   * another one is refused. The caller holds the locks of app and Machine.
   */
  public void remount(Machine machine, ObjectNode next) {
    var app = machine.app;
    var held = app.volumes.values().stream().filter(one -> machine.id.equals(one.machineId));
    var volume = held.findFirst();
    if (volume.isEmpty()) {
      attach(app, machine.id, machine.region, next);
      return;
    }
    for (var mount : next.path("mounts")) {
      var named = mount.path("volume").asText();
      if (!named.equals(volume.get().id) && !named.equals(volume.get().name)) {
        throw ApiError.invalid("config.mounts", "the volume of a machine cannot be changed");
      }
      ((ObjectNode) mount).put("volume", volume.get().id).put("name", volume.get().name);
    }
  }

  /** Removes deleted volumes after a day, and snapshots after their retention. */
  void expire(App app) {
    synchronized (app) {
      var gone = new ArrayList<Path>();
      for (var volume : List.copyOf(app.volumes.values())) {
        for (var snapshot : volume.expire(clock.now())) gone.add(snapshot.folder());
        var deleted = volume.deletedAt != null;
        var over = deleted && !volume.deletedAt.plus(PENDING_DESTROY).isAfter(clock.now());
        if (over) volume.state = "destroyed";
        if (over && volume.snapshots().isEmpty()) app.volumes.remove(volume.id);
      }
      journal.changed(app);
      if (!gone.isEmpty()) journal.deleteAfterFlush(gone);
    }
  }
}
