package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What Fly.io takes, and the 400 for what it does not take. */
final class Rules {
  /** Where it is, in degrees. */
  record Region(String name, double latitude, double longitude) {}

  /** By code. */
  static final Map<String, Region> REGIONS =
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
  static final String NEAREST = "iad";

  private static final List<String> STOP_SIGNALS =
      List.of("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM");
  private static final List<String> FIELDS =
      List.of("id", "version", "app_name", "private_ip", "region", "image");
  private static final Set<String> ALIASES = Set.of("any", "apac", "eu", "na", "sa", "us", "usa");
  private static final Map<String, List<Integer>> CPUS =
      Map.of(
          "shared", List.of(1, 2, 4, 6, 8),
          "performance", List.of(1, 2, 4, 6, 8, 10, 12, 14, 16));

  private Rules() {}

  /** Whether WireGuard peers can be made there. */
  static boolean gateway(String region) {
    return !Set.of("gru", "jnb").contains(region);
  }

  static String appName(JsonNode request) {
    var name = request.path("app_name");
    if (name.isMissingNode() || name.isNull()) name = request.path("name");
    if (!name.isTextual() || !name.asText().matches("[a-z0-9][a-z0-9-]{0,62}")) {
      throw ApiError.invalid(
          "Validation failed: Name under 63 chars using numbers, lowercase letters and dashes");
    }
    return name.asText();
  }

  static String volumeName(JsonNode request) {
    var name = request.path("name").asText("");
    if (name.matches("[a-z0-9_]{1,30}")) return name;
    throw ApiError.invalid(
        "invalid volume name: only lowercase letters, numbers and underscores are allowed, 30"
            + " characters at most");
  }

  /** The first of a list that we know; of an alias or of none, the nearest. */
  static String region(JsonNode region) {
    if (region.isMissingNode() || region.isNull() || region.asText().isEmpty()) return NEAREST;
    for (var code : region.asText().split(",")) {
      if (REGIONS.containsKey(code.strip())) return code.strip();
      if (ALIASES.contains(code.strip())) return NEAREST;
    }
    throw ApiError.invalid("region " + region.asText() + " not found");
  }

  static int sizeGb(JsonNode request, String field, int fallback) {
    var size = request.path(field);
    if (size.isMissingNode() || size.isNull()) return fallback;
    if (size.isIntegralNumber() && size.asLong() >= 1 && size.asLong() <= 500) return size.asInt();
    throw ApiError.invalid("invalid " + field + ", must be a whole number from 1 to 500");
  }

  /** Checks config and fills in the guest that Fly.io would give. */
  static ObjectNode config(JsonNode request) {
    if (!(request.path("config") instanceof ObjectNode given)) {
      throw ApiError.invalid("config is required");
    }
    var config = given.deepCopy();
    if (config.path("image").asText("").isBlank())
      throw ApiError.invalid("config.image is required");
    strings(config, "config.", "env");
    strings(config, "config.", "metadata");
    lists(config.path("init"), "config.init", "exec", "entrypoint", "cmd");
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
    whole(config.at("/restart/max_retries"), "config.restart.max_retries");
    stop(config);
    return config;
  }

  private static void whole(JsonNode value, String field) {
    if (value.isMissingNode() || value.isNull()) return;
    if (!value.isIntegralNumber()) throw wrongType(value, field, "int");
    if (value.asLong() < 0 || value.asLong() > Integer.MAX_VALUE) {
      throw ApiError.invalid("invalid " + field);
    }
  }

  /** At most 300 s: https://fly.io/docs/machines/api/machines-resource/. */
  private static void stop(ObjectNode config) {
    var stop = config.path("stop_config");
    if (stop.isMissingNode() || stop.isNull()) return;
    if (!stop.isObject()) throw wrongType(stop, "config.stop_config", "StopConfig");
    oneOf(stop.path("signal"), "config.stop_config.signal", STOP_SIGNALS.toArray(String[]::new));
    var timeout = Durations.of(stop.path("timeout"), Duration.ZERO);
    if (timeout.compareTo(Duration.ofSeconds(300)) > 0) {
      throw ApiError.invalid("invalid config.stop_config.timeout, cannot exceed 300s");
    }
  }

  private static void oneOf(JsonNode value, String field, String... known) {
    if (value.isMissingNode() || value.isNull() || value.asText().isEmpty()) return;
    if (!value.isTextual()) throw wrongType(value, field, "string");
    if (!List.of(known).contains(value.asText())) throw ApiError.invalid("invalid " + field);
  }

