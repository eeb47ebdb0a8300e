//SOURCES ../FlyException.java SandboxConfig.java SandboxExports.java api/AppsApi.java api/CertificatesApi.java
//SOURCES api/ControlApi.java api/DirectMachines.java api/Gatekeeper.java api/IpsApi.java api/LeasesApi.java
//SOURCES api/LogsApi.java api/MachinesApi.java api/MetadataApi.java api/OrganizationsApi.java api/PlatformApi.java
//SOURCES api/SecretsApi.java api/TokensApi.java api/VolumesApi.java api/graphql/GraphQlApi.java edge/FlyProxy.java
//SOURCES edge/MachineLoad.java edge/ReverseProxy.java edge/WebSocketTunnel.java faults/Faults.java
//SOURCES http/ErrorBodies.java http/JettyConnection.java http/Json.java http/PageAccess.java http/ProgramClients.java
//SOURCES http/RequestLog.java model/AccessToken.java model/ApiError.java model/Clock.java model/GoDuration.java
//SOURCES model/Guesses.java model/Machine.java model/Workers.java page/LivePage.java page/PageModel.java
//SOURCES runtime/ImageCommands.java runtime/MachineProcesses.java service/AppSecrets.java service/Expiry.java
//SOURCES service/IpAddresses.java service/MachineLifecycle.java service/Organization.java service/VolumeService.java
//SOURCES store/Folders.java store/Home.java store/Journal.java store/SandboxFile.java
//DEPS io.javalin:javalin:7.2.3
//DEPS org.eclipse.jetty:jetty-client:12.1.12
//DEPS com.graphql-java:graphql-java:26.0
//DEPS org.slf4j:slf4j-nop:2.0.20
package fly.sandbox;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import fly.FlyException;
import fly.sandbox.api.AppsApi;
import fly.sandbox.api.CertificatesApi;
import fly.sandbox.api.ControlApi;
import fly.sandbox.api.DirectMachines;
import fly.sandbox.api.Gatekeeper;
import fly.sandbox.api.IpsApi;
import fly.sandbox.api.LeasesApi;
import fly.sandbox.api.LogsApi;
import fly.sandbox.api.MachinesApi;
import fly.sandbox.api.MetadataApi;
import fly.sandbox.api.OrganizationsApi;
import fly.sandbox.api.PlatformApi;
import fly.sandbox.api.SecretsApi;
import fly.sandbox.api.TokensApi;
import fly.sandbox.api.VolumesApi;
import fly.sandbox.api.graphql.GraphQlApi;
import fly.sandbox.edge.FlyProxy;
import fly.sandbox.edge.MachineLoad;
import fly.sandbox.edge.ReverseProxy;
import fly.sandbox.edge.WebSocketTunnel;
import fly.sandbox.faults.Faults;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.http.JettyConnection;
import fly.sandbox.http.Json;
import fly.sandbox.http.PageAccess;
import fly.sandbox.http.ProgramClients;
import fly.sandbox.http.RequestLog;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Clock;
import fly.sandbox.model.GoDuration;
import fly.sandbox.model.Guesses;
import fly.sandbox.model.Machine;
import fly.sandbox.model.Workers;
import fly.sandbox.page.LivePage;
import fly.sandbox.page.PageModel;
import fly.sandbox.runtime.ImageCommands;
import fly.sandbox.runtime.MachineProcesses;
import fly.sandbox.service.AppSecrets;
import fly.sandbox.service.Expiry;
import fly.sandbox.service.IpAddresses;
import fly.sandbox.service.MachineLifecycle;
import fly.sandbox.service.Organization;
import fly.sandbox.service.VolumeService;
import fly.sandbox.store.Folders;
import fly.sandbox.store.Home;
import fly.sandbox.store.Journal;
import fly.sandbox.store.SandboxFile;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.http.HttpResponseException;
import io.javalin.http.MethodNotAllowedResponse;
import io.javalin.http.NotFoundResponse;
import jakarta.servlet.Filter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * A local Fly.io on one port: the Machines API below /v1, GraphQL at /graphql, apps below
 * /edge/{app}/, and a page at / that shows everything. It serves this machine only and refuses web
 * pages of other origins, because its Machines run commands.
 */
public final class SandboxServer implements AutoCloseable {
  /** One for each connection that a user may have open: half a body holds its thread for 30 s. */
  private static final int MOST_THREADS = 4096;

  private final Consumer<String> story;
  private final Home home;
  private final Clock clock;
  private final Workers workers = new Workers();
  private final AccessToken token;
  private final Journal journal;
  private final Guesses guesses = new Guesses();
  private final Faults faults;
  private final ProgramClients clients = new ProgramClients();
  private final VolumeService volumes;
  private final MachineLifecycle lifecycle;
  private final Organization organization;
  private final IpAddresses addresses;
  private final AppSecrets secrets;
  private final Expiry expiry;
  private final MachineLoad load;
  private final FlyProxy edge;
  private final GraphQlApi graphql;
  private final RequestLog requests = new RequestLog();
  private final LivePage page;
  private final PageAccess pageAccess = new PageAccess();
  private final Gatekeeper gatekeeper;
  private final MachinesApi machines;
  private final ControlApi control;
  private final Javalin javalin;
  private SandboxFile published;
  private boolean closed;

