package fly.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.function.Function;

/** The Machines REST API below /v1, as its OpenAPI document has it. */
final class MachinesApi {
  private static final Set<String> STATES =
      Set.of("created", "started", "stopped", "suspended", "destroyed", "failed", "settled");

  private final World world;

  MachinesApi(World world) {
    this.world = world;
  }

  void routes(RoutesConfig routes) {
    routes.get("/v1/apps", json(this::listApps));
    routes.post("/v1/apps", this::createApp);
    routes.get("/v1/apps/{app}", json(x -> app(x).json()));
    routes.delete("/v1/apps/{app}", this::deleteApp);

    routes.get("/v1/apps/{app}/ip_assignments", json(this::listIps));
    routes.post("/v1/apps/{app}/ip_assignments", json(this::assignIp));
    routes.delete("/v1/apps/{app}/ip_assignments/{ip}", this::releaseIp);

    routes.get("/v1/apps/{app}/volumes", json(x -> list(world.volumes(app(x)), Volume::json)));
    routes.post("/v1/apps/{app}/volumes", json(x -> world.createVolume(app(x), body(x)).json()));
    routes.get("/v1/apps/{app}/volumes/{volume}", json(x -> volume(x).json()));
    routes.delete(
        "/v1/apps/{app}/volumes/{volume}",
        json(x -> world.deleteVolume(app(x), x.pathParam("volume")).json()));

    routes.get("/v1/apps/{app}/machines", json(this::listMachines));
    routes.post("/v1/apps/{app}/machines", json(this::createMachine));
    routes.get("/v1/apps/{app}/machines/{machine}", json(x -> machine(x).json()));
    routes.delete("/v1/apps/{app}/machines/{machine}", json(this::destroyMachine));
    routes.get("/v1/apps/{app}/machines/{machine}/wait", this::await);
    routes.post("/v1/apps/{app}/machines/{machine}/start", json(this::startMachine));
    routes.post("/v1/apps/{app}/machines/{machine}/stop", json(this::stopMachine));
    routes.post("/v1/apps/{app}/machines/{machine}/suspend", json(this::suspendMachine));
    routes.post("/v1/apps/{app}/machines/{machine}/cordon", json(x -> cordon(x, true)));
    routes.post("/v1/apps/{app}/machines/{machine}/uncordon", json(x -> cordon(x, false)));

    routes.get("/v1/platform/regions", json(x -> regions()));
    routes.get("/v1/tokens/current", json(x -> token()));
  }

  // Apps

  private JsonNode listApps(Context x) {
    var org = x.queryParam("org_slug");
    if (org == null || org.isEmpty()) throw ApiError.invalid("org_slug is required");
    world.requireOrg(org);
    var apps = Fly.JSON.createObjectNode().put("total_apps", world.apps().size());
    apps.set("apps", list(world.apps(), App::json));
    return apps;
  }

  private void createApp(Context x) {
    var app = world.createApp(body(x));
    var json = app.json().put("created_at", app.createdAt.toEpochMilli());
    x.status(201);
    send(x, json);
  }

  private void deleteApp(Context x) {
    world.deleteApp(app(x));
    x.status(202);
  }

  // IP addresses

  private JsonNode listIps(Context x) {
    var app = app(x);
    synchronized (app) {
      return Fly.JSON.createObjectNode().set("ips", list(app.ips, App.Ip::json));
    }
  }

  private JsonNode assignIp(Context x) {
    var request = body(x);
    return world
        .allocate(app(x), request.path("type").asText(""), request.path("region").asText(""))
        .json();
  }

  private void releaseIp(Context x) {
    if (!world.release(app(x), x.pathParam("ip"))) {
      throw new ApiError(404, "not_found: ip address not found");
    }
    x.status(204);
  }

  // Machines

  private JsonNode listMachines(Context x) {
    var all = "true".equals(x.queryParam("include_deleted"));
    var states = csv(x, "state");
    var region = x.queryParam("region");
    var machines =
        app(x).machines.values().stream()
            .filter(machine -> all || !machine.state().equals("destroyed"))
            .filter(machine -> states.isEmpty() || states.contains(machine.state()))
            .filter(machine -> region == null || region.equals(machine.region))
            .toList();
    return list(machines, Machine::json);
  }

  private JsonNode createMachine(Context x) {
    var request = body(x);
    var machine = world.createMachine(app(x), request);
    var created = machine.json();
    if (!request.path("skip_launch").asBoolean()) machine.start("user");
    return created;
  }

  private JsonNode startMachine(Context x) {
    var previous = machine(x).start("user");
    return Fly.JSON
        .createObjectNode()
        .put("previous_state", previous)
        .put("migrated", false)
        .put("new_host", "");
  }

