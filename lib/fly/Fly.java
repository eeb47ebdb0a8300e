//SOURCES Access.java Answer.java App.java Budget.java Curl.java Deadline.java Durations.java FlyException.java
//SOURCES Json.java Machine.java Network.java Pace.java Parallel.java Refusals.java Retry.java Settings.java
//SOURCES Story.java Volume.java Waiting.java Wire.java
//DEPS com.konghq:unirest-java-core:4.10.1
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
  public static final ObjectMapper JSON = Json.MAPPER;

  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\w+}");

  /** Stands before the name of a secret that is not shown. */
  private static final String SECRET = "@secret:";

  private static final Duration READ_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(75); // /wait holds for 60 s

  /** The same as {@link fly.Story}, nested. */
  public interface Story extends fly.Story {}

  private final String apiHostname;
  private final String graphqlUrl;
  private final Consumer<String> dryRun;
  private final Consumer<String> verbose;
  private final fly.Story story;
  private final Waiting waiting;
  private final Budget budget;
  private final UnirestInstance http;
  private final Pace pace;
  private final String leaseNonce;
  private final Access access;

  private Fly(
      String apiHostname,
      String graphqlUrl,
      Consumer<String> dryRun,
      Consumer<String> verbose,
      fly.Story story,
      Waiting waiting,
      Budget budget,
      UnirestInstance http,
      Pace pace,
      Access access,
      String leaseNonce) {
    this.apiHostname = apiHostname.replaceFirst("/+$", "");
    this.graphqlUrl = graphqlUrl;
    this.dryRun = dryRun;
    this.verbose = verbose;
    this.story = story;
    this.waiting = waiting;
    this.budget = budget;
    this.http = http;
    this.pace = pace;
    this.access = access;
    this.leaseNonce = leaseNonce;
  }

  /**
   * A client that sends each request once; an answer that is cut is an error, and time is bounded.
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

  /** For a Java program or JShell: hosts and token from the {@link Settings}, and no story. */
  public static Fly connect() {
    return connect(null, null, (format, args) -> {});
  }

  /** The same client as the holder of a Machine's lease, which its requests prove. */
  public Fly leased(String nonce) {
    return with(budget, nonce);
  }

  /**
   * Takes hosts and token from the {@link Settings}.
   *
   * @param dryRun takes each request as the curl command to run instead, and none is sent; or null
   * @param verbose takes a line for each request and each answer; or null
   */
  public static Fly connect(Consumer<String> dryRun, Consumer<String> verbose, fly.Story story) {
    var api = Settings.FLY_API_HOSTNAME.get();
    return new Fly(
        api,
        Settings.FLY_API_BASE_URL.get().replaceFirst("/+$", "") + "/graphql",
        dryRun,
        verbose,
        story,
        new Waiting(story),
        Budget.ofEach(Deadline.USUAL),
        http(),
        Pace.of(new Refusals.Request("", api).loopback()),
        new Access(),
        null);
  }

  /**
   * The same client with one deadline for all of its requests together; each item of {@link #each}
   * has one more, of the same time.
   */
  public Fly within(Deadline deadline) {
    return with(Budget.of(deadline), leaseNonce);
  }

  /** The same client with this time for each request, as a new client has it. */
  public Fly eachWithin(Duration time) {
    return with(Budget.ofEach(time), leaseNonce);
  }

  /** The same client with its time from now on: for what has to be done in any case. */
  public Fly afresh() {
    return with(budget.afresh(), leaseNonce);
  }

  private Fly with(Budget budget, String leaseNonce) {
    return new Fly(
        apiHostname,
        graphqlUrl,
        dryRun,
        verbose,
        story,
        waiting,
        budget,
        http,
        pace,
        access,
        leaseNonce);
  }

  /** The deadline of what is sent next. */
  public Deadline deadline() {
    return budget.deadline();
  }

  /**
   * Works on each item, several at once, as {@link Parallel#each}; each item has this client's time
   * for itself.
   */
  public <T> Map<T, FlyException> each(Collection<T> items, int threads, Consumer<? super T> work) {
    return deadline()
        .excluding(
            () -> Parallel.each(items, threads, item -> budget.item(() -> work.accept(item))));
  }

  /** Says whether requests are only shown, as curl commands, and not sent. */
  public boolean dryRun() {
    return dryRun != null;
  }

  public JsonNode get(String path, Object... ids) {
    return read(apiHostname, fill(path, ids), null);
  }

  /**
   * @param shape null for the documented one
   */
  private JsonNode read(String host, String path, Answer.Shape shape) {
    var kind = path.matches(".*/wait(\\?.*)?") ? Retry.Kind.WAIT : Retry.Kind.FREELY;
    var declared = shape == null ? Answer.Shape.of("GET", path) : shape;
    return send("GET", host + path, null, kind, declared);
  }

  private JsonNode write(
      String method, String path, JsonNode body, Retry.Kind kind, Object... ids) {
    var filled = fill(path, ids);
    return send(method, apiHostname + filled, body, kind, Answer.Shape.of(method, filled, body));
  }

  /** A GET of what is where GraphQL is, such as an app's logs, and not in the Machines API. */
  public JsonNode getCentral(String path, Object... ids) {
    return read(centralUrl(), fill(path, ids), null);
  }

  private String centralUrl() {
    return graphqlUrl.substring(0, graphqlUrl.length() - "/graphql".length());
  }

  /** The same as {@link #get}, but empty where there is no such thing (404). */
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
    var answer = read(apiHostname, fill(path, ids), Answer.Shape.list(path));
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
    var url = apiHostname + fill(path, app);
    dryRun.accept(
        Curl.command("POST", url, request, leaseNonce)
            .replaceAll(SECRET + "(\\w+)", "'\"\\${$1}\"'"));
    return MissingNode.getInstance();
  }

  public JsonNode put(String path, JsonNode body, Object... ids) {
    return write("PUT", path, body, Retry.Kind.FREELY, ids);
  }

  /** What is gone already (404) counts as deleted once the request had to be repeated. */
  public JsonNode delete(String path, Object... ids) {
    return write("DELETE", path, null, Retry.Kind.FREELY, ids);
  }

  /**
   * A POST that creates something that may cost money, sent once. After an answer that leaves open
   * whether it happened (408, 5xx, a cut or silent connection) {@code lookup} is asked until the
   * deadline; then the end is ambiguous, with exit code 5.
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
    return send("POST", graphqlUrl, request, kind, Answer.Shape.data(query)).path("data");
  }

  /** Looks for what may have happened until the deadline; nothing is ever sent again unseen. */
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

  private JsonNode send(
      String method, String url, JsonNode body, Retry.Kind kind, Answer.Shape shape) {
    if (dryRun != null) {
      dryRun.accept(Curl.command(method, url, body, leaseNonce));
      return MissingNode.getInstance();
    }
    try {
      return sendPaced(method, url, body, kind, shape);
    } catch (FlyException e) {
      throw access.hide(e); // an answer may repeat the token
    }
  }

  private void verbose(String mark, Object line) {
    if (verbose != null) verbose.accept(access.hide(mark + line));
  }

  private JsonNode sendPaced(
      String method, String url, JsonNode body, Retry.Kind kind, Answer.Shape shape) {
    var request = new Refusals.Request(method, url);
    var authorization = authorization(url);
    var budget = deadline();
    var begin = Deadline.clock().nanos();
    for (int tries = 1; ; tries++) {
      keepPace(request, budget);
      FlyException problem;
      Retry.Failure failure;
      var status = 0;
      var wait = Optional.<Duration>empty();
      Answer answer = null;
      try {
        answer = exchange(request, authorization, body, kind, budget);
        status = answer.status();
        if (method.equals("DELETE") && status == 404 && tries > 1) return JSON.createObjectNode();
        if (answer.success()) {
          var json = answer.read(shape);
          if (url.equals(graphqlUrl) && json.path("errors").size() > 0) {
            var refusal = Refusals.refusedByGraphQl(request, answer, json.path("errors"));
            throw kind == Retry.Kind.ONCE && Refusals.partly(json)
                ? Refusals.ambiguous(refusal)
                : refusal;
          }
          return json;
        }
        failure = Retry.of(status);
        problem = Refusals.refused(request, answer);
        wait = Retry.retryAfter(answer.retryAfter());
        if (status == 429) pace.limited(method, path(url));
      } catch (Answer.Unreadable e) {
        failure = Retry.Failure.UNREADABLE;
        problem = Refusals.unreadable(request, answer, e);
      } catch (UnirestException e) {
        verbose("< ", FlyException.reason(e));
        failure = Retry.of(e);
        problem = Refusals.unanswered(request, failure, e);
      }
      if (!Retry.again(kind, failure, status, tries, request.loopback())) {
        throw kind == Retry.Kind.ONCE && Retry.ambiguous(failure)
            ? Refusals.ambiguous(problem)
            : problem;
      }
      var backoff = Retry.backoff(tries);
      var asked = wait.isPresent() && (tries == 1 || wait.get().compareTo(backoff) >= 0);
      var pause = asked ? wait.get() : backoff;
      if (pause.compareTo(budget.left()) >= 0) {
        throw asked ? Refusals.later(problem, pause, budget) : Refusals.late(problem, budget);
      }
      waiting.say(begin, pause, text(failure, status, pause, url));
      Deadline.sleep(pause);
    }
  }

  private static String text(Retry.Failure failure, int status, Duration pause, String url) {
    return switch (failure) {
      case LIMITED ->
          "Fly.io limits the rate of requests; waiting %.1f s ..."
              .formatted(pause.toMillis() / 1000.0);
      case TROUBLE -> "Fly.io answered %d; trying again ...".formatted(status);
      case UNREADABLE -> "The answer of %s cannot be read; trying again ...".formatted(url);
      default -> "No answer from %s; trying again ...".formatted(url);
    };
  }

  private void keepPace(Refusals.Request request, Deadline budget) {
    var wait = pace.take(request.method(), path(request.url()));
    if (wait.isZero()) return;
    if (wait.compareTo(budget.left()) >= 0) {
      throw budget.passed("Fly.io's rate limit leaves no room for " + request);
    }
    waiting.sayIfLong(
        wait, "Waiting %.1f s for Fly.io's rate limit ...".formatted(wait.toMillis() / 1000.0));
    Deadline.sleep(wait);
  }

  private static String path(String url) {
    var slash = url.indexOf('/', url.indexOf("://") + 3);
    return slash < 0 ? "" : url.substring(slash);
  }

  private Answer exchange(
      Refusals.Request sent,
      String authorization,
      JsonNode body,
      Retry.Kind kind,
      Deadline budget) {
    if (budget.over()) throw budget.passed("no time is left for " + sent);
    var read = kind == Retry.Kind.FREELY && sent.method().equals("GET");
    var most = read ? READ_TIMEOUT : ANSWER_TIMEOUT;
    var limit = budget.left().compareTo(most) < 0 ? budget.left() : most;
    verbose("> ", sent);
    var request =
        http.request(sent.method(), sent.url())
            .requestTimeout((int) Math.max(1, Deadline.clock().real(limit).toMillis()))
            .header("Authorization", authorization);
    if (kind != Retry.Kind.ONCE) request.header(Wire.REPEATABLE, "true");
    if (leaseNonce != null) request.header("fly-machine-lease-nonce", leaseNonce);
    var answer =
        body == null
            ? request.asObject(Answer::of)
            : request
                .header("Content-Type", "application/json")
                .body(Json.line(body))
                .asObject(Answer::of);
    var got = answer.getBody();
    var id = got.requestId();
    verbose("< ", got.status() + (id.isEmpty() ? "" : " (request id " + id + ")"));
    return got;
  }

  private String authorization(String url) {
    var central = url.equals(graphqlUrl) || url.startsWith(centralUrl() + "/api/");
    return access.header(central ? centralUrl() : apiHostname, central);
  }

  /** Waits; {@link Deadline#pause} is for a wait that has an end. */
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
