//SOURCES ../../../Fly.java GraphQlViews.java ../../http/Json.java ../../model/AccessToken.java
//SOURCES ../../model/ApiError.java ../../model/App.java ../../model/Org.java ../../model/Regions.java
//SOURCES ../../service/AppSecrets.java ../../service/IpAddresses.java ../../service/Organization.java
//SOURCES ../../store/Journal.java
//FILES schema.graphqls
package fly.sandbox.api.graphql;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.http.Json;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Org;
import fly.sandbox.model.Regions;
import fly.sandbox.service.AppSecrets;
import fly.sandbox.service.IpAddresses;
import fly.sandbox.service.Organization;
import fly.sandbox.store.Journal;
import graphql.ExecutionInput;
import graphql.GraphQL;
import graphql.GraphQLContext;
import graphql.GraphqlErrorBuilder;
import graphql.analysis.MaxQueryComplexityInstrumentation;
import graphql.analysis.MaxQueryDepthInstrumentation;
import graphql.execution.DataFetcherExceptionHandlerParameters;
import graphql.execution.DataFetcherExceptionHandlerResult;
import graphql.execution.instrumentation.ChainedInstrumentation;
import graphql.language.OperationDefinition;
import graphql.parser.Parser;
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

/** GraphQL for the same organization. A refusal is part of a 200, with extensions.code. */
public final class GraphQlApi {
  /** The depth of a query; far more than any client needs. */
  private static final int DEEPEST = 20;

  private static final int MOST_FIELDS = 1000;

  /** An attribute of requests without a mutation. */
  public static final String READS = "fly.sandbox.reads";

  private final Organization organization;
  private final IpAddresses addresses;
  private final AppSecrets secrets;
  private final AccessToken token;
  private final Journal journal;
  private GraphQL graphql;

  public GraphQlApi(
      Organization organization,
      IpAddresses addresses,
      AppSecrets secrets,
      AccessToken token,
      Journal journal) {
    this.organization = organization;
    this.addresses = addresses;
    this.secrets = secrets;
    this.token = token;
    this.journal = journal;
  }

  /**
   * The engine. It is made on the first call, because that takes long and most sandboxes need none.
   */
  public synchronized GraphQL graphql() {
    if (graphql == null) graphql = make();
    return graphql;
  }

  /** Makes the engine and runs a query, which loads the classes of the first one. */
  public void warm() {
    graphql().execute("{ viewer { id } }");
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
                        .dataFetcher(
                            "organizations",
                            x -> Map.of("nodes", List.of(GraphQlViews.ORGANIZATION)))
                        .dataFetcher("organization", this::organization)
                        .dataFetcher("personalOrganization", x -> GraphQlViews.ORGANIZATION)
                        .dataFetcher("apps", x -> apps())
                        .dataFetcher("app", x -> GraphQlViews.json(app(either(x, "name", "id"))))
                        .dataFetcher("platform", x -> GraphQlViews.platform())
                        .dataFetcher("nearestRegion", x -> GraphQlViews.region(Regions.NEAREST))
                        .dataFetcher("machine", x -> machine(x.getArgument("machineId")))
                        .dataFetcher("latestImageDetails", x -> noSuchRepository()))
            .type(
                "App",
                app ->
                    app.dataFetcher("image", x -> GraphQlViews.image(x.getArgument("ref")))
                        .dataFetcher("machines", this::machines)
                        .dataFetcher("hostIssues", x -> GraphQlViews.NOTHING))
            .type(
                "Machine",
                machine ->
                    machine
                        .dataFetcher("app", x -> GraphQlViews.json(appOf(x)))
                        .dataFetcher(
                            "egressIpAddresses",
                            x -> GraphQlViews.egress(appOf(x), member(x, "region"))))
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

  /** A scalar without conversion: JSON, and BigInt, which is sent as text. */
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
  public void handle(Context x) {
    var request = Json.parse(x);
    var query = request.path("query");
    if (!query.isTextual()) throw ApiError.required("query");
    if (changes(query.asText())) journal.requireWritable();
    else x.attribute(READS, true);
    var input = ExecutionInput.newExecutionInput(query.asText()).variables(variables(request));
    if (request.path("operationName").isTextual()) {
      input.operationName(request.path("operationName").asText());
    }
    var result = graphql().execute(input.build()).toSpecification();
    var answer = Fly.JSON.mapper().<JsonNode>valueToTree(result);
    for (var error : answer.path("errors")) {
      var extensions = error.withObject("/extensions");
      if (!extensions.has("code")) extensions.set("code", extensions.path("classification"));
    }
    Json.send(x, answer);
  }

  /** A document with a mutation. One that cannot be parsed changes nothing. */
  private static boolean changes(String query) {
    try {
      return Parser.parse(query).getDefinitionsOfType(OperationDefinition.class).stream()
          .anyMatch(
              operation -> operation.getOperation() == OperationDefinition.Operation.MUTATION);
    } catch (RuntimeException e) {
      return false;
    }
  }

