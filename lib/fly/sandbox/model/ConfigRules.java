//SOURCES ApiError.java GoDuration.java GuestRules.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Base64;
import java.util.List;

/** Checks the configs of Machines; throws the 400 for those that Fly.io refuses. */
public final class ConfigRules {
  private static final List<String> STOP_SIGNALS =
      List.of("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM");
  private static final List<String> FIELDS =
      List.of("id", "version", "app_name", "private_ip", "region", "image");

  private ConfigRules() {}

  /** Checks a request's config and fills in the guest that Fly.io would give. */
  public static ObjectNode config(JsonNode request) {
    if (!(request.path("config") instanceof ObjectNode config)) {
      throw ApiError.required("config");
    }
    if (config.path("image").asText("").isBlank()) throw ApiError.required("config.image");
    GuestRules.apply(config);
    mounts(config);
    files(config);
    services(config);
    processes(config);
    checks(config);
    oneOf(config.path("schedule"), "config.schedule", "hourly", "daily", "weekly", "monthly");
    oneOf(
        config.path("restart").path("policy"),
        "config.restart.policy",
        "no",
        "always",
        "on-failure",
        "spot-price");
    if (config.path("restart").path("max_retries").asInt() < 0) {
      throw ApiError.invalid("config.restart.max_retries");
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
      throw ApiError.invalid("config.stop_config.timeout", "cannot exceed 300s");
    }
  }

  private static void oneOf(JsonNode value, String field, String... known) {
    var text = value.asText("");
    if (!text.isEmpty() && !List.of(known).contains(text)) throw ApiError.invalid(field);
  }

  private static void processes(ObjectNode config) {
    for (var process : config.path("processes")) {
      for (var field : List.of("env_from", "secrets")) {
        for (var one : process.path(field)) {
          if (one.path("env_var").asText("").matches("|.*[=\0].*")) {
            throw ApiError.invalid("config.processes." + field, "env_var");
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

  private static void mounts(ObjectNode config) {
    var mounts = config.path("mounts");
    if (mounts.size() > 1) {
      throw ApiError.invalid("config.mounts", "only 1 volume supported");
    }
    for (var mount : mounts) {
      if (mount.path("volume").asText("").isEmpty()) {
        throw ApiError.invalid("config.mounts", "volume is required");
      }
      var path = mount.path("path").asText("");
      if (!absolute(path)) {
        throw ApiError.invalid("config.mounts", "path must be absolute");
      }
    }
  }

  private static void files(ObjectNode config) {
    for (var file : config.path("files")) {
      var path = file.path("guest_path").asText("");
      if (!absolute(path)) throw ApiError.invalid("config.files", "guest_path must be absolute");
      try {
        base64(file.path("raw_value").asText(""));
      } catch (IllegalArgumentException e) {
        throw ApiError.invalid("config.files", "raw_value must be base64");
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
        default -> throw ApiError.invalid("config.services.autostop");
      }
    }
  }
}
