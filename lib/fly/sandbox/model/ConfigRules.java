//SOURCES ApiError.java GoDuration.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** What Fly.io takes, and the 400 for what it does not take. */
public final class ConfigRules {
  /** Where it is, in degrees. */
  public record Region(String name, double latitude, double longitude) {}

  /** By code. */
  public static final Map<String, Region> REGIONS =
      Map.ofEntries(
          Map.entry("iad", new Region("Ashburn, Virginia (US)", 39.03, -77.49)),
          Map.entry("ams", new Region("Amsterdam, Netherlands", 52.37, 4.9)),
          Map.entry("arn", new Region("Stockholm, Sweden", 59.33, 18.07)),
          Map.entry("bom", new Region("Mumbai, India", 19.08, 72.88)),
          Map.entry("cdg", new Region("Paris, France", 48.86, 2.35)),
          Map.entry("dfw", new Region("Dallas, Texas (US)", 32.78, -96.8)),
          Map.entry("ewr", new Region("Secaucus, NJ (US)", 40.79, -74.06)),
          Map.entry("fra", new Region("Frankfurt, Germany", 50.11, 8.68)),
          Map.entry("gru", new Region("Sao Paulo, Brazil", -23.55, -46.63)),
          Map.entry("jnb", new Region("Johannesburg, South Africa", -26.2, 28.05)),
          Map.entry("lax", new Region("Los Angeles, California (US)", 34.05, -118.24)),
          Map.entry("lhr", new Region("London, United Kingdom", 51.51, -0.13)),
          Map.entry("nrt", new Region("Tokyo, Japan", 35.68, 139.69)),
          Map.entry("ord", new Region("Chicago, Illinois (US)", 41.88, -87.63)),
          Map.entry("sin", new Region("Singapore, Singapore", 1.35, 103.82)),
          Map.entry("sjc", new Region("San Jose, California (US)", 37.34, -121.89)),
          Map.entry("syd", new Region("Sydney, Australia", -33.87, 151.21)),
          Map.entry("yyz", new Region("Toronto, Canada", 43.65, -79.38)));

  /** Where one lands who names none. */
  public static final String NEAREST = "iad";

  private static final List<String> STOP_SIGNALS =
      List.of("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM");
  private static final List<String> FIELDS =
      List.of("id", "version", "app_name", "private_ip", "region", "image");
  private static final Set<String> ALIASES = Set.of("any", "apac", "eu", "na", "sa", "us", "usa");
  private static final Map<String, List<Integer>> CPUS =
      Map.of(
          "shared", List.of(1, 2, 4, 6, 8),
          "performance", List.of(1, 2, 4, 6, 8, 10, 12, 14, 16));

  private static final Pattern PRESET = Pattern.compile("(shared-cpu|performance)-(\\d{1,2})x");

  private ConfigRules() {}

  /** Whether WireGuard peers can be made there. */
  public static boolean gateway(String region) {
    return !Set.of("gru", "jnb").contains(region);
  }

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

  /** The first of a list that we know; of an alias or of none, the nearest. */
  public static String region(JsonNode region) {
    if (region.asText("").isEmpty()) return NEAREST;
    for (var code : region.asText().split(",")) {
      if (REGIONS.containsKey(code.strip())) return code.strip();
      if (ALIASES.contains(code.strip())) return NEAREST;
    }
    throw ApiError.invalid("region " + region.asText() + " not found");
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

  /** What Fly.io gives who names no guest, or only its size: shared-cpu-1x, performance-2x. */
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

  /** With line breaks, too, as Go takes it. */
  public static byte[] base64(String text) {
    return Base64.getDecoder().decode(text.replaceAll("[\r\n]", ""));
  }

  /** From the root, below it, and without a way up. */
  private static boolean absolute(String path) {
    if (path.indexOf(0) >= 0) return false;
    return path.startsWith("/")
        && !path.matches("/+")
        && !List.of(path.split("[/\\\\]")).contains("..");
  }

  /** Takes off, stop and suspend, and gives back false, true and suspend, as Fly.io does. */
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
