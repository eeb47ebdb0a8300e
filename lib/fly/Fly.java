//SOURCES App.java Deadline.java FlyException.java Machine.java Settings.java Story.java Token.java Volume.java
//DEPS com.konghq:unirest-java-core:4.10.1
package fly;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import kong.unirest.core.HttpRequestWithBody;
import kong.unirest.core.HttpResponse;
import kong.unirest.core.Unirest;
import kong.unirest.core.UnirestException;
import kong.unirest.core.UnirestInstance;

/**
 * The Fly.io API: the Machines REST API, and GraphQL for what REST lacks. JSON in, JSON out.
 *
 * <p>Paths read as they do in the documentation, and each {name} takes the next id: {@code
 * fly.get("/v1/apps/{app}/machines/{machine}", app, machine)}.
 *
 * <p>Every method throws a {@link FlyException} where Fly.io or the network says no. A 429 waits
 * and repeats, whatever the method: Fly.io refused the request before it did anything.
 */
public final class Fly {
  /** Takes one JSON value and nothing behind it: "404 page not found" is not the number 404. */
  public static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final DefaultPrettyPrinter PRETTY =
      new DefaultPrettyPrinter(
              DefaultPrettyPrinter.DEFAULT_SEPARATORS
                  .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                  .withObjectEmptySeparator("")
                  .withArrayEmptySeparator(""))
          .withArrayIndenter(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\w+}");
  private static final Pattern UNDERSCORED = Pattern.compile("(\\w[\\w.-]*)(:\\d+)?");

  /** Stands before the name of a secret that is not shown. */
  private static final String SECRET = "@secret:";

  /** For all that belongs to one request, unless told otherwise. */
  public static final Duration USUAL = Duration.ofMinutes(3);

  private static final int ATTEMPTS = 6;
  private static final int CONNECT_TIMEOUT_MS = 10_000;
  private static final int ANSWER_TIMEOUT_MS = 75_000; // /wait itself holds for up to 60 s

  /** The same as {@link fly.Story}. */
  public interface Story extends fly.Story {}

  static {
    // Without it java.net.http sets the Host header itself, which request() below must do.
    System.setProperty("jdk.httpclient.allowRestrictedHeaders", "host");
  }

  private enum Repeat {
    /** Reading, and actions that lead to the same state however often they are asked for. */
    FREELY,
    /** Anything that may cost money when it happens twice. */
    NEVER
  }

  private final String apiHostname;
  private final String graphqlUrl;
  private final Consumer<String> dryRun;
  private final Consumer<String> verbose;
  private final fly.Story story;
  private final Supplier<Deadline> deadline;
  private final UnirestInstance http;
  private final String leaseNonce;
  private Token token;

  private Fly(
      String apiHostname,
      String graphqlUrl,
      Consumer<String> dryRun,
      Consumer<String> verbose,
      fly.Story story,
      Supplier<Deadline> deadline,
      UnirestInstance http,
      String leaseNonce) {
    this.apiHostname = apiHostname.replaceFirst("/+$", "");
    this.graphqlUrl = graphqlUrl;
    this.dryRun = dryRun;
    this.verbose = verbose;
    this.story = story;
    this.deadline = deadline;
    this.http = http;
    this.leaseNonce = leaseNonce;
  }

  private static UnirestInstance http() {
    var http = Unirest.spawnInstance();
    http.config()
        .setDefaultHeader("User-Agent", "fly-jbang")
        .followRedirects(false)
        .enableCookieManagement(false)
        .connectTimeout(CONNECT_TIMEOUT_MS)
        .requestTimeout(ANSWER_TIMEOUT_MS);
    return http;
  }

  /** For a Java program or JShell: hosts and token from the {@link Settings}, and no story. */
  public static Fly connect() {
    return connect(null, null, (format, args) -> {});
  }

  /** The same client as the holder of a Machine's lease, which its requests prove. */
  public Fly leased(String nonce) {
    return with(deadline, nonce);
  }

  /**
   * Takes hosts and token from the {@link Settings}.
   *
   * @param dryRun takes each request as the curl command to run instead, and none is sent; or null
   * @param verbose takes a line for each request and each answer; or null
   */
  public static Fly connect(Consumer<String> dryRun, Consumer<String> verbose, fly.Story story) {
    return new Fly(
        Settings.FLY_API_HOSTNAME.get(),
        Settings.FLY_API_BASE_URL.get().replaceFirst("/+$", "") + "/graphql",
        dryRun,
        verbose,
        story,
        () -> Deadline.after(USUAL),
        http(),
        null);
  }

