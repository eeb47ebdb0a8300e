//SOURCES ../Fly.java ../FlyException.java ApiError.java Durations.java Forward.java Rest.java Time.java
package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.FlyException;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.eclipse.jetty.io.SocketChannelEndPoint;

/**
 * Time and trouble on demand: rate limits as Fly.io documents them, latencies, and faults. All of
 * it is off until asked for, and can be changed while the sandbox runs.
 */
public final class Trouble {
  private static final Pattern FAULT =
      Pattern.compile(
          "(\\*|[A-Z]+) (/\\S*) ([45]\\d\\d|reset-before|reset-after|timeout|slow)(?:"
              + " x(\\d{1,9}))?");
  private static final Set<String> LATENCIES = Set.of("api", "create", "start");
  private static final Duration SILENCE = Duration.ofSeconds(120);
  private static final String AFTER = "fly.sandbox.fault";

  /**
   * @param left how many requests it still hits
   */
  private record Fault(String text, String method, Pattern path, String kind, AtomicInteger left) {}

  /** A token bucket. */
  private static final class Bucket {
    private double tokens;
    private Long at;

    synchronized boolean take(long now, double perSecond, double burst) {
      var since = at == null ? 0 : (now - at) / 1e9;
      tokens = at == null ? burst : Math.min(burst, tokens + since * perSecond);
      at = now;
      if (tokens < 1) return false;
      tokens--;
      return true;
    }
  }

  private final Time time;
  private final Map<String, Bucket> buckets = new ConcurrentHashMap<>();
  private volatile boolean rateLimits;
  private volatile Map<String, Duration> latency = Map.of();
  private volatile List<Fault> faults = List.of();

  Trouble(Time time) {
    this.time = time;
  }

  /**
   * What to limit: one request a second for each action on each Machine or app, with a burst of
   * three; five and ten for reading a Machine; a hundred app deletions a minute
   * (https://fly.io/docs/machines/api/working-with-machines-api/#rate-limits).
   */
  public void rateLimits(boolean on) {
    buckets.clear();
    rateLimits = on;
  }

  /**
   * How long things take: {@code start=300ms,create=2s,api=20ms}; empty for no time.
   *
   * @throws FlyException where it reads otherwise
   */
  public void latency(String text) {
    var all = new LinkedHashMap<String, Duration>();
    for (var part : text.split(",")) {
      if (part.isBlank()) continue;
      var pair = part.strip().split("=", 2);
      if (pair.length < 2 || !LATENCIES.contains(pair[0]))
        throw wrong("latency", part, "start=300ms,create=2s,api=20ms");
      try {
        all.put(
            pair[0], Durations.of(fly.Fly.JSON.getNodeFactory().textNode(pair[1]), Duration.ZERO));
      } catch (ApiError e) {
        throw wrong("latency", part, "start=300ms,create=2s,api=20ms");
      }
    }
    latency = all;
  }

