//SOURCES ApiError.java GoDuration.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Checks Machine configs, names and sizes; throws the 400 for those that Fly.io refuses. */
public final class ConfigRules {
  private static final List<String> STOP_SIGNALS =
      List.of("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM");
  private static final List<String> FIELDS =
      List.of("id", "version", "app_name", "private_ip", "region", "image");
  private static final Map<String, List<Integer>> CPUS =
      Map.of(
          "shared", List.of(1, 2, 4, 6, 8),
          "performance", List.of(1, 2, 4, 6, 8, 10, 12, 14, 16));

  private static final Pattern PRESET = Pattern.compile("(shared-cpu|performance)-(\\d{1,2})x");

  private ConfigRules() {}

  public static String appName(JsonNode request) {
    var name = request.path("app_name").asText(request.path("name").asText(""));
    if (!name.matches("[a-z0-9][a-z0-9-]{0,62}")) {
      throw ApiError.invalid(
          "Validation failed: Name under 63 chars using numbers, lowercase letters and dashes");
    }
    return name;
  }

  public static String volumeName(JsonNode request) {
    var name = request.path("name").asText("");
    if (name.matches("[a-z0-9_]{1,30}")) return name;
    throw ApiError.invalid(
        "invalid volume name: only lowercase letters, numbers and underscores are allowed, 30"
            + " characters at most");
  }

  public static int sizeGb(JsonNode request, int fallback) {
    return between(request, "size_gb", 1, 500, fallback);
  }

  public static int retention(JsonNode request, int fallback) {
    return between(request, "snapshot_retention", 1, 60, fallback);
  }

  private static int between(JsonNode request, String field, int least, int most, int fallback) {
    if (!request.hasNonNull(field)) return fallback;
    var number = request.path(field).asInt();
    if (number >= least && number <= most) return number;
    throw ApiError.invalid(
        "invalid %s, must be a whole number from %d to %d".formatted(field, least, most));
  }

  static String fstype(JsonNode request) {
    var fstype = request.path("fstype").asText("");
    oneOf(request.path("fstype"), "fstype", "ext4", "raw");
    return fstype.isEmpty() ? "ext4" : fstype;
  }

  /** Checks config and fills in the guest that Fly.io would give. */
  public static ObjectNode config(JsonNode request) {
    if (!(request.path("config") instanceof ObjectNode given)) {
      throw ApiError.invalid("config is required");
    }
    var config = given.deepCopy();
    if (config.path("image").asText("").isBlank())
      throw ApiError.invalid("config.image is required");
    guest(config);
    mounts(config);
    files(config);
    services(config);
    processes(config);
    checks(config);
    oneOf(config.path("schedule"), "config.schedule", "hourly", "daily", "weekly", "monthly");
    oneOf(
        config.at("/restart/policy"),
        "config.restart.policy",
        "no",
        "always",
        "on-failure",
        "spot-price");
    if (config.at("/restart/max_retries").asInt() < 0) {
      throw ApiError.invalid("invalid config.restart.max_retries");
    }
    stop(config);
    return config;
  }

  /** At most 300 s: https://fly.io/docs/machines/api/machines-resource/. */
  private static void stop(ObjectNode config) {
    var stop = config.path("stop_config");
    oneOf(stop.path("signal"), "config.stop_config.signal", STOP_SIGNALS.toArray(String[]::new));
    var timeout = GoDuration.of(stop.path("timeout"), Duration.ZERO);
    if (timeout.compareTo(Duration.ofSeconds(300)) > 0) {
      throw ApiError.invalid("invalid config.stop_config.timeout, cannot exceed 300s");
    }
  }

  private static void oneOf(JsonNode value, String field, String... known) {
    var text = value.asText("");
    if (!text.isEmpty() && !List.of(known).contains(text))
      throw ApiError.invalid("invalid " + field);
  }

  private static void processes(ObjectNode config) {
    for (var process : config.path("processes")) {
      for (var field : List.of("env_from", "secrets")) {
        for (var one : process.path(field)) {
          if (one.path("env_var").asText("").matches("|.*[=\0].*")) {
            throw ApiError.invalid("invalid config.processes.%s, env_var".formatted(field));
          }
        }
      }
      for (var one : process.path("env_from")) {
        var field = one.path("field_ref");
        oneOf(field, "config.processes.env_from.field_ref", FIELDS.toArray(String[]::new));
      }
    }
  }

