//SOURCES ../../Fly.java Ids.java JsonNodes.java Snapshot.java VolumeRules.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A volume: its record, and the folder that holds its files. Guarded by its app. */
public final class Volume {
  private static final int BLOCK = 4096;

  public final String id;
  public final String name;
  public final String region;
  public final String zone;
  public final Path folder;
  final Instant createdAt;
  final boolean encrypted;
  public final String fstype;
  public int sizeGb;
  public int snapshotRetention;
  public boolean autoBackup;
  private final List<Snapshot> snapshots = new ArrayList<>();
  public String state = "created";
  public Instant deletedAt;
  public Instant updatedAt;
  public String machineId;

  public Volume(
      String name,
      String region,
      String zone,
      int sizeGb,
      ObjectNode request,
      Path volumes,
      Instant now) {
    this.id = Ids.volume();
    this.zone = zone;
    this.name = name;
    this.region = region;
    this.sizeGb = sizeGb;
    this.encrypted = request.path("encrypted").asBoolean(true);
    this.fstype = VolumeRules.fstype(request);
    this.snapshotRetention = VolumeRules.retention(request, 5);
    this.autoBackup = request.path("auto_backup_enabled").asBoolean(true);
    this.folder = volumes.resolve(id);
    this.createdAt = now;
    this.updatedAt = now;
  }

  public Volume(JsonNode record, Path folders) {
    this.id = record.path("id").asText();
    this.zone = record.path("zone").asText();
    this.name = record.path("name").asText();
    this.region = record.path("region").asText();
    this.sizeGb = record.path("size_gb").asInt();
    this.encrypted = record.path("encrypted").asBoolean();
    this.fstype = record.path("fstype").asText();
    this.snapshotRetention = record.path("snapshot_retention").asInt();
    this.autoBackup = record.path("auto_backup").asBoolean();
    this.state = record.path("state").asText();
    this.machineId = record.path("machine_id").asText(null);
    this.createdAt = Instant.parse(record.path("created_at").asText());
    this.updatedAt = Instant.parse(record.path("updated_at").asText(createdAt.toString()));
    var deleted = record.path("deleted_at").asText(null);
    this.deletedAt = deleted == null ? null : Instant.parse(deleted);
    this.folder = folders.resolve("volumes").resolve(id);
    for (var one : record.path("snapshots")) {
      snapshots.add(Snapshot.of(one, folders.resolve("snapshots")));
    }
  }

  synchronized ObjectNode record() {
    var record =
        JsonNodes.object()
            .put("id", id)
            .put("zone", zone)
            .put("name", name)
            .put("region", region)
            .put("size_gb", sizeGb)
            .put("encrypted", encrypted)
            .put("fstype", fstype)
            .put("snapshot_retention", snapshotRetention)
            .put("auto_backup", autoBackup)
            .put("state", state)
            .put("machine_id", machineId)
            .put("created_at", createdAt.toString())
            .put("updated_at", updatedAt.toString())
            .put("deleted_at", deletedAt == null ? null : deletedAt.toString());
    record.set("snapshots", JsonNodes.list(snapshots, Snapshot::record));
    return record;
  }

  /** The snapshots, the newest first. */
  public synchronized List<Snapshot> snapshots() {
    var all = new ArrayList<>(snapshots);
    Collections.reverse(all);
    return all;
  }

  public synchronized void add(Snapshot snapshot) {
    snapshots.add(snapshot);
  }

  /** Removes and returns the snapshots whose retention is over. */
  public synchronized List<Snapshot> expire(Instant now) {
    var expired = snapshots.stream().filter(snapshot -> !snapshot.expiry().isAfter(now)).toList();
    snapshots.removeAll(expired);
    return expired;
  }

  /** A Machine may still get this volume. */
  public boolean usable() {
    return state.equals("created") || state.equals("hydrating");
  }

  /** The size of its files in bytes; a file that vanishes meanwhile counts as 0. */
  public long used() {
    var used = new long[1];
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              used[0] += attributes.size();
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) {
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return used[0];
  }

  public ObjectNode json() {
    var blocks = sizeGb * 1024L * 1024 * 1024 / BLOCK;
    var used = used();
    var free = Math.max(0, blocks - (used + BLOCK - 1) / BLOCK);
    return Fly.JSON
        .createObjectNode()
        .put("id", id)
        .put("name", name)
        .put("state", state)
        .put("size_gb", sizeGb)
        .put("region", region)
        .put("zone", zone)
        .put("encrypted", encrypted)
        .put("attached_machine_id", machineId)
        .putNull("attached_alloc_id")
        .put("created_at", createdAt.toString())
        .put("blocks", blocks)
        .put("block_size", BLOCK)
        .put("blocks_free", free)
        .put("blocks_avail", free)
        .put("bytes_used", used)
        .put("bytes_total", blocks * BLOCK)
        .put("fstype", fstype)
        .put("snapshot_retention", snapshotRetention)
        .put("auto_backup_enabled", autoBackup)
        .put("host_status", "ok")
        .put("type", "local");
  }
}
