package fly;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * An app, as the Machines API describes it.
 *
 * @param status {@code pending} until it has a Machine, then {@code deployed}, or {@code suspended}
 * @param machineCount 0 if the answer does not say
 * @param volumeCount 0 if the answer does not say
 * @param organization its slug; empty in lists
 * @param json the whole answer
 */
public record App(
    String id,
    String name,
    String status,
    int machineCount,
    int volumeCount,
    String organization,
    JsonNode json) {
  static App of(JsonNode json) {
    return new App(
        json.path("id").asText(""),
        json.path("name").asText(""),
        json.path("status").asText(""),
        json.path("machine_count").asInt(),
        json.path("volume_count").asInt(),
        json.at("/organization/slug").asText(""),
        json);
  }
}
