//SOURCES ApiError.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The sizes that Machines can have. */
final class GuestRules {
  private static final Map<String, List<Integer>> CPUS =
      Map.of(
          "shared", List.of(1, 2, 4, 6, 8),
          "performance", List.of(1, 2, 4, 6, 8, 10, 12, 14, 16));

  private static final Pattern PRESET = Pattern.compile("(shared-cpu|performance)-(\\d{1,2})x");

  private GuestRules() {}

  /** Checks the guest of a config, or sets the one that Fly.io would give. */
  static void apply(ObjectNode config) {
    var guest = config.path("guest");
    if (!guest.isObject()) {
      preset(config);
      return;
    }
    var kind = guest.path("cpu_kind").asText("");
    if (!CPUS.containsKey(kind)) throw ApiError.invalid("config.guest.cpu_kind");
    var cpus = guest.path("cpus").asInt(1);
    if (!CPUS.get(kind).contains(cpus)) throw ApiError.invalid("config.guest.cpus");
    var least = cpus * (kind.equals("shared") ? 256 : 2048);
    var most = cpus * (kind.equals("shared") ? 2048 : 8192);
    var memory = guest.path("memory_mb").asInt(least);
    if (memory < least) {
      throw ApiError.invalid("config.guest.memory_mb", "minimum required %d MiB".formatted(least));
    }
    if (memory > most) {
      throw ApiError.invalid("config.guest.memory_mb", "cannot exceed %d MiB".formatted(most));
    }
    if (memory % (kind.equals("shared") ? 256 : 1024) != 0) {
      throw ApiError.invalid("config.guest.memory_mb", "must be in steps of 256 MiB");
    }
  }

  /** Sets the guest if the config has none, or only a size: shared-cpu-1x, performance-2x. */
  private static void preset(ObjectNode config) {
    var size = config.path("size").asText("");
    var parts = PRESET.matcher(size.isEmpty() ? "shared-cpu-1x" : size);
    var cpus = parts.matches() ? Integer.parseInt(parts.group(2)) : 0;
    var shared = size.isEmpty() || size.startsWith("shared");
    var kind = shared ? "shared" : "performance";
    if (!CPUS.get(kind).contains(cpus)) throw ApiError.invalid("config.size");
    config
        .putObject("guest")
        .put("cpu_kind", kind)
        .put("cpus", cpus)
        .put("memory_mb", cpus * (shared ? 256 : 2048));
  }
}
