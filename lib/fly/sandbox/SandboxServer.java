//SOURCES ../Fly.java ../FlyException.java ../mcp/wrap/WrapMain.java ApiError.java App.java AppsApi.java Database.java
//SOURCES Durations.java Edge.java Forward.java GraphQlApi.java Guesses.java Ids.java Load.java LogsApi.java
//SOURCES MachinesApi.java OrganizationsApi.java Orphans.java PageApi.java PlatformApi.java Requests.java Rest.java
//SOURCES Rules.java TemporaryHome.java Time.java Trouble.java Tunnel.java VolumesApi.java World.java
//DEPS io.javalin:javalin:7.2.3
//DEPS org.eclipse.jetty:jetty-client:12.1.12
//DEPS com.graphql-java:graphql-java:25.0
//DEPS org.slf4j:slf4j-nop:2.0.20
//FILES schema.graphqls
package fly.sandbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import fly.Fly;
import fly.FlyException;
import fly.mcp.wrap.WrapMain;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.http.MethodNotAllowedResponse;
import io.javalin.http.NotFoundResponse;
import jakarta.servlet.Filter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * A Fly.io of one's own, on one port of this machine: the Machines API below /v1, GraphQL at
 * /graphql, the apps below /edge/{app}/, and at / a page that shows it all. It answers this machine
 * only, and refuses what a web page of somebody else's might send, because its Machines run
 * commands.
 */
public final class SandboxServer implements AutoCloseable {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final int MOST_THREADS = 512;
  private static final long MOST_BYTES = 4 * 1024 * 1024;
  private static final long MOST_DRAINED = 16 * MOST_BYTES;

  /** What others answer at Fly.io than the rest, who say no in another way. */
  private static final Pattern CENTRAL = Pattern.compile("/(certificates|ip_assignments)(/|$)");

  private static final ApiError TOO_LARGE =
      new ApiError(413, "the body is larger than %d MiB".formatted(MOST_BYTES >> 20));

  /** The header that no foreign web page can send, for what only its owner may ask. */
  public static final String CONTROL_HEADER = "Fly-Sandbox";

  /**
   * @param port 0 for any free one
   * @param token what clients have to show; null for one by chance
   * @param story takes a line where something happens that its user should know
   * @param data the folder that keeps it all over this sandbox's end; null to forget it
   * @param images what Machines of an image run on this computer: a line for the shell, by the
   *     image's name, with or without its tag
   * @param time by which it goes
   * @param filesServer main class that takes the place of npm's files server where there is no
   *     Node; null for none
   */
  public record Config(
      int port,
      String token,
      Consumer<String> story,
      Path data,
      Map<String, String> images,
      Time time,
      Class<?> filesServer) {
    public Config(int port, String token, Consumer<String> story) {
      this(port, token, story, null, Map.of(), Time.real(), null);
    }

    public static Config onPort(int port) {
      return new Config(port, null, line -> {});
    }

    public Config tell(Consumer<String> story) {
      return new Config(port, token, story, data, images, time, filesServer);
    }

    public Config keep(Path data) {
      return new Config(port, token, story, data, images, time, filesServer);
    }

    public Config at(Time time) {
      return new Config(port, token, story, data, images, time, filesServer);
    }

    public Config filesServer(Class<?> main) {
      return new Config(port, token, story, data, images, time, main);
    }

    public Config run(Map<String, String> images) {
      return new Config(port, token, story, data, images, time, filesServer);
    }
  }

  /**
   * A line for the shell that puts fly-mcp-wrap, of this JVM's class path, before the MCP server of
   * a Machine; only this machine can reach it.
   */
  public static String ourWrap() {
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    var options =
        "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m -Xss512k -XX:+ExitOnOutOfMemoryError"
            + " -Dfile.encoding=UTF-8";
    return "'%s' %s -cp '%s' %s --port \"$PORT\" --allow-host \"$FLY_APP_NAME.fly.dev\""
            .formatted(
                java, options, System.getProperty("java.class.path"), WrapMain.class.getName())
        + " --allow-host \"$FLY_APP_NAME.localhost\" --";
  }