  /** The same client on another budget, which all of its requests share. */
  public Fly within(Deadline deadline) {
    return with(() -> deadline, leaseNonce);
  }

  /** The same client with a budget of its own for each request, as that of a new one is. */
  public Fly eachWithin(Duration budget) {
    return with(() -> Deadline.after(budget), leaseNonce);
  }

  private Fly with(Supplier<Deadline> deadline, String leaseNonce) {
    var other =
        new Fly(apiHostname, graphqlUrl, dryRun, verbose, story, deadline, http, leaseNonce);
    other.token = token;
    return other;
  }

  /** The budget of what is sent next. */
  public Deadline deadline() {
    return deadline.get();
  }

  /** Says whether requests are only shown, as curl commands, and not sent. */
  public boolean dryRun() {
    return dryRun != null;
  }

  public JsonNode get(String path, Object... ids) {
    return send("GET", apiHostname + fill(path, ids), null, Repeat.FREELY);
  }

  /** A GET of what is where GraphQL is, such as an app's logs, and not in the Machines API. */
  public JsonNode getCentral(String path, Object... ids) {
    return send("GET", centralUrl() + fill(path, ids), null, Repeat.FREELY);
  }

  private String centralUrl() {
    return graphqlUrl.substring(0, graphqlUrl.length() - "/graphql".length());
  }

  /** As {@link #get}, but empty where there is no such thing (404). */
  public Optional<JsonNode> find(String path, Object... ids) {
    try {
      return Optional.of(get(path, ids));
    } catch (FlyException e) {
      if (e.status == 404) return Optional.empty();
      throw e;
    }
  }

  /** A GET of a list; any other answer is unreadable, and never taken for an empty list. */
  public List<JsonNode> list(String path, Object... ids) {
    var answer = get(path, ids);
    if (dryRun != null || answer.isArray()) {
      return StreamSupport.stream(answer.spliterator(), false).toList();
    }
    throw new FlyException(
        "the answer of " + apiHostname + " is no list",
        "GET " + fill(path, ids) + " lists things",
        "run this again");
  }

  /** The apps of the organization, by its slug. */
  public List<App> apps(String organization) {
    var apps = get("/v1/apps?org_slug={org}", organization).path("apps");
    return StreamSupport.stream(apps.spliterator(), false).map(App::of).toList();
  }

  /** The app's Machines, without those that are destroyed. */
  public List<Machine> machines(String app) {
    return list("/v1/apps/{app}/machines", app).stream().map(Machine::of).toList();
  }

  public Machine machine(String app, String id) {
    return Machine.of(get("/v1/apps/{app}/machines/{machine}", app, id));
  }

  /** The app's volumes, without those that are on their way out. */
  public List<Volume> volumes(String app) {
    return list("/v1/apps/{app}/volumes", app).stream()
        .map(Volume::of)
        .filter(volume -> !volume.gone())
        .toList();
  }

  /** A request that is never repeated, except after a 429. */
  public JsonNode post(String path, JsonNode body, Object... ids) {
    return send("POST", apiHostname + fill(path, ids), body, Repeat.NEVER);
  }

  /** A request that may be repeated without harm, such as start, stop or suspend. */
  public JsonNode action(String path, JsonNode body, Object... ids) {
    return send("POST", apiHostname + fill(path, ids), body, Repeat.FREELY);
  }

  /**
   * Sets secrets of the app; Machines get them when they are created or updated. A dry run shows
   * each as the variable of its name.
   */
  public JsonNode setSecrets(String app, Map<String, String> secrets) {
    var request = JSON.createObjectNode();
    var values = request.putObject("values");
    secrets.forEach((name, value) -> values.put(name, dryRun == null ? value : SECRET + name));
    var url = apiHostname + fill("/v1/apps/{app}/secrets", app);
    if (dryRun == null) return send("POST", url, request, Repeat.FREELY);
    dryRun.accept(curl("POST", url, request).replaceAll(SECRET + "(\\w+)", "'\"\\${$1}\"'"));
    return MissingNode.getInstance();
  }

  public JsonNode put(String path, JsonNode body, Object... ids) {
    return send("PUT", apiHostname + fill(path, ids), body, Repeat.FREELY);
  }

  /** What is gone already (404) counts as deleted once the request had to be repeated. */
  public JsonNode delete(String path, Object... ids) {
    return send("DELETE", apiHostname + fill(path, ids), null, Repeat.FREELY);
  }

