//SOURCES ApiError.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;

/** Checks the fields of volumes; throws the 400 for those that Fly.io refuses. */
public final class VolumeRules {
  private VolumeRules() {}

  public static String name(JsonNode request) {
    var name = request.path("name").asText("");
    if (name.matches("[a-z0-9_]{1,30}")) return name;
    throw ApiError.invalidVolumeName();
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
    throw ApiError.notBetween(field, least, most);
  }

  static String fstype(JsonNode request) {
    return switch (request.path("fstype").asText("")) {
      case "", "ext4" -> "ext4";
      case "raw" -> "raw";
      default -> throw ApiError.invalid("fstype");
    };
  }
}