  /** Makes every part; nothing runs before {@link #start}. */
  private SandboxServer(SandboxConfig config) {
    story = config.story();
    clock = config.clock();
    home = Home.open(config.data());
    token = new AccessToken(home.token(config.token()));
    journal = home.journal(clock, workers, story);
    faults = new Faults(clock);

    var folders = new Folders(home.folder());
    volumes = new VolumeService(clock, workers, journal, folders, guesses, story);
    var images = new ImageCommands(config.images(), story, config.filesServer());
    var host = new MachineProcesses.Host(clock, workers, folders, images, clients);
    lifecycle = new MachineLifecycle(clock, workers, faults.latency(), guesses, volumes, host);
    var means = new Machine.Means(clock, workers, journal::changed);
    organization = new Organization(means, journal, folders, guesses, lifecycle, volumes);
    addresses = new IpAddresses(clock, journal, guesses);
    secrets = new AppSecrets(clock, journal);
    expiry = new Expiry(clock, organization, lifecycle, volumes, journal);

    load = new MachineLoad(clock, organization, lifecycle);
    edge = new FlyProxy(clock, organization, lifecycle, load, new ReverseProxy(clients));
    graphql = new GraphQlApi(organization, addresses, secrets, token, journal);
    var model = new PageModel(organization, volumes, token);
    page = new LivePage(model, requests, clock, workers);
    gatekeeper = new Gatekeeper(token, edge, pageAccess);
    machines = new MachinesApi(organization, lifecycle, guesses);
    control = new ControlApi(organization, faults, this::pageLink);
    javalin = Javalin.create(javalin -> configure(javalin, config.port()));
  }

