package fly;

import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Durations as people and Go write them: {@code 90s}, {@code 1h30m}, {@code 500ms}; a bare number
 * counts seconds.
 */
public final class Durations {
  private static final Pattern PART = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)(ns|us|ms|s|m|h)");
  private static final Pattern WHOLE = Pattern.compile("(?:" + PART + ")+");

  private Durations() {}

  /** The duration that {@code text} means; empty if the text is no duration. */
  public static Optional<Duration> parse(String text) {
    if (text.matches("\\d{1,9}")) return Optional.of(Duration.ofSeconds(Long.parseLong(text)));
    if (!WHOLE.matcher(text).matches()) return Optional.empty();
    var nanos = 0.0;
    for (var parts = PART.matcher(text); parts.find(); ) {
      nanos += Double.parseDouble(parts.group(1)) * unit(parts.group(2));
    }
    return Optional.of(Duration.ofNanos((long) nanos));
  }

  /** The time from {@code now} on that a header Retry-After names, in seconds or as a date. */
  public static Optional<Duration> retryAfter(String header, Instant now) {
    var text = header.strip();
    if (text.matches("\\d{10,}")) return Optional.of(Duration.ofDays(365));
    if (text.matches("\\d{1,9}")) return Optional.of(Duration.ofSeconds(Long.parseLong(text)));
    try {
      var until = ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      var time = Duration.between(now, until);
      return Optional.of(time.isNegative() ? Duration.ZERO : time);
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private static double unit(String name) {
    return switch (name) {
      case "h" -> 3600e9;
      case "m" -> 60e9;
      case "s" -> 1e9;
      case "ms" -> 1e6;
      case "us" -> 1e3;
      default -> 1;
    };
  }

  /** The duration as it can be typed: {@code 90s}, {@code 2m}, {@code 500ms}. */
  public static String text(Duration time) {
    var millis = time.toMillis();
    if (millis % 1000 != 0) return millis + "ms";
    var seconds = millis / 1000;
    return seconds % 60 == 0 && seconds > 0 ? seconds / 60 + "m" : seconds + "s";
  }
}