  /**
   * What goes wrong, each as {@code POST /v1/apps/*}{@code /machines 503 x2}: the method or a star,
   * the path where a star stands for one name, then a status, {@code reset-before} or {@code
   * reset-after} (the effect), {@code timeout} (two minutes of silence, and a reset) or {@code
   * slow} (a tenth of a second for each of the first hundred bytes of the answer), and how often
   * (for ever without it).
   *
   * @throws FlyException where it reads otherwise
   */
  public void faults(List<String> texts) {
    var all = new ArrayList<Fault>();
    for (var text : texts) {
      var parts = FAULT.matcher(text.strip());
      if (!parts.matches()) throw wrong("fault", text, "'POST /v1/apps/*/machines 503 x2'");
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
   * Takes {@code {"rate_limits": true, "latency": "...", "faults": [...]}}; what is absent stays.
   */
  void change(JsonNode change) {
    if (change.has("rate_limits")) rateLimits(change.path("rate_limits").asBoolean());
    if (change.has("latency")) latency(change.path("latency").asText());
    if (change.has("faults")) {
      var texts = new ArrayList<String>();
      change.path("faults").forEach(text -> texts.add(text.asText()));
      faults(texts);
    }
  }

  ObjectNode json() {
    var json = Rest.object().put("rate_limits", rateLimits);
    var times = json.putObject("latency");
    latency.forEach((name, time) -> times.put(name, time.toMillis() + "ms"));
    var left = json.putArray("faults");
    for (var fault : faults) if (fault.left().get() > 0) left.add(fault.text());
    return json;
  }

  /**
   * @param name create or start
   */
  Duration latency(String name, Duration fallback) {
    return latency.getOrDefault(name, fallback);
  }

  /** Before a request has any effect. */
  void before(Context x) throws InterruptedException {
    var api = latency.get("api");
    if (api != null) time.pass(api);
    for (var fault : faults) {
      var hits =
          (fault.method().equals("*") || fault.method().equals(x.method().name()))
              && fault.path().matcher(x.path()).matches()
              && fault.left().getAndUpdate(left -> Math.max(0, left - 1)) > 0;
      if (!hits) continue;
      switch (fault.kind()) {
        case "reset-before" -> {
          reset(x);
          x.skipRemainingHandlers();
        }
        case "timeout" -> {
          x.skipRemainingHandlers();
          var over = new CompletableFuture<Void>();
          time.later(SILENCE, () -> over.complete(null));
          x.future(() -> over.thenRun(() -> reset(x)));
        }
        case "reset-after", "slow" -> x.attribute(AFTER, fault.kind());
        default ->
            throw new ApiError(
                Integer.parseInt(fault.kind()), "a fault that was asked for: " + fault.text());
      }
      return;
    }
    if (rateLimits && !within(x.method().name(), x.path())) {
      throw new ApiError(429, "rate limit exceeded");
    }
  }

  /** After it. */
  void after(Context x) throws IOException {
    var kind = x.<String>attribute(AFTER);
    if (kind == null) return;
    if (kind.equals("reset-after")) {
      reset(x);
      return;
    }
    var body = x.resultInputStream() == null ? new byte[0] : x.resultInputStream().readAllBytes();
    x.res().setStatus(x.statusCode());
    x.res().setContentLength(body.length);
    drip(body, x.res().getOutputStream());
  }

  /** A byte every tenth of a second, ten seconds at most. */
  private void drip(byte[] body, OutputStream out) throws IOException {
    try {
      for (int i = 0; i < body.length; i++) {
        if (i < 100) time.pass(Duration.ofMillis(100));
        out.write(body[i]);
        if (i < 100) out.flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    out.flush();
  }

  private static void reset(Context x) {
    var client = Forward.client(x);
    try {
      var socket = ((SocketChannelEndPoint) client).getChannel();
      socket.setOption(StandardSocketOptions.SO_LINGER, 0); // else it would end, and not be reset
    } catch (IOException e) {
      // it has gone
    }
    client.close();
  }

  private boolean within(String method, String path) {
    var parts = path.split("/"); // "", v1, apps, APP, machines, ID, ACTION
    if (parts.length < 3 || !parts[1].equals("v1") || !parts[2].equals("apps")) return true;
    var ofMachine = parts.length > 5 && parts[4].equals("machines");
    var id = ofMachine ? parts[5] : parts.length > 3 ? parts[3] : "";
    var rest = ofMachine ? parts.length > 6 ? parts[6] : "" : parts.length > 4 ? parts[4] : "";
    if (method.equals("DELETE") && parts.length == 4) return take("delete app", 100 / 60.0, 100);
    var key = method + " " + (ofMachine ? "machine " : "app ") + rest + " " + id;
    if (method.equals("GET") && ofMachine && rest.isEmpty()) return take(key, 5, 10);
    return take(key, 1, 3);
  }

  private boolean take(String key, double perSecond, double burst) {
    return buckets
        .computeIfAbsent(key, name -> new Bucket())
        .take(time.elapsed(), perSecond, burst);
  }

  private static FlyException wrong(String option, String text, String example) {
    return FlyException.usage(
        "--" + option + " does not take " + text,
        "it reads otherwise",
        "--" + option + " " + example);
  }
}
