//SOURCES Answer.java App.java Budget.java Deadline.java Durations.java FlyException.java Json.java Machine.java
//SOURCES Network.java Parallel.java Retry.java Sender.java Settings.java Story.java Volume.java Waiting.java
//SOURCES Wire.java
//DEPS com.konghq:unirest-java-core:4.10.1
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import kong.unirest.core.Unirest;
import kong.unirest.core.UnirestInstance;

/**
 * The Fly.io API: the Machines REST API, and GraphQL for what REST lacks. JSON in, JSON out.
 *
 * <p>Paths read as they do in the documentation, and each {name} takes the next id: {@code
 * fly.get("/v1/apps/{app}/machines/{machine}", app, machine)}.
 *
 * <p>Every method throws a {@link FlyException} if Fly.io refuses or the network fails. After a 429
 * every request is repeated, because Fly.io refused it before it did anything.
 */
public final class Fly {
  /** Reads and writes JSON. */
  public static final Json JSON = Json.USUAL;

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\w+}");

  /** A prefix of the name of a secret whose value is not shown. */
  private static final String SECRET = "@secret:";

  /** The same as {@link fly.Story}, nested. */
  public interface Story extends fly.Story {}

  private final String apiUrl;
  private final String centralUrl;
  private final Consumer<String> dryRun;
  private final fly.Story story;
  private final Budget budget;
  private final Sender sender;

  private Fly(
      String apiUrl,
      String centralUrl,
      Consumer<String> dryRun,
      fly.Story story,
      Budget budget,
      Sender sender) {
    this.apiUrl = apiUrl;
    this.centralUrl = centralUrl;
    this.dryRun = dryRun;
    this.story = story;
    this.budget = budget;
    this.sender = sender;
  }

  /**
   * An HTTP client that sends each request once. A cut answer is an error, and each request has a
   * timeout.
   */
  public static UnirestInstance http() {
    var http = Unirest.spawnInstance();
    http.config()
        .setDefaultHeader("User-Agent", "fly-jbang")
        .followRedirects(false)
        .enableCookieManagement(false)
        .httpClient(config -> new Wire(config, Network.SYSTEM));
    return http;
  }

  /** A client for Java programs and JShell: hosts and token from the {@link Settings}, no story. */
  public static Fly connect() {
    return connect(null, null, (format, args) -> {});
  }

  /** The same client as the holder of a Machine's lease: each request carries the nonce. */
  public Fly leased(String nonce) {
    return with(budget, sender.leased(nonce));
  }

  /**
   * Takes hosts and token from the {@link Settings}.
   *
   * @param dryRun takes each request as the curl command to run instead, and none is sent; or null
   * @param verbose takes a line for each request and each answer; or null
   */
  public static Fly connect(Consumer<String> dryRun, Consumer<String> verbose, fly.Story story) {
    var api = withoutSlash(Settings.FLY_API_HOSTNAME.get());
    var central = withoutSlash(Settings.FLY_API_BASE_URL.get());
    var http = dryRun == null ? http() : null; // a dry run sends nothing
    var sender = new Sender(http, api, central, verbose, new Waiting(story));
    return new Fly(api, central, dryRun, story, Budget.ofEach(Deadline.USUAL), sender);
  }

  private static String withoutSlash(String url) {
    return url.replaceFirst("/+$", "");
  }

  /**
   * The same client with one deadline for all of its requests together; each item of {@link #each}
   * has one more, of the same time.
   */
  public Fly within(Deadline deadline) {
    return with(Budget.of(deadline), sender);
  }

  /** The same client with this time for each request, as a new client has it. */
  public Fly eachWithin(Duration time) {
    return with(Budget.ofEach(time), sender);
  }

  /** The same client with its time begun anew, for requests that must be sent in any case. */
  public Fly afresh() {
    return with(budget.afresh(), sender);
  }

  private Fly with(Budget budget, Sender sender) {
    return new Fly(apiUrl, centralUrl, dryRun, story, budget, sender);
  }

  /** The deadline of the next request. */
  public Deadline deadline() {
    return budget.deadline();
  }

  /**
   * Works on several items at once, as {@link Parallel#each} does. Each item has this client's time
   * for itself.
   */
  public <T> Map<T, FlyException> each(Collection<T> items, int threads, Consumer<? super T> work) {
    return deadline()
        .excluding(
            () -> Parallel.each(items, threads, item -> budget.item(() -> work.accept(item))));
  }

  /** True if requests are only shown, as curl commands, and not sent. */
  public boolean dryRun() {
    return dryRun != null;
  }

  /**
   * A GET from the Machines API, repeated after a failure that may pass.
   *
   * @param path from {@code /v1} on, with a {name} for each id
   * @return the answer, an object or a list, in the shape that the API's documentation gives it
   * @throws FlyException if Fly.io refuses, or the answer cannot be read; {@link #find} is for
   *     something that may not exist
   */
  public JsonNode get(String path, Object... ids) {
    return read(apiUrl, fill(path, ids), null);
  }

  private JsonNode read(String host, String path, Answer.Shape shape) {
    var kind = path.matches(".*/wait(\\?.*)?") ? Retry.Kind.WAIT : Retry.Kind.FREELY;
    return send("GET", host, path, null, kind, shape);
  }

  private JsonNode write(
      String method, String path, JsonNode body, Retry.Kind kind, Object... ids) {
    return send(method, apiUrl, fill(path, ids), body, kind, null);
  }

  /** A GET from the central API, beside GraphQL, such as an app's logs. */
  public JsonNode getCentral(String path, Object... ids) {
    return read(centralUrl, fill(path, ids), null);
  }

  /** The same as {@link #get}, but empty after a 404. */
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
    var answer = read(apiUrl, fill(path, ids), Answer.Shape.list(path));
    return StreamSupport.stream(answer.spliterator(), false).toList();
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

  /**
   * One Machine.
   *
   * @throws FlyException with status 404 if the app has none of this id
   */
  public Machine machine(String app, String id) {
    return Machine.of(get("/v1/apps/{app}/machines/{machine}", app, id));
  }

  /** The app's volumes, without those that are being destroyed. */
  public List<Volume> volumes(String app) {
    return list("/v1/apps/{app}/volumes", app).stream()
        .map(Volume::of)
        .filter(volume -> !volume.gone())
        .toList();
  }

  /** A request that is never repeated, except after a 429. */
  public JsonNode post(String path, JsonNode body, Object... ids) {
    return write("POST", path, body, Retry.Kind.ONCE, ids);
  }

  /** A request that may be repeated without harm, such as start, stop or suspend. */
  public JsonNode action(String path, JsonNode body, Object... ids) {
    return write("POST", path, body, Retry.Kind.FREELY, ids);
  }

  /**
   * Sets secrets of the app; Machines get them when they are created or updated. A dry run shows
   * each as the variable of its name.
   */
  public JsonNode setSecrets(String app, Map<String, String> secrets) {
    var request = JSON.createObjectNode();
    var values = request.putObject("values");
    secrets.forEach((name, value) -> values.put(name, dryRun == null ? value : SECRET + name));
    var path = "/v1/apps/{app}/secrets";
    if (dryRun == null) return write("POST", path, request, Retry.Kind.FREELY, app);
    var url = apiUrl + fill(path, app);
    dryRun.accept(sender.curl("POST", url, request).replaceAll(SECRET + "(\\w+)", "'\"\\${$1}\"'"));
    return MissingNode.getInstance();
  }

  /** A PUT, which leads to the same state however often it is sent; it may be repeated. */
  public JsonNode put(String path, JsonNode body, Object... ids) {
    return write("PUT", path, body, Retry.Kind.FREELY, ids);
  }

  /** A DELETE. A 404 counts as success if an earlier try may have taken effect. */
  public JsonNode delete(String path, Object... ids) {
    return write("DELETE", path, null, Retry.Kind.FREELY, ids);
  }

  /**
   * A POST that creates something that may cost money, sent once. It may have happened after a 408,
   * a 5xx, or a cut or silent connection. Then {@code lookup} is called until the deadline; after
   * that the failure is ambiguous, with exit code 5.
   */
  public JsonNode create(
      String path, JsonNode body, Supplier<Optional<JsonNode>> lookup, Object... ids) {
    return once(deadline(), () -> post(path, body, ids), lookup);
  }

  /**
   * One GraphQL operation.
   *
   * @return its {@code data}
   */
  public JsonNode graphql(String query, JsonNode variables) {
    return graphql(query, variables, mutates(query) ? Retry.Kind.ONCE : Retry.Kind.FREELY);
  }

  /** True if the GraphQL operation changes something. */
  public static boolean mutates(String query) {
    return query.strip().startsWith("mutation");
  }

  /** The same as {@link #create}, by GraphQL. */
  public JsonNode createByGraphql(
      String query, JsonNode variables, Supplier<Optional<JsonNode>> lookup) {
    return once(deadline(), () -> graphql(query, variables, Retry.Kind.ONCE), lookup);
  }

  private JsonNode graphql(String query, JsonNode variables, Retry.Kind kind) {
    var request = JSON.createObjectNode().put("query", query);
    request.set("variables", variables);
    var shape = Answer.Shape.data(query);
    return send("POST", Sender.graphql(centralUrl), "", request, kind, shape).path("data");
  }

  /** Sends a create once. If it may have happened, looks for the result until the deadline. */
  private JsonNode once(
      Deadline budget, Supplier<JsonNode> create, Supplier<Optional<JsonNode>> lookup) {
    try {
      return create.get();
    } catch (FlyException lost) {
      if (lost.exitCode != FlyException.AMBIGUOUS) throw lost;
      story.insist("%s; looking for it until %s are over ...", lost.what, text(budget.budget()));
      for (var pause = Duration.ofSeconds(1); ; pause = longer(pause)) {
        if (!budget.pauseForLook(pause)) throw lost;
        try {
          var found = lookup.get();
          if (found.isPresent()) {
            story.say("It happened.");
            return found.get();
          }
        } catch (FlyException look) {
          lost.addSuppressed(look); // it must not hide the failure that it looks into
          story.say("The look failed (%s); looking again ...", look.what);
        }
      }
    }
  }

  static Duration longer(Duration pause) {
    return pause.compareTo(Duration.ofSeconds(5)) >= 0 ? pause : pause.multipliedBy(2);
  }

  private static String text(Duration time) {
    return Durations.text(time);
  }

  /**
   * @param shape of the answer; null for the one that is documented for the path
   */
  private JsonNode send(
      String method, String host, String path, JsonNode body, Retry.Kind kind, Answer.Shape shape) {
    if (dryRun != null) {
      dryRun.accept(sender.curl(method, host + path, body));
      return MissingNode.getInstance();
    }
    var declared = shape == null ? Answer.Shape.of(method, path, body) : shape;
    return sender.send(method, host + path, body, kind, declared, deadline());
  }

  /** Sleeps. {@link Deadline#pause} is for a wait with a deadline. */
  public static void pause(long milliseconds) {
    Deadline.sleep(Duration.ofMillis(milliseconds));
  }

  private static String fill(String path, Object... ids) {
    for (var id : ids) {
      if (id.toString().matches("\\.{1,2}")) {
        throw FlyException.usage(
            "\"" + id + "\" is no id and no name",
            "in a path it would mean another thing",
            "the command with an id that a list shows");
      }
      var segment = URLEncoder.encode(id.toString(), StandardCharsets.UTF_8).replace("+", "%20");
      path = PLACEHOLDER.matcher(path).replaceFirst(Matcher.quoteReplacement(segment));
    }
    return path;
  }

  /** JSON in one line. */
  public static String line(JsonNode json) {
    return Json.line(json);
  }

  /** JSON as people write it, indented by two. */
  public static String pretty(JsonNode json) {
    return Json.pretty(json);
  }
}
