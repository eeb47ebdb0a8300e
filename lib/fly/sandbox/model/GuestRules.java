//SOURCES ../../GuestSize.java ApiError.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.GuestSize;

/** The sizes that Machines can have. */
final class GuestRules {
  private GuestRules() {}

  /** Checks the guest of a config, or sets the one that Fly.io would give. */
  static void apply(ObjectNode config) {
    var guest = config.path("guest");
    if (!guest.isObject()) {
      preset(config);
      return;
    }
    var kind = guest.path("cpu_kind").asText("");
    if (!GuestSize.isKind(kind)) throw ApiError.invalid("config.guest.cpu_kind");
    var size =
        GuestSize.of(kind, guest.path("cpus").asInt(1))
            .orElseThrow(() -> ApiError.invalid("config.guest.cpus"));
    var memory = guest.path("memory_mb").asInt(size.least());
    if (memory < size.least()) {
      throw ApiError.invalid(
          "config.guest.memory_mb", "minimum required %d MiB".formatted(size.least()));
    }
    if (memory > size.most()) {
      throw ApiError.invalid(
          "config.guest.memory_mb", "cannot exceed %d MiB".formatted(size.most()));
    }
    if (memory % size.step() != 0) {
      throw ApiError.invalid("config.guest.memory_mb", "must be in steps of 256 MiB");
    }
  }

  /** Sets the guest if the config has none, or only a size: shared-cpu-1x, performance-2x. */
  private static void preset(ObjectNode config) {
    var size = config.path("size").asText("");
    var guest =
        GuestSize.named(size.isEmpty() ? "shared-cpu-1x" : size)
            .orElseThrow(() -> ApiError.invalid("config.size"));
    config
        .putObject("guest")
        .put("cpu_kind", guest.cpuKind())
        .put("cpus", guest.cpus())
        .put("memory_mb", guest.least());
  }
}
