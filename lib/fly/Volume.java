//SOURCES Machine.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * A volume, as the Machines API describes it: https://fly.io/docs/machines/api/volumes-resource/
 *
 * @param id {@code vol_...}
 * @param attachedMachineId empty if no Machine has it
 * @param json the whole answer
 */
public record Volume(
    String id,
    String name,
    String state,
    String region,
    int sizeGb,
    String attachedMachineId,
    JsonNode json) {
  private static final Set<String> GONE =
      Set.of(
          "scheduling_destroy",
          "fork_cleanup",
          "waiting_for_detach",
          "pending_destroy",
          "destroying",
          "destroyed");

  /** The volume of an answer of the API. */
  public static Volume of(JsonNode json) {
    return new Volume(
        json.path("id").asText(""),
        json.path("name").asText(""),
        json.path("state").asText(""),
        json.path("region").asText(""),
        json.path("size_gb").asInt(),
        json.path("attached_machine_id").asText(""),
        json);
  }

  /** True if no Machine has the volume. */
  public boolean free() {
    return attachedMachineId.isEmpty() || attachedMachineId.equals("null");
  }

  /** True if the volume is being destroyed (superfly/fly-go, GetVolumes). */
  public boolean gone() {
    return GONE.contains(state);
  }

  /** Time of creation; empty if the answer does not have it. */
  public Optional<Instant> createdAt() {
    return Machine.time(json.path("created_at"));
  }
}