  private static void checks(ObjectNode config) {
    for (var check : config.path("checks")) check(check, "config.checks");
    for (var service : config.path("services")) {
      for (var check : service.path("checks")) check(check, "config.services.checks");
    }
  }

  private static void check(JsonNode check, String field) {
    oneOf(check.path("type"), field + ".type", "tcp", "http");
    oneOf(check.path("kind"), field + ".kind", "informational", "readiness");
    oneOf(check.path("protocol"), field + ".protocol", "http", "https");
    for (var time : List.of("interval", "timeout", "grace_period")) {
      GoDuration.of(check.path(time), null);
    }
  }

  private static void guest(ObjectNode config) {
    var guest = config.path("guest");
    if (!guest.isObject()) {
      preset(config);
      return;
    }
    var kind = guest.path("cpu_kind").asText("");
    if (!CPUS.containsKey(kind)) throw ApiError.invalid("invalid config.guest.cpu_kind");
    var cpus = guest.path("cpus").asInt(1);
    if (!CPUS.get(kind).contains(cpus)) throw ApiError.invalid("invalid config.guest.cpus");
    var least = cpus * (kind.equals("shared") ? 256 : 2048);
    var most = cpus * (kind.equals("shared") ? 2048 : 8192);
    var memory = guest.path("memory_mb").asInt(least);
    if (memory < least) {
      throw ApiError.invalid(
          "invalid config.guest.memory_mb, minimum required %d MiB".formatted(least));
    }
    if (memory > most) {
      throw ApiError.invalid(
          "invalid config.guest.memory_mb, cannot exceed %d MiB".formatted(most));
    }
    if (memory % (kind.equals("shared") ? 256 : 1024) != 0) {
      throw ApiError.invalid("invalid config.guest.memory_mb, must be in steps of 256 MiB");
    }
  }

  /** Sets the guest if the config has none, or only a size: shared-cpu-1x, performance-2x. */
  private static void preset(ObjectNode config) {
    var size = config.path("size").asText("");
    var parts = PRESET.matcher(size.isEmpty() ? "shared-cpu-1x" : size);
    var cpus = parts.matches() ? Integer.parseInt(parts.group(2)) : 0;
    var shared = size.isEmpty() || size.startsWith("shared");
    var kind = shared ? "shared" : "performance";
    if (!CPUS.get(kind).contains(cpus)) throw ApiError.invalid("invalid config.size");
    config
        .putObject("guest")
        .put("cpu_kind", kind)
        .put("cpus", cpus)
        .put("memory_mb", cpus * (shared ? 256 : 2048));
  }

  private static void mounts(ObjectNode config) {
    var mounts = config.path("mounts");
    if (mounts.size() > 1) {
      throw ApiError.invalid("invalid config.mounts, only 1 volume supported");
    }
    for (var mount : mounts) {
      if (mount.path("volume").asText("").isEmpty()) {
        throw ApiError.invalid("invalid config.mounts, volume is required");
      }
      var path = mount.path("path").asText("");
      if (!absolute(path)) {
        throw ApiError.invalid("invalid config.mounts, path must be absolute");
      }
    }
  }

  private static void files(ObjectNode config) {
    for (var file : config.path("files")) {
      var path = file.path("guest_path").asText("");
      if (!absolute(path))
        throw ApiError.invalid("invalid config.files, guest_path must be absolute");
      try {
        base64(file.path("raw_value").asText(""));
      } catch (IllegalArgumentException e) {
        throw ApiError.invalid("invalid config.files, raw_value must be base64");
      }
    }
  }

  /** Decodes base64 that may have line breaks, which Go accepts. */
  public static byte[] base64(String text) {
    return Base64.getDecoder().decode(text.replaceAll("[\r\n]", ""));
  }

  /** An absolute path below the root, without a way up. */
  private static boolean absolute(String path) {
    if (path.indexOf(0) >= 0) return false;
    return path.startsWith("/")
        && !path.matches("/+")
        && !List.of(path.split("[/\\\\]")).contains("..");
  }

  /** Replaces off and stop by false and true, as Fly.io does. */
  private static void services(ObjectNode config) {
    for (var service : config.path("services")) {
      var autostop = service.path("autostop");
      if (autostop.isMissingNode() || autostop.isNull() || autostop.isBoolean()) continue;
      switch (autostop.asText()) {
        case "off" -> ((ObjectNode) service).put("autostop", false);
        case "stop" -> ((ObjectNode) service).put("autostop", true);
        case "suspend" -> {}
        default -> throw ApiError.invalid("invalid config.services.autostop");
      }
    }
  }
}