  private static Map<String, Object> variables(JsonNode request) {
    var variables = request.path("variables");
    if (!variables.isObject()) return Map.of();
    return Fly.JSON.mapper().convertValue(variables, new TypeReference<Map<String, Object>>() {});
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
    for (var app : organization.apps()) {
      var machine = app.machines.get(id);
      if (machine == null) continue;
      return GraphQlViews.json(machine);
    }
    throw ApiError.couldNotFind("Machine", id);
  }

  private App appOf(DataFetchingEnvironment x) {
    return app(member(x, "appName"));
  }

  /** A member of the parent object. */
  private static String member(DataFetchingEnvironment x, String name) {
    return (String) x.<Map<String, Object>>getSource().get(name);
  }

  private Object machines(DataFetchingEnvironment x) {
    var living = app(member(x, "name")).living();
    return Map.of("nodes", living.stream().map(GraphQlViews::json).toList());
  }

  /** The sandbox has no registry. */
  private static Object noSuchRepository() {
    throw ApiError.unknownRepository();
  }

  private Object organization(DataFetchingEnvironment x) {
    var wanted = either(x, "slug", "id");
    if (List.of(Org.SLUG, Org.ID, "sandbox").contains(wanted)) return GraphQlViews.ORGANIZATION;
    throw ApiError.couldNotFind("Organization");
  }

  private Object allocate(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var ip =
        addresses.allocate(
            app,
            text(input, "type"),
            text(input, "region"),
            text(input, "serviceName"),
            text(input, "network"));
    var payload = new TreeMap<String, Object>();
    payload.put("app", GraphQlViews.json(app));
    if (!ip.type().equals("shared_v4")) payload.put("ipAddress", GraphQlViews.json(ip));
    payload.put("clientMutationId", input.get("clientMutationId"));
    return payload;
  }

  private Object allocateEgress(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var region = text(input, "region");
    if (input.get("machineId") != null) {
      region = organization.machine(app, text(input, "machineId")).region;
    }
    return GraphQlViews.egress(
        addresses.allocateEgress(app, region.isEmpty() ? Regions.NEAREST : region), input);
  }

  private Object releaseEgress(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var region =
        input.get("machineId") == null
            ? null
            : organization.machine(app, text(input, "machineId")).region;
    var released =
        addresses.releaseEgress(
            app,
            ip ->
                region == null ? ip.address().equals(input.get("ip")) : ip.region().equals(region));
    if (released.isEmpty()) throw ApiError.couldNotFind("IP address");
    return GraphQlViews.egress(released, input);
  }

  private Object release(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var wanted = text(input, input.get("ip") == null ? "ipAddressId" : "ip");
    for (var app : organization.apps()) {
      var named = text(input, "appId");
      if (!named.isEmpty() && !named.equals(app.name)) continue;
      if (addresses.release(app, wanted)) {
        var payload = new TreeMap<String, Object>();
        payload.put("app", GraphQlViews.json(app));
        payload.put("clientMutationId", input.get("clientMutationId"));
        return payload;
      }
    }
    throw ApiError.couldNotFind("IP address");
  }

  private Object setSecrets(DataFetchingEnvironment x) {
    Map<String, Object> input = x.getArgument("input");
    var app = app(text(input, "appId"));
    var changes = new TreeMap<String, String>();
    if (Boolean.TRUE.equals(input.get("replaceAll"))) {
      app.secretValues().keySet().forEach(name -> changes.put(name, null));
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

  /** Answers without a release, like an app that was not deployed by flyctl. */
  private Object changed(App app, Map<String, String> changes, Map<String, Object> input) {
    secrets.set(app, changes);
    var payload = new TreeMap<String, Object>();
    payload.put("app", GraphQlViews.json(app));
    payload.put("clientMutationId", input.get("clientMutationId"));
    return payload;
  }

  /** The sandbox has one token, and it may do everything. */
  private Object limitedAccessToken() {
    return Map.of("limitedAccessToken", Map.of("tokenHeader", "FlyV1 " + token.value()));
  }

  private App app(String name) {
    return organization.find(name).orElseThrow(() -> ApiError.couldNotFind("App", name));
  }

  private Object apps() {
    var nodes = organization.apps().stream().map(GraphQlViews::json).toList();
    return Map.of(
        "nodes", nodes, "totalCount", nodes.size(), "pageInfo", Map.of("hasNextPage", false));
  }

  private static String either(DataFetchingEnvironment x, String one, String other) {
    String value = x.getArgument(one);
    return value == null ? String.valueOf((Object) x.getArgument(other)) : value;
  }

  private static String text(Map<String, Object> input, String field) {
    return input.get(field) == null ? "" : input.get(field).toString();
  }
}
