package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.regex.Pattern;

/** Durations as Go writes them (1m30s, 500ms), or as a number of nanoseconds. */
final class Durations {
  private static final Pattern PART = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|ms|s|m|h)");

  private Durations() {}

  static Duration of(JsonNode value, Duration fallback) {
    if (value.isIntegralNumber()) {
      if (value.asLong() < 0) throw ApiError.invalid("invalid duration " + value);
      return value.asLong() == 0 ? fallback : Duration.ofNanos(value.asLong());
    }
    if (!value.isTextual() || value.asText().isEmpty()) return fallback;
    var text = value.asText();
    if (text.matches("\\d{1,9}")) return Duration.ofSeconds(Long.parseLong(text));
    if (!text.matches("(" + PART + ")+")) {
      throw ApiError.invalid("invalid duration \"" + text + "\"");
    }
    var sum = 0.0;
    for (var parts = PART.matcher(text); parts.find(); ) {
      var unit =
          switch (parts.group(2)) {
            case "h" -> 3600e9;
            case "m" -> 60e9;
            case "s" -> 1e9;
            case "ms" -> 1e6;
            case "us" -> 1e3;
            default -> 1;
          };
      sum += Double.parseDouble(parts.group(1)) * unit;
    }
    var duration = Duration.ofNanos((long) sum);
    return duration.isZero() ? fallback : duration;
  }
}
