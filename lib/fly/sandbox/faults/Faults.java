//SOURCES ../../FlyException.java Latency.java RateLimits.java ../http/JettyConnection.java ../model/ApiError.java
//SOURCES ../model/Clock.java ../model/JsonNodes.java
package fly.sandbox.faults;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.FlyException;
import fly.sandbox.http.JettyConnection;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Clock;
import fly.sandbox.model.JsonNodes;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

/** Faults, latencies and rate limits. All are off by default and can change at any time. */
public final class Faults {
  private static final String KINDS =
      "WHAT is a status, reset-before, reset-after, timeout or slow";
  private static final Pattern FAULT =
      Pattern.compile(
          "(\\*|[A-Z]+) (/\\S*) ([45]\\d\\d|reset-before|reset-after|timeout|slow)(?:"
              + " x(\\d{1,9}))?");
  private static final Duration SILENCE = Duration.ofSeconds(120);
  private static final String AFTER = "fly.sandbox.fault";

  /**
   * @param left the number of requests that it still hits
   */
  private record Fault(String text, String method, Pattern path, String kind, AtomicInteger left) {}

  private final Clock clock;
  private final RateLimits rateLimits;
  private final Latency latency;
  private volatile List<Fault> faults = List.of();

  public Faults(Clock clock) {
    this.clock = clock;
    this.rateLimits = new RateLimits(clock);
    this.latency = new Latency(clock);
  }

  public boolean rateLimits() {
    return rateLimits.areOn();
  }

  /** Switches the documented rate limits on or off. */
  public void rateLimits(boolean on) {
    rateLimits.set(on);
  }

  /**
   * Sets the delays.
   *
   * @param text such as {@code start=300ms,create=2s,api=20ms}; empty for no delay
   * @throws FlyException if the text has another format
   */
  public void latency(String text) {
    latency.set(text);
  }

  public Latency latency() {
    return latency;
  }

  /**
   * Sets the faults, each as {@code POST /v1/apps/*}{@code /machines 503 x2}.
   *
   * <p>The parts are the method or a star; the path, in which a star matches one name; the fault;
   * and the number of requests. Without a number the fault has no end. A fault is a status, or
   * {@code reset-before} or {@code reset-after} the effect. {@code timeout} is two minutes of
   * silence, then a reset. {@code slow} takes a tenth of a second for each of the answer's first
   * hundred bytes.
   *
   * @throws FlyException if a text has another format
   */
  public void faults(List<String> texts) {
    var all = new ArrayList<Fault>();
    for (var text : texts) {
      var parts = FAULT.matcher(text.strip());
      if (!parts.matches())
        throw malformed("fault", text, KINDS, "'POST /v1/apps/*/machines 503 x2'");
      var path = Pattern.quote(parts.group(2)).replace("*", "\\E[^/]*\\Q");
      var times = parts.group(4) == null ? Integer.MAX_VALUE : Integer.parseInt(parts.group(4));
      all.add(
          new Fault(
              text.strip(),
              parts.group(1),
              Pattern.compile(path),
              parts.group(3),
              new AtomicInteger(times)));
    }
    faults = List.copyOf(all);
  }

  /**
   * Takes {@code {"rate_limits": true, "latency": "...", "faults": [...]}}; absent members stay.
   */
  public void change(JsonNode change) {
    if (change.has("rate_limits")) rateLimits(change.path("rate_limits").asBoolean());
    if (change.has("latency")) latency(change.path("latency").asText());
    if (change.has("faults")) {
      var texts = new ArrayList<String>();
      change.path("faults").forEach(text -> texts.add(text.asText()));
      faults(texts);
    }
  }

  /** Nothing delays, limits or breaks a request. */
  public boolean areOff() {
    return faults.isEmpty() && !rateLimits.areOn() && latency.isOff();
  }

  public ObjectNode json() {
    var json = JsonNodes.object().put("rate_limits", rateLimits.areOn());
    json.set("latency", latency.json());
    var left = json.putArray("faults");
    for (var fault : faults) if (fault.left().get() > 0) left.add(fault.text());
    return json;
  }

  /** Applies before a request has any effect. */
  public void before(Context x) throws InterruptedException {
    latency.pass("api");
    for (var fault : faults) {
      var hits =
          (fault.method().equals("*") || fault.method().equals(x.method().name()))
              && fault.path().matcher(x.path()).matches()
              && fault.left().getAndUpdate(left -> Math.max(0, left - 1)) > 0;
      if (!hits) continue;
      switch (fault.kind()) {
        case "reset-before" -> {
          JettyConnection.reset(x);
          x.skipRemainingHandlers();
        }
        case "timeout" -> {
          x.skipRemainingHandlers();
          var over = new CompletableFuture<Void>();
          clock.later(SILENCE, () -> over.complete(null));
          x.future(() -> over.thenRun(() -> JettyConnection.reset(x)));
        }
        case "reset-after", "slow" -> x.attribute(AFTER, fault.kind());
        default -> throw ApiError.fault(Integer.parseInt(fault.kind()), fault.text());
      }
      return;
    }
    if (!rateLimits.admit(x.method().name(), x.path())) {
      throw ApiError.rateLimit();
    }
  }

  /**
   * Applies after the effect, before the answer leaves.
   *
   * @return true if a fault took the answer
   */
  public boolean after(Context x) throws IOException {
    var kind = x.<String>attribute(AFTER);
    if (kind == null) return false;
    if (kind.equals("reset-after")) {
      JettyConnection.reset(x);
      return true;
    }
    var body = x.resultInputStream() == null ? new byte[0] : x.resultInputStream().readAllBytes();
    x.res().setStatus(x.statusCode());
    x.res().setContentLength(body.length);
    drip(body, x.res().getOutputStream());
    return true;
  }

  /** Sends a byte every tenth of a second, for ten seconds at most. */
  private void drip(byte[] body, OutputStream out) throws IOException {
    try {
      for (int i = 0; i < body.length; i++) {
        if (i < 100) clock.pass(Duration.ofMillis(100));
        out.write(body[i]);
        if (i < 100) out.flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    out.flush();
  }

  static FlyException malformed(String option, String text, String kinds, String example) {
    return FlyException.usage(
        "--" + option + " does not take " + text, kinds, "--" + option + " " + example);
  }
}
