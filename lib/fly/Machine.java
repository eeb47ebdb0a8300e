package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/**
 * A Machine, as the Machines API describes it: https://fly.io/docs/machines/api/machines-resource/
 *
 * @param id 14 hex digits
 * @param state such as {@code started}, {@code stopped}, {@code suspended}
 * @param region three letters
 * @param instanceId its version, which changes with every update
 * @param image {@code config.image}; empty in summaries
 * @param json the whole answer
 */
public record Machine(
    String id,
    String name,
    String state,
    String region,
    String instanceId,
    String image,
    JsonNode json) {
  static Machine of(JsonNode json) {
    return new Machine(
        json.path("id").asText(""),
        json.path("name").asText(""),
        json.path("state").asText(""),
        json.path("region").asText(""),
        json.path("instance_id").asText(""),
        json.at("/config/image").asText(""),
        json);
  }

  /** The metadata value of this key; empty if there is none. */
  public Optional<String> metadata(String key) {
    var value = json.path("config").path("metadata").path(key);
    return value.isTextual() ? Optional.of(value.asText()) : Optional.empty();
  }

  /** Time of creation; empty if the answer does not have it. */
  public Optional<Instant> createdAt() {
    return time(json.path("created_at"));
  }

  static Optional<Instant> time(JsonNode text) {
    try {
      return Optional.of(Instant.parse(text.asText()));
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }
}