  private final Path home;
  private final boolean keep;
  private final TemporaryHome temporary;
  private final Trouble trouble;
  private final Requests requests = new Requests();
  private final PageApi page;
  private final World world;
  private final Load load;
  private final Edge edge;
  private final GraphQlApi graphql;
  private final Javalin javalin;
  private final String token;
  private final Instant started = Instant.now();
  private final CountDownLatch stopRequested = new CountDownLatch(1);
  private boolean closed;

  private SandboxServer(Config config) {
    this.keep = config.data() != null;
    this.trouble = new Trouble(config.time());
    var database = keep ? new Database(config.data().toAbsolutePath()) : null;
    this.temporary = keep ? null : new TemporaryHome();
    this.home = keep ? config.data().toAbsolutePath() : temporary.folder;
    if (keep) {
      Orphans.end(home.resolve("machines")); // of one that was killed
      World.delete(home.resolve("machines"));
    }
    if (keep) this.token = database.token(config.token());
    else this.token = config.token() == null ? Ids.token() : config.token();
    this.world =
        new World(
            token,
            home,
            database,
            config.time(),
            trouble,
            config.story(),
            config.images(),
            config.filesServer());
    this.load = new Load(world);
    this.page = new PageApi(world, requests);
    this.graphql = new GraphQlApi(world);
    this.edge = new Edge(world, load);
    this.javalin =
        Javalin.create(
            javalin -> {
              javalin.startup.showJavalinBanner = false;
              javalin.http.maxRequestSize = MOST_BYTES;
              javalin.requestLogger.http(requests::add);
              javalin.jetty.host = "127.0.0.1";
              javalin.jetty.port = config.port();
              var threads = new QueuedThreadPool(MOST_THREADS);
              threads.setName("sandbox-http");
              threads.setDaemon(true);
              javalin.jetty.threadPool = threads;
              javalin.jetty.modifyHttpConfiguration(
                  http -> {
                    http.setRequestHeaderSize(Forward.HEADER_BYTES);
                    http.setResponseHeaderSize(Forward.HEADER_BYTES);
                  });
              javalin.jetty.modifyServletContextHandler(
                  servlets -> servlets.addFilter((Filter) Tunnel::admit, "/*", null));
              var routes = javalin.routes;
              routes.before(this::guard);
              routes.before("/edge/{app}", edge::handlePath);
              routes.before("/edge/{app}/*", edge::handlePath);
              routes.before("/v1/*", trouble::before);
              routes.before("/graphql", trouble::before);
              if (keep) routes.after(this::remember);
              routes.after("/v1/*", trouble::after);
              routes.after("/graphql", trouble::after);
              routes.beforeMatched("/v1/*", this::authorize);
              routes.beforeMatched("/graphql", this::authorize);
              routes.beforeMatched("/api/v1/*", this::authorize);
              new AppsApi(world).routes(routes);
              new MachinesApi(world).routes(routes);
              new VolumesApi(world).routes(routes);
              new PlatformApi(world).routes(routes);
              new LogsApi(world).routes(routes);
              new OrganizationsApi().routes(routes);
              routes.post("/graphql", graphql::handle);
              page.routes(routes);
              routes.get("/sandbox", this::status);
              routes.post("/sandbox/stop", this::stop);
              routes.get("/sandbox/trouble", this::trouble);
              routes.post("/sandbox/trouble", this::changeTrouble);
              routes.exception(ApiError.class, (e, x) -> refuseAsGuessed(x, e));
              routes.exception(NotFoundResponse.class, (e, x) -> noRoute(x));
              routes.exception(MethodNotAllowedResponse.class, (e, x) -> noRoute(x));
              routes.exception(
                  HttpResponseException.class,
                  (e, x) ->
                      refuse(
                          x,
                          e.getStatus() == TOO_LARGE.status
                              ? TOO_LARGE
                              : new ApiError(e.getStatus(), e.getMessage())));
              routes.exception(
                  Exception.class,
                  (e, x) -> {
                    if (x.res().isCommitted()) {
                      Forward.client(x).close(); // half an answer must not look like a whole one
                      return;
                    }
                    config.story().accept("error: " + e);
                    refuse(x, new ApiError(500, e.toString()));
                  });
            });
  }

