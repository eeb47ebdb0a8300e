//SOURCES Rest.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;

/** Who alone may write to a Machine, and for how long. */
record Lease(String nonce, Instant expiresAt, String owner, String description) {
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

  /** In the envelope that fly-go asks for, although the API's document shows it bare. */
  ObjectNode envelope(String version) {
    var envelope = Rest.object().put("status", "success");
    envelope
        .putObject("data")
        .put("nonce", nonce)
        .put("expires_at", expiresAt.getEpochSecond())
        .put("owner", owner)
        .put("description", description)
        .put("version", version);
    return envelope;
  }

  /** As a Machine's own field tells it. */
  ObjectNode json() {
    return Rest.object()
        .put("owner", owner)
        .put("expires_at", expiresAt.getEpochSecond())
        .put("description", description);
  }
}
