//SOURCES Ids.java JsonNodes.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;

/** A secret of an app: its Machines get it as an environment variable, others see its digest. */
public record Secret(String name, String value, Instant createdAt, Instant updatedAt) {
  ObjectNode record() {
    return JsonNodes.object()
        .put("name", name)
        .put("value", value)
        .put("created_at", createdAt.toString())
        .put("updated_at", updatedAt.toString());
  }

  static Secret of(JsonNode record) {
    return new Secret(
        record.path("name").asText(),
        record.path("value").asText(),
        Instant.parse(record.path("created_at").asText()),
        Instant.parse(record.path("updated_at").asText()));
  }

  public ObjectNode json(boolean withValue) {
    var json =
        JsonNodes.object()
            .put("name", name)
            .put("digest", Ids.digest(value).substring("sha256:".length()).substring(0, 16))
            .put("created_at", createdAt.toString())
            .put("updated_at", updatedAt.toString());
    return withValue ? json.put("value", value) : json;
  }
}
