//SOURCES JsonNodes.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;

/** The exclusive right of one client to change a Machine, until a time. */
public record Lease(String nonce, Instant expiresAt, String owner, String description) {
  boolean isOver(Instant now) {
    return !now.isBefore(expiresAt);
  }

  ObjectNode record() {
    return json().put("nonce", nonce).put("expires_at", expiresAt.toString());
  }

  static Lease of(JsonNode record) {
    return new Lease(
        record.path("nonce").asText(),
        Instant.parse(record.path("expires_at").asText()),
        record.path("owner").asText(),
        record.path("description").asText());
  }

  /** The lease in the envelope that fly-go expects; the API's document shows it bare. */
  ObjectNode envelope(String version) {
    var envelope = JsonNodes.object().put("status", "success");
    envelope
        .putObject("data")
        .put("nonce", nonce)
        .put("expires_at", expiresAt.getEpochSecond())
        .put("owner", owner)
        .put("description", description)
        .put("version", version);
    return envelope;
  }

  /** The lease in the form of a Machine's own field. */
  ObjectNode json() {
    return JsonNodes.object()
        .put("owner", owner)
        .put("expires_at", expiresAt.getEpochSecond())
        .put("description", description);
  }
}
