package fly.sandbox;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Instant;

/**
 * What a volume held at one time.
 *
 * @param folder holds the copy
 * @param size of the files, in bytes
 */
record Snapshot(
    String id, Path folder, long size, int sizeGb, int retentionDays, Instant createdAt) {
  ObjectNode json() {
    return Rest.object()
        .put("id", id)
        .put("size", size)
        .put("volume_size", sizeGb * 1024L * 1024 * 1024)
        .put("digest", Ids.digest(id))
        .put("status", "created")
        .put("retention_days", retentionDays)
        .put("created_at", createdAt.toString());
  }
}
