//SOURCES Ids.java JsonNodes.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/**
 * The content of a volume at one time.
 *
 * @param folder holds the copy
 * @param size of the files, in bytes
 */
public record Snapshot(
    String id, Path folder, long size, int sizeGb, int retentionDays, Instant createdAt) {
  ObjectNode record() {
    return JsonNodes.object()
        .put("id", id)
        .put("size", size)
        .put("size_gb", sizeGb)
        .put("retention_days", retentionDays)
        .put("created_at", createdAt.toString());
  }

  static Snapshot of(JsonNode record, Path snapshots) {
    var id = record.path("id").asText();
    return new Snapshot(
        id,
        snapshots.resolve(id),
        record.path("size").asLong(),
        record.path("size_gb").asInt(),
        record.path("retention_days").asInt(),
        Instant.parse(record.path("created_at").asText()));
  }

  Instant expiry() {
    return createdAt.plus(Duration.ofDays(retentionDays));
  }

  public ObjectNode json() {
    return JsonNodes.object()
        .put("id", id)
        .put("size", size)
        .put("volume_size", sizeGb * 1024L * 1024 * 1024)
        .put("digest", Ids.digest(id))
        .put("status", "created")
        .put("retention_days", retentionDays)
        .put("created_at", createdAt.toString());
  }
}