  private JsonNode stopMachine(Context x) {
    var request = optionalBody(x);
    var signal = request.path("signal").asText("");
    if (!signal.isEmpty() && !signal.matches("(SIG)?(HUP|INT|QUIT|KILL|USR1|USR2|TERM)")) {
      throw ApiError.invalid("invalid signal " + signal);
    }
    var timeout = Durations.of(request.path("timeout"), Duration.ZERO);
    machine(x).stop(signal.isEmpty() ? null : signal, timeout.isZero() ? null : timeout);
    return ok();
  }

  private JsonNode suspendMachine(Context x) {
    machine(x).suspend();
    return ok();
  }

  private JsonNode cordon(Context x, boolean on) {
    machine(x).cordon(on);
    return ok();
  }

  private JsonNode destroyMachine(Context x) {
    var force = "true".equals(x.queryParam("force")) || "true".equals(x.queryParam("kill"));
    machine(x).destroy(force);
    return ok();
  }

  private void await(Context x) {
    var machine = machine(x);
    var states = csv(x, "state");
    if (states.isEmpty()) states = Set.of("started");
    if (!STATES.containsAll(states)) throw ApiError.invalid("invalid_argument: unknown state");
    var given = x.queryParam("timeout");
    var seconds = given == null ? "60" : given.replaceFirst("s$", "");
    if (!seconds.matches("\\d{1,2}") || seconds.matches("0+") || Integer.parseInt(seconds) > 60) {
      throw ApiError.invalid(
          "invalid_argument: invalid WaitMachineRequest.Timeout: value must be inside range [1s,"
              + " 1m0s]");
    }
    var reached = world.await(machine, states, Duration.ofSeconds(Integer.parseInt(seconds)));
    x.future(
        () ->
            reached.handle(
                (state, failure) -> {
                  if (failure == null) {
                    var answer = ok().put("state", state);
                    answer.set("version", machine.json().path("instance_id"));
                    answer.set("event_id", machine.json().at("/events/0/id"));
                    send(x, answer);
                  } else {
                    SandboxServer.refuse(x, error(failure));
                  }
                  return null;
                }));
  }

  private static ApiError error(Throwable failure) {
    var cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof ApiError error ? error : new ApiError(500, cause.toString());
  }

  // Platform

  private static JsonNode regions() {
    var answer = Fly.JSON.createObjectNode().put("nearest", Rules.NEAREST);
    var regions = answer.putArray("regions");
    Rules.REGIONS.entrySet().stream()
        .sorted(java.util.Map.Entry.comparingByKey())
        .forEach(
            region ->
                regions
                    .addObject()
                    .put("code", region.getKey())
                    .put("name", region.getValue().name())
                    .put("latitude", region.getValue().latitude())
                    .put("longitude", region.getValue().longitude())
                    .put("gateway_available", !Set.of("gru", "jnb").contains(region.getKey()))
                    .put("requires_paid_plan", false)
                    .put("deprecated", false));
    return answer;
  }

  private static JsonNode token() {
    var answer = Fly.JSON.createObjectNode();
    var token = answer.putArray("tokens").addObject();
    token
        .put("token_id", "sandbox")
        .put("organization", World.ORG_ID)
        .put("org_slug", World.ORG)
        .put("user", "you@sandbox.invalid");
    token.putArray("apps");
    return answer;
  }

  // What they share

  private App app(Context x) {
    return world.app(x.pathParam("app"));
  }

  private Volume volume(Context x) {
    return world.requireVolume(app(x), x.pathParam("volume"));
  }

  private Machine machine(Context x) {
    return world.machine(app(x), x.pathParam("machine"));
  }

  private static ObjectNode ok() {
    return Fly.JSON.createObjectNode().put("ok", true);
  }

  private static Handler json(Function<Context, JsonNode> answer) {
    return x -> send(x, answer.apply(x));
  }

  private static void send(Context x, JsonNode json) {
    x.contentType("application/json").result(SandboxServer.bytes(json));
  }

  private static <T> JsonNode list(Iterable<T> items, Function<T, ObjectNode> json) {
    var list = Fly.JSON.createArrayNode();
    for (var item : items) list.add(json.apply(item));
    return list;
  }

  /** Repeated, or with commas. */
  private static Set<String> csv(Context x, String name) {
    var values = new ArrayList<String>();
    for (var value : x.queryParams(name)) values.addAll(List.of(value.split(",")));
    values.removeIf(String::isBlank);
    return new LinkedHashSet<>(values);
  }

  private static ObjectNode body(Context x) {
    var body = SandboxServer.parse(x);
    if (body instanceof ObjectNode object) return object;
    throw Rules.wrongType(body, "request", "object");
  }

  /** As {@link #body}, where none will do as well. */
  private static ObjectNode optionalBody(Context x) {
    return x.bodyAsBytes().length == 0 ? Fly.JSON.createObjectNode() : body(x);
  }
}
