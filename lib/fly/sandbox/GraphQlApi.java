//SOURCES ../Fly.java ApiError.java App.java Ids.java Machine.java Rest.java Rules.java SandboxServer.java World.java
package fly.sandbox;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import graphql.ExecutionInput;
import graphql.GraphQL;
import graphql.GraphQLContext;
import graphql.GraphqlErrorBuilder;
import graphql.analysis.MaxQueryComplexityInstrumentation;
import graphql.analysis.MaxQueryDepthInstrumentation;
import graphql.execution.DataFetcherExceptionHandlerParameters;
import graphql.execution.DataFetcherExceptionHandlerResult;
import graphql.execution.instrumentation.ChainedInstrumentation;
import graphql.schema.Coercing;
import graphql.schema.DataFetchingEnvironment;
import graphql.schema.GraphQLScalarType;
import graphql.schema.idl.RuntimeWiring;
import graphql.schema.idl.SchemaGenerator;
import graphql.schema.idl.SchemaParser;
import io.javalin.http.Context;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** GraphQL over the same world. What is refused, is told inside a 200, with extensions.code. */
final class GraphQlApi {
  private static final Map<String, Object> NOTHING = Map.of("nodes", List.of());

  private static final Map<String, Object> ORGANIZATION =
      Map.of(
          "id",
          World.ORG_ID,
          "slug",
          World.ORG,
          "rawSlug",
          "sandbox",
          "name",
          "Sandbox",
          "type",
          "PERSONAL",
          "paidPlan",
          false,
          "billable",
          true,
          "viewerRole",
          "admin",
          "internalNumericId",
          String.valueOf(World.ORG_NUMBER),
          "addOns",
          NOTHING);

  /** Far more than any client asks for: what goes beyond costs a server more than it brings. */
  private static final int DEEPEST = 20;

  private static final int MOST_FIELDS = 1000;

  private final World world;
  private GraphQL graphql;

  GraphQlApi(World world) {
    this.world = world;
  }

  /** What answers queries, made on the first call: it takes long, and most have no use for it. */
  synchronized GraphQL graphql() {
    if (graphql == null) graphql = make();
    return graphql;
  }

