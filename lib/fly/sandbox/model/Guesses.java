//SOURCES ../../FlyException.java
package fly.sandbox.model;

import fly.FlyException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Behaviour of Fly.io that is not documented, or documented in two ways. Each point has a name, the
 * likeliest answer and the others, so that a script can be tried against all of them.
 */
public final class Guesses {
  /** One point; its values, the likeliest first. */
  public enum Guess {
    START_STARTED("start of a started Machine: nothing happens, or 409", "ok", "409"),
    STOP_CREATED("stop of a Machine that was never started: it is stopped, or 412", "ok", "412"),
    RESTART_STOPPED("restart of a Machine that is down: 412, or it is started", "412", "start"),
    SUSPEND_UNFIT(
        "suspend of a Machine of more than 2 GB, or with swap, a schedule or a GPU: 412, or it is"
            + " stopped",
        "412",
        "stop"),
    GAVE_UP("where a Machine rests that has crashed too often", "stopped", "failed"),
    DESTROYED(
        "a Machine that was destroyed: told of for an hour, or not found at once", "told", "404"),
    SKIP_LAUNCH("where a Machine rests that is not launched", "created", "stopped"),
    WAIT_STOPPED(
        "wait for stopped without a version: taken (fly-go), or 400 (the documentation)",
        "any",
        "version"),
    LEASE_TTL("how long a lease lasts for who does not say: 30s (mudflaps), or 30m", "30s", "30m"),
    UNKNOWN_ORG("an organization that one cannot see", "404", "403"),
    CREATE_APP(
        "what POST /v1/apps answers: the app (fly-go), its id and age (the documentation), or"
            + " nothing (the OpenAPI document)",
        "app",
        "id",
        "nothing"),
    METADATA_PUT(
        "PUT of metadata: merged (the OpenAPI document), or all replaced", "merge", "replace"),
    METADATA_ABSENT("DELETE of metadata that is not there", "204", "404"),
    VOLUME_REGION("a volume of another region in mounts", "412", "400"),
    VOLUME_EXTEND(
        "a volume that is extended: grows at once, or with the Machine's restart",
        "live",
        "restart"),
    IP_UNKNOWN("an address of a type or region that there is not", "400", "422"),
    RETRY_AFTER("429 with a Retry-After header", "none", "1");

    private final String about;
    private final List<String> values;

    Guess(String about, String... values) {
      this.about = about;
      this.values = List.of(values);
    }

    /** The name on a command line: {@code lease-ttl}. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private final Map<Guess, String> chosen = new EnumMap<>(Guess.class);

  /** Rows for people: name, the likeliest value, the other values, and the subject. */
  public static List<List<String>> table() {
    var rows = new ArrayList<List<String>>();
    for (var guess : Guess.values()) {
      var others = String.join(", ", guess.values.subList(1, guess.values.size()));
      rows.add(List.of(guess.toString(), guess.values.get(0), others, guess.about));
    }
    return rows;
  }

  /**
   * Takes another value for a point.
   *
   * @throws FlyException if there is no such point, or no such value
   */
  public synchronized void choose(String name, String value) {
    for (var guess : Guess.values()) {
      if (!guess.toString().equals(name)) continue;
      if (guess.values.contains(value)) {
        chosen.put(guess, value);
        return;
      }
      throw FlyException.usage(
          "the guess %s cannot be \"%s\"".formatted(name, value),
          "it can be " + String.join(", ", guess.values),
          "--guesses lists them all");
    }
    throw FlyException.usage(
        "there is no guess " + name,
        "there are "
            + String.join(", ", Arrays.stream(Guess.values()).map(Guess::toString).toList()),
        "--guesses lists them all");
  }

  public synchronized boolean is(Guess guess, String value) {
    return chosen.getOrDefault(guess, guess.values.get(0)).equals(value);
  }

  /** The chosen value of a point whose values are statuses. */
  public synchronized int status(Guess guess) {
    return Integer.parseInt(chosen.getOrDefault(guess, guess.values.get(0)));
  }

  public Duration leaseTtl() {
    return is(Guess.LEASE_TTL, "30m") ? Duration.ofMinutes(30) : Duration.ofSeconds(30);
  }
}