  /**
   * @throws FlyException where the folder holds what it cannot restore, or the port is taken
   */
  public static SandboxServer start(Config config) {
    var server = new SandboxServer(config);
    var failed = "the sandbox cannot restore what its folder holds";
    var tryNext = "the version that wrote it, or another folder: --data DIR";
    try {
      server.world.restore();
      failed = "the sandbox cannot listen on port " + config.port();
      tryNext = "another port: --port 0 takes any free one";
      server.javalin.start();
      server.world.work(server.graphql::graphql); // so that nobody waits for it
      return server;
    } catch (RuntimeException e) {
      server.close();
      throw new FlyException(failed, FlyException.reason(e), tryNext);
    }
  }

  public int port() {
    return javalin.port();
  }

  public String url() {
    return "http://127.0.0.1:" + port();
  }

  public String token() {
    return token;
  }

  /** Its own folder, which goes at its end unless it was told to keep one. */
  public Path home() {
    return home;
  }

  /** What is not known of Fly.io, and what is made of it here: the likeliest, until it is told. */
  public Guesses guesses() {
    return world.guesses();
  }

  /** What goes wrong, and how long things take: nothing, until it is told. */
  public Trouble trouble() {
    return trouble;
  }

  /**
   * How long Machines whose services have autostop may be idle; 5 minutes, until it is told.
   *
   * @param time as 5m, 1h30m or 200ms
   * @throws FlyException where it is no time, or none at all
   */
  public void idle(String time) {
    var idle = Duration.ZERO;
    try {
      idle = Durations.of(TextNode.valueOf(time), Duration.ZERO);
    } catch (ApiError e) {
      // no time at all, as zero
    }
    if (idle.isZero()) {
      throw FlyException.usage(
          "no Machine can be idle for \"%s\"".formatted(time),
          "that is no time above zero",
          "--idle 5m: five minutes");
    }
    load.idle(idle);
  }

  /** How long a request waits for a Machine that can take it; a minute, until it is told. */
  public void hold(Duration hold) {
    edge.hold(hold);
  }

  /** What to export so that scripts, curl and flyctl talk to this Fly.io. */
  public Map<String, String> environment() {
    var environment = new LinkedHashMap<String, String>();
    environment.put("ORG", World.ORG);
    environment.put("FLY_API_TOKEN", token);
    environment.put("FLY_API_HOSTNAME", url());
    environment.put("FLY_API_BASE_URL", url());
    environment.put("FLY_FLAPS_BASE_URL", url());
    environment.put("FLY_EDGE_URL", url() + "/edge/{app}/");
    environment.put("FLY_SEND_METRICS", "0");
    environment.put("FLY_SYNTHETICS_AGENT", "0");
    return environment;
  }

  /** Returns when somebody has asked it to stop. */
  public void awaitStop() throws InterruptedException {
    stopRequested.await();
  }