  private GraphQL make() {
    var wiring =
        RuntimeWiring.newRuntimeWiring()
            .type(
                "Query",
                query ->
                    query
                        .dataFetcher(
                            "viewer",
                            x ->
                                Map.of(
                                    "id",
                                    "1",
                                    "email",
                                    "you@sandbox.invalid",
                                    "enablePaidHobby",
                                    false))
                        .dataFetcher("organizations", x -> Map.of("nodes", List.of(ORGANIZATION)))
                        .dataFetcher("organization", this::organization)
                        .dataFetcher("personalOrganization", x -> ORGANIZATION)
                        .dataFetcher("apps", x -> apps())
                        .dataFetcher("app", x -> json(app(either(x, "name", "id"))))
                        .dataFetcher("platform", x -> platform())
                        .dataFetcher("nearestRegion", x -> region(Rules.NEAREST))
                        .dataFetcher("machine", x -> machine(x.getArgument("machineId")))
                        .dataFetcher("latestImageDetails", x -> noSuchRepository()))
            .type(
                "App",
                app ->
                    app.dataFetcher("image", x -> image(x.getArgument("ref")))
                        .dataFetcher("machines", this::machines)
                        .dataFetcher("hostIssues", x -> NOTHING))
            .type(
                "Machine",
                machine ->
                    machine
                        .dataFetcher("app", x -> json(appOf(x)))
                        .dataFetcher(
                            "egressIpAddresses", x -> egress(appOf(x), member(x, "region"))))
            .scalar(asItIs("JSON"))
            .scalar(asItIs("BigInt"))
            .type(
                "Mutation",
                mutation ->
                    mutation
                        .dataFetcher("allocateIpAddress", this::allocate)
                        .dataFetcher("releaseIpAddress", this::release)
                        .dataFetcher("allocateEgressIpAddress", this::allocateEgress)
                        .dataFetcher("releaseEgressIpAddress", this::releaseEgress)
                        .dataFetcher("setSecrets", this::setSecrets)
                        .dataFetcher("unsetSecrets", this::unsetSecrets)
                        .dataFetcher("createLimitedAccessToken", x -> limitedAccessToken()))
            .type("Viewer", viewer -> viewer.typeResolver(x -> x.getSchema().getObjectType("User")))
            .build();
    try (var text =
        new InputStreamReader(
            GraphQlApi.class.getResourceAsStream("/schema.graphqls"), StandardCharsets.UTF_8)) {
      var schema =
          new SchemaGenerator().makeExecutableSchema(new SchemaParser().parse(text), wiring);
      return GraphQL.newGraphQL(schema)
          .defaultDataFetcherExceptionHandler(GraphQlApi::failed)
          .instrumentation(
              new ChainedInstrumentation(
                  new MaxQueryDepthInstrumentation(DEEPEST),
                  new MaxQueryComplexityInstrumentation(MOST_FIELDS)))
          .build();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** JSON is what it is, and so is a BigInt, which is sent as text. */
  private static GraphQLScalarType asItIs(String name) {
    return GraphQLScalarType.newScalar()
        .name(name)
        .coercing(
            new Coercing<Object, Object>() {
              @Override
              public Object serialize(Object value, GraphQLContext context, Locale locale) {
                return value;
              }

              @Override
              public Object parseValue(Object value, GraphQLContext context, Locale locale) {
                return value;
              }
            })
        .build();
  }

  /** Answers {@code {"query": ..., "variables": ..., "operationName": ...}}. */
  void handle(Context x) {
    var request = SandboxServer.parse(x);
    var query = request.path("query");
    if (!query.isTextual()) throw ApiError.invalid("query is required");
    var input = ExecutionInput.newExecutionInput(query.asText()).variables(variables(request));
    if (request.path("operationName").isTextual()) {
      input.operationName(request.path("operationName").asText());
    }
    var result = graphql().execute(input.build()).toSpecification();
    var answer = Fly.JSON.<JsonNode>valueToTree(result);
    for (var error : answer.path("errors")) {
      var extensions = error.withObject("/extensions");
      if (!extensions.has("code")) extensions.set("code", extensions.path("classification"));
    }
    Rest.send(x, answer);
  }

  private static Map<String, Object> variables(JsonNode request) {
    var variables = request.path("variables");
    if (!variables.isObject()) return Map.of();
    return Fly.JSON.convertValue(variables, new TypeReference<Map<String, Object>>() {});
  }

  private static CompletableFuture<DataFetcherExceptionHandlerResult> failed(
      DataFetcherExceptionHandlerParameters failure) {
    var exception = failure.getException();
    var status = exception instanceof ApiError error ? error.status : 500;
    var code =
        switch (status) {
          case 404 -> "NOT_FOUND";
          case 400, 422 -> "UNPROCESSABLE";
          case 500 -> "SERVER_ERROR";
          default -> "FAILED";
        };
    var error =
        GraphqlErrorBuilder.newError(failure.getDataFetchingEnvironment())
            .message("%s", exception.getMessage())
            .extensions(Map.of("code", code))
            .build();
    return CompletableFuture.completedFuture(
        DataFetcherExceptionHandlerResult.newResult(error).build());
  }

  private Object machine(String id) {
    for (var app : world.apps()) {
      var machine = app.machines.get(id);
      if (machine == null) continue;
      return json(machine);
    }
    throw new ApiError(404, "Could not find Machine \"%s\"".formatted(id));
  }

  private App appOf(DataFetchingEnvironment x) {
    return app(member(x, "appName"));
  }

  /** Of what the field belongs to. */
  private static String member(DataFetchingEnvironment x, String name) {
    return (String) x.<Map<String, Object>>getSource().get(name);
  }

  private Object machines(DataFetchingEnvironment x) {
    var living = app(member(x, "name")).living();
    return Map.of("nodes", living.stream().map(GraphQlApi::json).toList());
  }

  private static Map<String, Object> json(Machine machine) {
    var json = new TreeMap<String, Object>();
    json.put("id", machine.id);
    json.put("name", machine.name);
    json.put("state", machine.state());
    json.put("region", machine.region);
    json.put("config", machine.config());
    json.put("createdAt", machine.createdAt.toString());
    var ip = Map.of("family", "v6", "kind", "privatenet", "ip", machine.privateIp, "maskSize", 112);
    json.put("ips", Map.of("nodes", List.of(ip)));
    json.put("host", Map.of("id", "sandbox"));
    json.put("appName", machine.app.name);
    return json;
  }

  /** The sandbox has no registry: flyctl takes just these words for that (superfly/fly-go). */
  private static Object noSuchRepository() {
    throw new ApiError(404, "Unknown repository");
  }

  /** No image is fetched here: its digest is one of its name. */
  private static Object image(String ref) {
    var digest = Ids.digest(ref);
    return Map.of(
        "id",
        digest,
        "ref",
        ref,
        "digest",
        digest,
        "compressedSizeFull",
        "0",
        "manifest",
        Map.of());
  }

  private Object organization(DataFetchingEnvironment x) {
    var wanted = either(x, "slug", "id");
    if (List.of(World.ORG, World.ORG_ID, "sandbox").contains(wanted)) return ORGANIZATION;
    throw new ApiError(404, "Could not find Organization");
  }

  private Object allocate(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var ip =
        world.allocate(
            app,
            text(input, "type"),
            text(input, "region"),
            text(input, "serviceName"),
            text(input, "network"));
    var payload = new TreeMap<String, Object>();
    payload.put("app", json(app));
    if (!ip.type().equals("shared_v4")) payload.put("ipAddress", json(ip));
    payload.put("clientMutationId", input.get("clientMutationId"));
    return payload;
  }

  private Object allocateEgress(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var region = text(input, "region");
    if (input.get("machineId") != null) {
      region = world.machine(app, text(input, "machineId")).region;
    }
    return egress(world.allocateEgress(app, region.isEmpty() ? Rules.NEAREST : region), input);
  }

  private Object releaseEgress(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var region =
        input.get("machineId") == null ? null : world.machine(app, text(input, "machineId")).region;
    var released =
        world.releaseEgress(
            app,
            ip ->
                region == null ? ip.address().equals(input.get("ip")) : ip.region().equals(region));
    if (released.isEmpty()) throw new ApiError(404, "Could not find IP address");
    return egress(released, input);
  }

  private static Object egress(List<App.Ip> ips, Map<String, Object> input) {
    var payload = new TreeMap<String, Object>();
    for (var ip : ips) payload.put(ip.type(), ip.address());
    payload.put("clientMutationId", input.get("clientMutationId"));
    return payload;
  }

  private Object release(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var wanted = text(input, input.get("ip") == null ? "ipAddressId" : "ip");
    for (var app : world.apps()) {
      var named = text(input, "appId");
      if (!named.isEmpty() && !named.equals(app.name)) continue;
      if (world.release(app, wanted)) {
        var payload = new TreeMap<String, Object>();
        payload.put("app", json(app));
        payload.put("clientMutationId", input.get("clientMutationId"));
        return payload;
      }
    }
    throw new ApiError(404, "Could not find IP address");
  }

  private Object setSecrets(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var changes = new TreeMap<String, String>();
    if (Boolean.TRUE.equals(input.get("replaceAll"))) {
      world.secrets(app).keySet().forEach(name -> changes.put(name, null));
    }
    for (var secret : (List<?>) input.get("secrets")) {
      var pair = (Map<?, ?>) secret;
      changes.put((String) pair.get("key"), (String) pair.get("value"));
    }
    return changed(app, changes, input);
  }

  private Object unsetSecrets(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var changes = new TreeMap<String, String>();
    for (var key : (List<?>) input.get("keys")) changes.put((String) key, null);
    return changed(app(text(input, "appId")), changes, input);
  }

  /** Without a release, as for an app that was not deployed by flyctl. */
  private Object changed(App app, Map<String, String> changes, Map<String, Object> input) {
    world.setSecrets(app, changes);
    var payload = new TreeMap<String, Object>();
    payload.put("app", json(app));
    payload.put("clientMutationId", input.get("clientMutationId"));
    return payload;
  }

  /** The sandbox has one token, and it may do everything. */
  private Object limitedAccessToken() {
    return Map.of("limitedAccessToken", Map.of("tokenHeader", "FlyV1 " + world.token()));
  }

  private App app(String name) {
    return world
        .find(name)
        .orElseThrow(() -> new ApiError(404, "Could not find App \"%s\"".formatted(name)));
  }

  private Object apps() {
    var nodes = world.apps().stream().map(GraphQlApi::json).toList();
    return Map.of(
        "nodes", nodes, "totalCount", nodes.size(), "pageInfo", Map.of("hasNextPage", false));
  }

  private static Map<String, Object> json(App app) {
    var json = new TreeMap<String, Object>();
    json.put("id", app.name);
    json.put("internalNumericId", app.number);
    json.put("name", app.name);
    json.put("hostname", app.name + ".fly.dev");
    json.put("appUrl", "https://" + app.name + ".fly.dev");
    json.put("deployed", !app.living().isEmpty());
    json.put("network", app.network);
    json.put("status", app.status());
    json.put("version", 0);
    json.put("platformVersion", "machines");
    json.put("organization", ORGANIZATION);
    json.put("config", Map.of("definition", Map.of()));
    json.put("services", List.of());
    synchronized (app) {
      var own = app.ips.stream().filter(ip -> !ip.type().equals("shared_v4")).toList();
      json.put("ipAddresses", Map.of("nodes", own.stream().map(GraphQlApi::json).toList()));
      json.put("egressIpAddresses", egress(app, null));
      for (var ip : app.ips) if (!own.contains(ip)) json.put("sharedIpAddress", ip.address());
    }
    return json;
  }

  private static Map<String, Object> json(App.Ip ip) {
    var json = new TreeMap<String, Object>();
    json.put("id", ip.id());
    json.put("address", ip.address());
    json.put("type", ip.type());
    json.put("region", ip.region());
    json.put("createdAt", ip.createdAt().toString());
    json.put("serviceName", ip.service());
    if (!ip.network().isEmpty()) {
      json.put("network", Map.of("name", ip.network(), "organization", ORGANIZATION));
    }
    return json;
  }

  /** Those of a region, or with null all. */
  private static Map<String, Object> egress(App app, String region) {
    synchronized (app) {
      var found = app.egressIps.stream().filter(ip -> region == null || region.equals(ip.region()));
      return Map.of("nodes", found.map(GraphQlApi::egress).toList());
    }
  }

  private static Map<String, Object> egress(App.Ip ip) {
    return Map.of(
        "id", ip.id(),
        "ip", ip.address(),
        "version", ip.type().equals("v4") ? 4 : 6,
        "region", ip.region(),
        "updatedAt", ip.createdAt().toString());
  }

  private static Object platform() {
    var regions = Rules.REGIONS.keySet().stream().sorted().map(GraphQlApi::region).toList();
    return Map.of("requestRegion", Rules.NEAREST, "regions", regions);
  }

  private static Map<String, Object> region(String code) {
    return Map.of(
        "code",
        code,
        "name",
        Rules.REGIONS.get(code).name(),
        "latitude",
        Rules.REGIONS.get(code).latitude(),
        "longitude",
        Rules.REGIONS.get(code).longitude(),
        "gatewayAvailable",
        true,
        "requiresPaidPlan",
        false,
        "deprecated",
        false);
  }

  private static String either(DataFetchingEnvironment x, String one, String other) {
    String value = x.getArgument(one);
    return value == null ? String.valueOf((Object) x.getArgument(other)) : value;
  }

  private static String text(Map<String, Object> input, String field) {
    return input.get(field) == null ? "" : input.get(field).toString();
  }
}