  private static void processes(ObjectNode config) {
    var processes = config.path("processes");
    if (processes.isMissingNode() || processes.isNull()) return;
    if (!processes.isArray()) throw wrongType(processes, "config.processes", "[]MachineProcess");
    for (var process : processes) {
      lists(process, "config.processes", "exec", "entrypoint", "cmd");
      strings(process, "config.processes.", "env");
      for (var field : List.of("env_from", "secrets")) {
        var list = process.path(field);
        if (!list.isMissingNode() && !list.isNull() && !list.isArray()) {
          throw wrongType(list, "config.processes." + field, "[]object");
        }
        for (var one : list) {
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
    var checks = config.path("checks");
    if (!checks.isMissingNode() && !checks.isNull() && !checks.isObject()) {
      throw wrongType(checks, "config.checks", "map[string]MachineCheck");
    }
    for (var check : checks) check(check, "config.checks");
    for (var service : config.path("services")) {
      for (var check : service.path("checks")) check(check, "config.services.checks");
    }
  }

  private static void check(JsonNode check, String field) {
    oneOf(check.path("type"), field + ".type", "tcp", "http");
    oneOf(check.path("kind"), field + ".kind", "informational", "readiness");
    oneOf(check.path("protocol"), field + ".protocol", "http", "https");
    var port = check.path("port");
    if (!port.isMissingNode() && !port.isNull() && !port.isIntegralNumber()) {
      throw wrongType(port, field + ".port", "int");
    }
    for (var time : List.of("interval", "timeout", "grace_period")) {
      Durations.of(check.path(time), null);
    }
  }

  private static void strings(JsonNode object, String path, String field) {
    var map = object.path(field);
    if (map.isMissingNode() || map.isNull()) return;
    if (!map.isObject()) throw wrongType(map, path + field, "map[string]string");
    for (var entry : map.properties()) {
      if (!entry.getValue().isTextual()) {
        throw wrongType(entry.getValue(), path + field + "." + entry.getKey(), "string");
      }
    }
  }

  private static void lists(JsonNode object, String path, String... fields) {
    for (var field : fields) {
      var list = object.path(field);
      if (list.isMissingNode() || list.isNull()) continue;
      if (!list.isArray()) throw wrongType(list, path + "." + field, "[]string");
      for (var item : list) {
        if (!item.isTextual()) throw wrongType(item, path + "." + field, "string");
      }
    }
  }

  private static void guest(ObjectNode config) {
    var guest = config.path("guest");
    if (guest.isMissingNode() || guest.isNull()) {
      config.putObject("guest").put("cpu_kind", "shared").put("cpus", 1).put("memory_mb", 256);
      return;
    }
    if (!guest.isObject()) throw wrongType(guest, "config.guest", "MachineGuest");
    var kind = guest.path("cpu_kind").asText("");
    if (!CPUS.containsKey(kind)) throw ApiError.invalid("invalid config.guest.cpu_kind");
    for (var field : List.of("cpus", "memory_mb")) {
      var number = guest.path(field);
      if (!number.isMissingNode() && !number.isNull() && !number.isIntegralNumber()) {
        throw wrongType(number, "config.guest." + field, "int");
      }
    }
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

  private static void mounts(ObjectNode config) {
    var mounts = config.path("mounts");
    if (mounts.isMissingNode() || mounts.isNull()) return;
    if (!mounts.isArray()) throw wrongType(mounts, "config.mounts", "[]MachineMount");
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
    var files = config.path("files");
    if (files.isMissingNode() || files.isNull()) return;
    if (!files.isArray()) throw wrongType(files, "config.files", "[]File");
    for (var file : files) {
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
  static byte[] base64(String text) {
    return Base64.getDecoder().decode(text.replaceAll("[\r\n]", ""));
  }

  /** From the root, below it, and without a way up. */
  private static boolean absolute(String path) {
    if (path.indexOf(0) >= 0) return false;
    return path.startsWith("/") && !path.matches("/+") && !List.of(path.split("/")).contains("..");
  }

  private static void services(ObjectNode config) {
    var services = config.path("services");
    if (services.isMissingNode() || services.isNull()) return;
    if (!services.isArray()) throw wrongType(services, "config.services", "[]MachineService");
    for (var service : services) {
      var autostart = service.path("autostart");
      if (!autostart.isMissingNode() && !autostart.isNull() && !autostart.isBoolean()) {
        throw wrongType(autostart, "config.services.autostart", "bool");
      }
      var autostop = service.path("autostop");
      var known =
          autostop.isMissingNode()
              || autostop.isNull()
              || autostop.isBoolean()
              || Set.of("off", "stop", "suspend").contains(autostop.asText());
      if (!known) throw ApiError.invalid("invalid config.services.autostop");
    }
  }

  /** As Go's JSON decoder says it. */
  static ApiError wrongType(JsonNode value, String field, String type) {
    var got =
        switch (value.getNodeType()) {
          case ARRAY -> "array";
          case OBJECT -> "object";
          case NUMBER -> "number";
          case BOOLEAN -> "bool";
          default -> "string";
        };
    return ApiError.invalid(
        "json: cannot unmarshal %s into Go struct field %s of type %s".formatted(got, field, type));
  }
}