  /** Ends every Machine's program, and removes every file that is not to be kept. */
  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    page.close();
    world.close();
    javalin.stop();
    if (keep) World.delete(home.resolve("machines"));
    else temporary.close();
  }

  /** What is not from this machine, or from a web page of another origin, is refused. */
  private void guard(Context x) throws IOException {
    x.header("fly-request-id", Ids.ulid(Instant.now()) + "-" + Rules.NEAREST);
    var host = host("http://" + x.header("Host"));
    var app = LOOPBACK.contains(host) ? Optional.<App>empty() : edge.named(host);
    if (!LOOPBACK.contains(host) && app.isEmpty()) {
      throw new ApiError(
          403,
          "the sandbox answers to localhost and 127.0.0.1 only,"
              + " and to the {app}.fly.dev and {app}.localhost of its apps");
    }
    var origin = x.header("Origin");
    var own = app.isPresent() && host(origin).equals(host);
    if (origin != null && !own && !LOOPBACK.contains(host(origin))) {
      throw new ApiError(403, "the sandbox does not answer web pages of another origin");
    }
    if (app.isPresent()) edge.handleHost(x, app.get(), host);
  }

  /** Before an answer leaves, what it tells is on record. */
  private void remember(Context x) {
    var parts = x.path().split("/"); // "", v1, apps, APP, what
    var what = parts.length > 4 && parts[1].equals("v1") ? parts[4] : "";
    var wrote = !x.method().name().equals("GET");
    if (wrote && Set.of("certificates", "secrets", "volumes").contains(what)) {
      world.find(parts[3]).ifPresent(world::changed);
    }
    world.flush();
  }

  /** In small letters; empty where there is none. */
  private static String host(String url) {
    try {
      var host = url == null ? null : URI.create(url).getHost();
      return host == null ? "" : host.toLowerCase(Locale.ROOT);
    } catch (IllegalArgumentException e) {
      return "";
    }
  }

  private void authorize(Context x) {
    var given = x.header("Authorization");
    if (given != null && world.knows(given)) return;
    if (CENTRAL.matcher(x.path()).find()) {
      x.status(401);
      Rest.send(x, Rest.object().put("message", "Unauthorized"));
      drain(x);
      x.skipRemainingHandlers();
    } else {
      throw new ApiError(401, "Authenticate: token validation error");
    }
  }

  private void status(Context x) {
    requireControl(x);
    var status =
        Fly.JSON
            .createObjectNode()
            .put("sandbox", true)
            .put("url", url())
            .put("pid", ProcessHandle.current().pid())
            .put("started_at", started.toString())
            .put("apps", world.apps().size())
            .put("machines", world.apps().stream().mapToInt(app -> app.living().size()).sum());
    x.contentType("application/json").result(bytes(status));
  }

  /** Its answer has left before anything stops. */
  private void stop(Context x) throws IOException {
    requireControl(x);
    var answer = bytes(Rest.ok());
    x.res().setContentType("application/json");
    x.res().setContentLength(answer.length);
    x.res().getOutputStream().write(answer);
    x.res().getOutputStream().close();
    stopRequested.countDown();
  }

  private void trouble(Context x) {
    requireControl(x);
    x.contentType("application/json").result(bytes(trouble.json()));
  }

  private void changeTrouble(Context x) {
    requireControl(x);
    try {
      trouble.change(parse(x));
    } catch (FlyException e) {
      throw ApiError.invalid(e.getMessage() + ": " + e.tryNext);
    }
    trouble(x);
  }

  static void requireControl(Context x) {
    if (x.header(CONTROL_HEADER) == null) {
      throw new ApiError(403, "the header " + CONTROL_HEADER + " is missing");
    }
  }

  private void refuseAsGuessed(Context x, ApiError error) {
    if (error.status == 429 && world.guess(Guesses.Guess.RETRY_AFTER, "1")) {
      x.header("Retry-After", "1");
    }
    refuse(x, error);
  }

  static void refuse(Context x, ApiError error) {
    var body = Fly.JSON.createObjectNode().put("error", error.getMessage());
    if (error.code != null) body.put("status", error.code);
    x.status(error.status).contentType("application/json").result(bytes(body));
    drain(x);
  }

  /**
   * Reads what a client is still sending, within reason: it would see a closed connection instead
   * of the answer. A body on its way to an app is the app's.
   */
  private static void drain(Context x) {
    if (x.attribute(Edge.PASSED_ON) != null) return;
    try {
      var in = x.req().getInputStream();
      var buffer = new byte[1 << 16];
      for (long all = 0, read = 0; read >= 0 && all < MOST_DRAINED; all += read) {
        read = in.read(buffer);
      }
    } catch (IOException e) {
      // it has gone
    }
  }

  /** As Go's own router says it, even before it asks for a token. */
  private static void noRoute(Context x) {
    x.status(404).contentType("text/plain; charset=utf-8").result("404 page not found\n");
  }

  /** What lies outside of this world: key management, and tokens for other clouds. */
  static void notHere(Context x) {
    refuse(
        x,
        new ApiError(
            501,
            "%s %s is not part of the sandbox: it keeps no keys, has no identity at other clouds,"
                    .formatted(x.method().name(), x.path())
                + " and its Machines have this computer's memory"));
  }

  static JsonNode parse(Context x) {
    try {
      var body = x.bodyAsBytes();
      Requests.body(x, body);
      var json = Fly.JSON.readTree(body);
      if (json.isMissingNode()) throw ApiError.invalid("invalid JSON: the body is empty");
      return json;
    } catch (JsonProcessingException e) {
      throw ApiError.invalid("invalid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw ApiError.invalid("invalid JSON: " + e.getMessage()); // not even characters
    }
  }

  static byte[] bytes(JsonNode json) {
    try {
      return Fly.JSON.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }
}