  /**
   * A POST that creates something that may cost money. After an answer that leaves open whether it
   * happened (408, 5xx, a cut or silent connection) {@code lookup} is asked before anything is sent
   * again.
   */
  public JsonNode create(
      String path, JsonNode body, Supplier<Optional<JsonNode>> lookup, Object... ids) {
    return once(() -> post(path, body, ids), lookup);
  }

  /**
   * One GraphQL operation.
   *
   * @return its {@code data}
   */
  public JsonNode graphql(String query, JsonNode variables) {
    return graphql(query, variables, Repeat.FREELY);
  }

  /** As {@link #create}, by GraphQL. */
  public JsonNode createByGraphql(
      String query, JsonNode variables, Supplier<Optional<JsonNode>> lookup) {
    return once(() -> graphql(query, variables, Repeat.NEVER), lookup);
  }

  private JsonNode graphql(String query, JsonNode variables, Repeat repeat) {
    var request = JSON.createObjectNode().put("query", query);
    request.set("variables", variables);
    return send("POST", graphqlUrl, request, repeat).path("data");
  }

  private JsonNode once(Supplier<JsonNode> create, Supplier<Optional<JsonNode>> lookup) {
    for (int attempt = 1; ; attempt++) {
      try {
        return create.get();
      } catch (FlyException e) {
        if (!e.ambiguous()) throw e;
        story.say("%s; looking whether it happened ...", e.getMessage());
        for (int look = 1; look <= 3; look++) {
          pause(500L << look);
          var found = lookup.get();
          if (found.isPresent()) {
            story.say("It happened.");
            return found.get();
          }
        }
        if (attempt == 3) throw e;
        story.say("It did not happen; sending it again.");
      }
    }
  }

  private JsonNode send(String method, String url, JsonNode body, Repeat repeat) {
    if (dryRun != null) {
      dryRun.accept(curl(method, url, body));
      return MissingNode.getInstance();
    }
    var authorization = authorization(url);
    for (int attempt = 1; ; attempt++) {
      var last = attempt == ATTEMPTS;
      HttpResponse<String> response;
      if (verbose != null) verbose.accept("> " + method + " " + url);
      try {
        var request = request(method, url).header("Authorization", authorization);
        if (leaseNonce != null) request.header("fly-machine-lease-nonce", leaseNonce);
        if (body == null) {
          response = request.asString();
        } else {
          response =
              request.header("Content-Type", "application/json").body(body.toString()).asString();
        }
      } catch (UnirestException e) {
        if (verbose != null) verbose.accept("< " + e.getMessage());
        if (neverConnected(e) || repeat == Repeat.NEVER || last) {
          throw FlyException.unreachable(method, url, e, !neverConnected(e));
        }
        story.say("No answer from %s; trying again ...", url);
        pause(backoff(attempt));
        continue;
      }
      var status = response.getStatus();
      var requestId = response.getHeaders().getFirst("fly-request-id");
      if (verbose != null) {
        verbose.accept(
            "< " + status + (requestId.isEmpty() ? "" : " (request id " + requestId + ")"));
      }
      var wait = -1L;
      if (status == 429) {
        wait = retryAfter(response, attempt);
        story.say("Fly.io limits the rate of requests; waiting %.1f s ...", wait / 1000.0);
      } else if (repeat == Repeat.FREELY && (status == 502 || status == 503 || status == 504)) {
        wait = retryAfter(response, attempt);
        story.say("Fly.io answered %d; trying again ...", status);
      }
      if (wait >= 0 && !last) {
        pause(wait);
        continue;
      }
      if (method.equals("DELETE") && status == 404 && attempt > 1) return JSON.createObjectNode();
      return read(method, url, status, requestId, response.getBody());
    }
  }

  /** java.net.http takes no host with an underscore, such as _api.internal: it gets the address. */
  private HttpRequestWithBody request(String method, String url) {
    var authority = URI.create(url).getAuthority();
    if (URI.create(url).getHost() != null) return http.request(method, url);
    var name = host(url);
    try {
      var address = InetAddress.getByName(name).getHostAddress().replaceFirst("%.*", "");
      if (address.contains(":")) address = "[" + address + "]";
      return http.request(method, url.replaceFirst(Pattern.quote(name), address))
          .header("Host", authority);
    } catch (UnknownHostException e) {
      throw new UnirestException(e);
    }
  }

