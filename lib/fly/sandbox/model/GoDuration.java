//SOURCES ../../Durations.java ApiError.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;

/** Durations as Go writes them (1m30s, 500ms), or as a number of nanoseconds. */
public final class GoDuration {
  private GoDuration() {}

  public static Duration of(JsonNode value, Duration fallback) {
    if (value.isIntegralNumber()) {
      if (value.asLong() < 0) throw ApiError.invalid("duration " + value);
      return value.asLong() == 0 ? fallback : Duration.ofNanos(value.asLong());
    }
    if (!value.isTextual() || value.asText().isEmpty()) return fallback;
    var duration =
        fly.Durations.parse(value.asText())
            .orElseThrow(() -> ApiError.invalid("duration \"" + value.asText() + "\""));
    return duration.isZero() ? fallback : duration;
  }
}