  /**
   * @throws FlyException if the folder holds data that cannot be restored, or the port is taken
   */
  public static SandboxServer start(SandboxConfig config) {
    var server = new SandboxServer(config);
    try {
      server.restore();
      server.listen(config.port());
      return server;
    } catch (RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private void restore() {
    try {
      expiry.start();
      organization.restore(home.apps(), home.machines());
      journal.start();
    } catch (RuntimeException e) {
      throw new FlyException(
          "the sandbox cannot restore what its folder holds",
          FlyException.reason(e),
          "the version that wrote it, or another folder: --data DIR");
    }
  }

  private void listen(int port) {
    try {
      javalin.start();
    } catch (RuntimeException e) {
      throw new FlyException(
          "the sandbox cannot listen on port " + port,
          FlyException.reason(e),
          "another port: --port 0 takes any free one");
    }
    workers.run(graphql::warm); // before the first query, and without delaying the start
  }

  private void configure(JavalinConfig javalin, int port) {
    javalin.startup.showJavalinBanner = false;
    javalin.http.maxRequestSize = ErrorBodies.MOST_BYTES;
    javalin.http.compressionStrategy = CompressionStrategy.NONE; // clients are on this machine
    javalin.requestLogger.http(requests::add);
    javalin.jetty.host = "127.0.0.1";
    javalin.jetty.port = port;
    var threads = new QueuedThreadPool(MOST_THREADS);
    threads.setName("sandbox-http");
    threads.setDaemon(true);
    threads.setMaxEvictCount(MOST_THREADS); // after a burst all end together, not one a minute
    javalin.jetty.threadPool = threads;
    javalin.jetty.modifyHttpConfiguration(
        http -> {
          http.setRequestHeaderSize(ProgramClients.HEADER_BYTES);
          http.setResponseHeaderSize(ProgramClients.HEADER_BYTES);
        });
    var direct = new DirectMachines(gatekeeper, faults, machines, journal, requests);
    javalin.jetty.modifyServer(server -> server.setHandler(direct));
    javalin.jetty.modifyServletContextHandler(
        servlets -> servlets.addFilter((Filter) WebSocketTunnel::admit, "/*", null));
    filters(javalin.routes);
    routes(javalin.routes);
    failures(javalin.routes);
  }

  /** The stages around a route. Each has one handler: the server matches a pattern for each. */
  private void filters(RoutesConfig routes) {
    routes.before(this::admit);
    routes.beforeMatched(this::authorize);
    routes.after(this::finish);
  }

  private void admit(Context x) throws IOException, InterruptedException {
    if (!gatekeeper.guard(x)) return;
    if (Gatekeeper.isControl(x)) gatekeeper.authorizeControl(x);
    else if (FlyProxy.serves(x)) edge.handlePath(x);
    else if (hasFaults(x)) faults.before(x);
  }

  private void authorize(Context x) {
    if (Gatekeeper.isControl(x)) return; // authorized before
    if (isRest(x) && changes(x)) journal.requireWritable();
    gatekeeper.authorize(x);
  }

  /** Commits the changes of a request before its answer leaves. */
  private void finish(Context x) throws IOException {
    try {
      if (changes(x)) journal.flush();
      else journal.flushIfPossible();
    } catch (ApiError e) {
      refuseAsGuessed(x, e); // here, because the server's own handler would come after the answer
    }
    if (!hasFaults(x) || !faults.after(x)) Json.write(x);
  }

  private static boolean isRest(Context x) {
    return x.path().startsWith("/v1/");
  }

  private static boolean hasFaults(Context x) {
    return isRest(x) || x.path().equals("/graphql") || x.path().equals("/graphql/");
  }

  /** Routes in the order in which the server tries them: those in use most are the first. */
  private void routes(RoutesConfig routes) {
    machines.routes(routes);
    new AppsApi(organization, guesses, token).routes(routes);
    new IpsApi(organization, addresses).routes(routes);
    new CertificatesApi(organization, journal, clock).routes(routes);
    new SecretsApi(organization, secrets).routes(routes);
    new LeasesApi(organization, guesses).routes(routes);
    new MetadataApi(organization, guesses).routes(routes);
    new VolumesApi(organization, volumes, guesses).routes(routes);
    new PlatformApi(organization).routes(routes);
    new TokensApi(token).routes(routes);
    new LogsApi(organization).routes(routes);
    new OrganizationsApi(organization, volumes).routes(routes);
    routes.post("/graphql", graphql::handle);
    page.routes(routes);
    control.routes(routes);
  }

  private void failures(RoutesConfig routes) {
    routes.exception(ApiError.class, (e, x) -> refuseAsGuessed(x, e));
    routes.exception(NotFoundResponse.class, (e, x) -> ErrorBodies.noRoute(x));
    routes.exception(MethodNotAllowedResponse.class, (e, x) -> ErrorBodies.noRoute(x));
    routes.exception(
        HttpResponseException.class, (e, x) -> ErrorBodies.refuse(x, ErrorBodies.ofServer(e)));
    routes.exception(
        Exception.class,
        (e, x) -> {
          if (x.res().isCommitted()) {
            JettyConnection.client(x).close(); // half an answer must not look whole
            return;
          }
          story.accept("error: " + e);
          ErrorBodies.refuse(x, ApiError.bug(e));
        });
  }

  private static boolean changes(Context x) {
    var reads = x.attribute(GraphQlApi.READS) != null;
    return !reads && x.method() != HandlerType.GET && x.method() != HandlerType.HEAD;
  }

  private void refuseAsGuessed(Context x, ApiError error) {
    if (error.status == 429 && guesses.is(Guesses.Guess.RETRY_AFTER, "1")) {
      x.header("Retry-After", "1");
    }
    ErrorBodies.refuse(x, error);
  }

  public int port() {
    return javalin.port();
  }

  public String url() {
    return "http://127.0.0.1:" + port();
  }

  public String token() {
    return token.value();
  }

  /** The sandbox's folder; removed at its end unless the config keeps one. */
  public Path home() {
    return home.folder();
  }

  /** Unknown behaviour of Fly.io, and the choice made for each point. */
  public Guesses guesses() {
    return guesses;
  }

  /** Rate limits, latencies and faults; none by default. */
  public Faults faults() {
    return faults;
  }

  /**
   * Sets the time after which an idle Machine with autostop stops; 5 minutes by default.
   *
   * @param time such as 5m, 1h30m or 200ms
   * @throws FlyException if the text is no time above zero
   */
  public void idle(String time) {
    var idle = Duration.ZERO;
    try {
      idle = GoDuration.of(TextNode.valueOf(time), Duration.ZERO);
    } catch (ApiError e) {
      // refused below, like zero
    }
    if (idle.isZero()) {
      throw FlyException.usage(
          "no Machine can be idle for \"%s\"".formatted(time),
          "that is no time above zero",
          "--idle 5m: five minutes");
    }
    load.idle(idle);
  }

  /** Sets the time that a request waits for a Machine with room; a minute by default. */
  public void hold(Duration hold) {
    edge.hold(hold);
  }

  /** Variables that direct scripts, curl and flyctl to this Fly.io. */
  public Map<String, String> environment() {
    return SandboxExports.of(url(), token.value(), faults.rateLimits());
  }

  /** A link that opens the page in a browser, once; the page stays open there. */
  public String pageLink() {
    return pageAccess.link(url());
  }

  /**
   * Lets the user's other terminals find this sandbox, until it is closed.
   *
   * @param options its options, for its report
   * @param log its log file; null if it logs to its terminal
   * @throws FlyException if no folder is private
   */
  public void publish(ObjectNode options, Path log) {
    control.options(options);
    var file = log == null ? null : log.toString();
    var entry = new SandboxFile.Entry(ProcessHandle.current(), url(), token.value(), file);
    published = SandboxFile.write(port(), entry);
  }

  /** Returns when a client has asked the sandbox to stop. */
  public void awaitStop() throws InterruptedException {
    control.awaitStop();
  }

  /** Ends every Machine's program, and removes every file that is not kept. */
  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    if (published != null) published.close();
    page.close();
    journal.close(); // first: the end of the programs is not to be recorded
    organization.close();
    clients.close();
    clock.close();
    workers.close();
    javalin.stop();
    home.close();
  }
}