  /** The host's name, underscores allowed; null where the URL has none. */
  private static String host(String url) {
    var uri = URI.create(url);
    if (uri.getHost() != null) return uri.getHost();
    var name = UNDERSCORED.matcher(String.valueOf(uri.getAuthority()));
    return name.matches() ? name.group(1) : null;
  }

  private static JsonNode read(
      String method, String url, int status, String requestId, String body) {
    var success = status >= 200 && status < 300;
    JsonNode json;
    try {
      json = body == null || body.isBlank() ? JSON.createObjectNode() : JSON.readTree(body);
    } catch (JsonProcessingException e) {
      if (success) throw FlyException.notJson(method, url, status, requestId, body);
      json = JSON.createObjectNode().put("error", body.strip());
    }
    if (!success) throw FlyException.refused(method, url, status, requestId, json);
    if (url.endsWith("/graphql") && json.path("errors").size() > 0) {
      throw FlyException.refusedByGraphQl(url, requestId, json.path("errors"));
    }
    return json;
  }

  private String authorization(String url) {
    requireSafe(url);
    if (token == null) token = Token.parse(Settings.FLY_API_TOKEN.require());
    var central = url.equals(graphqlUrl) || url.startsWith(centralUrl() + "/api/");
    return central ? token.graphqlHeader() : token.header();
  }

  /** Refuses to send a token in the clear to anything but this machine or a private network. */
  public static void requireSafe(String url) {
    URI uri;
    try {
      uri = URI.create(url);
    } catch (IllegalArgumentException e) {
      throw FlyException.usage(url + " is no URL", e.getMessage(), "https://api.machines.dev");
    }
    var host = host(url);
    if ("https".equals(uri.getScheme()) && host != null) return;
    if (!"http".equals(uri.getScheme()) || host == null) {
      throw FlyException.usage(
          url + " is no http or https URL", "the API's address must start with one", "https://...");
    }
    if (host.matches(
        "localhost|.*\\.localhost|127(\\.\\d{1,3}){3}|\\[::1]|.*\\.internal|.*\\.flycast")) return;
    throw FlyException.usage(
        "a token must not travel in the clear to " + host,
        "plain http is only for this machine and for Fly.io's private network",
        "https://" + host);
  }

  /** Whether the request cannot have reached anybody. */
  private static boolean neverConnected(Throwable e) {
    for (var cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException
          || cause instanceof UnknownHostException
          || cause instanceof HttpConnectTimeoutException
          || cause instanceof UnresolvedAddressException) {
        return true;
      }
    }
    return false;
  }

  /** What Retry-After says, in seconds or as a date, else the usual pause; in milliseconds. */
  private static long retryAfter(HttpResponse<String> response, int attempt) {
    var header = response.getHeaders().getFirst("Retry-After").strip();
    if (header.matches("\\d{1,4}")) return Long.parseLong(header) * 1000;
    try {
      var until = ZonedDateTime.parse(header, DateTimeFormatter.RFC_1123_DATE_TIME);
      return Math.max(0, Duration.between(ZonedDateTime.now(), until).toMillis());
    } catch (DateTimeParseException e) {
      return backoff(attempt);
    }
  }

  /** 0.5 s, 1 s, 2 s ... 10 s, each somewhere between half and whole. */
  private static long backoff(int attempt) {
    var longest = Math.min(10_000L, 500L << (attempt - 1));
    return ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
  }

  public static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FlyException("interrupted", "somebody ended the wait", "");
    }
  }

  private static String fill(String path, Object... ids) {
    for (var id : ids) {
      var segment = URLEncoder.encode(id.toString(), StandardCharsets.UTF_8).replace("+", "%20");
      path = PLACEHOLDER.matcher(path).replaceFirst(Matcher.quoteReplacement(segment));
    }
    return path;
  }

  /** The request as the guide would write it. */
  private static String curl(String method, String url, JsonNode body) {
    var command = new StringBuilder("curl -i -X ").append(method).append(" \\\n");
    command.append("-H \"Authorization: Bearer ${FLY_API_TOKEN}\" \\\n");
    if (body != null) command.append("-H \"Content-Type: application/json\" \\\n");
    command.append('"').append(url).append('"');
    if (body != null) {
      command.append(" \\\n-d '").append(pretty(body).replace("'", "'\\''")).append("'");
    }
    return command.toString();
  }

  /** JSON as people write it, indented by two. */
  public static String pretty(JsonNode json) {
    try {
      return JSON.writer(PRETTY).writeValueAsString(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
