import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What flyctl asks, command by command, in the order and with the fields, aliases, headers and
 * bodies of superfly/flyctl ad0172f and superfly/fly-go 22d6e51.
 */
class FlyctlTest {
  private static final String COMPACT =
      """
      query ($appName: String!) {
        appcompact:app(name: $appName) {
          id internalNumericId name hostname cnameTarget deployed network status appUrl
          platformVersion
          organization { id internalNumericId slug paidPlan }
          postgresAppRole: role { name }
        }
      }
      """;
  private static final String BASIC =
      """
      query ($appName: String!) {
        appbasic:app(name: $appName) {
          id name platformVersion organization { id internalNumericId slug rawSlug paidPlan }
        }
      }
      """;
  private static final String FULL =
      """
      query ($appName: String!) {
        app(name: $appName) {
          id internalNumericId name hostname deployed status version appUrl platformVersion
          currentRelease { evaluationId status inProgress version }
          config { definition }
          organization { id slug paidPlan }
          services { description protocol internalPort ports { port handlers } }
          ipAddresses { nodes { id address type createdAt } }
          sharedIpAddress
          cnameTarget
          imageDetails { registry repository tag digest version }
          machines {
            nodes {
              id name config state region createdAt
              app { name }
              ips { nodes { family kind ip maskSize } }
              host { id }
            }
          }
          postgresAppRole: role { name }
        }
      }
      """;
  private static final String ORGANIZATION =
      """
      query($slug: String!) {
        organization(slug: $slug) { id internalNumericId slug rawSlug name type billable }
      }
      """;
  private static final String EGRESS =
      """
      query ($appName: String!) {
        app(name: $appName) {
          egressIpAddresses { nodes { id ip version region updatedAt } }
        }
      }
      """;
  private static final String DEMO = "{'appName': 'demo'}";
  private static final String MACHINES = "/v1/apps/demo/machines";

  private final SandboxServer sandbox = SandboxServer.start(SandboxConfig.onPort(0));
  private final HttpClient http = Http.CLIENT;

  @BeforeEach
  void anApp() throws Exception {
    var body = "{'name':'demo','org_slug':'personal','network':'','app_role_id':''}";
    var app = ask("POST", "/v1/apps?wait=true", body);
    assertEquals("demo", app.path("name").asText());
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  @Test
  void apps_create() throws Exception {
    var organizations =
        graphql(
            """
            query($admin: Boolean!) {
              organizations(admin: $admin) {
                nodes {
                  id slug rawSlug name type paidPlan billable viewerRole internalNumericId
                }
              }
            }
            """,
            "{'admin': false}");
    var organization = organizations.at("/organizations/nodes/0");
    assertEquals("personal", organization.path("slug").asText());
    assertTrue(organization.path("internalNumericId").isTextual(), organization.toString());

    var found = ask("GET", "/v1/apps/demo", null);
    assertTrue(found.path("internal_numeric_id").isInt(), found.toString());
    assertTrue(found.at("/organization/internal_numeric_id").isInt(), found.toString());
    var full = graphql(FULL, DEMO).path("app");
    assertEquals("{}", full.at("/config/definition").toString());
    assertEquals("[]", full.at("/machines/nodes").toString());
    assertEquals("[]", full.path("services").toString());
    assertTrue(full.path("currentRelease").isNull());
  }

  @Test
  void apps_list() throws Exception {
    var id = graphql(ORGANIZATION, "{'slug': 'personal'}").at("/organization/id").asText();

    var apps =
        graphql(
                """
                query($org: ID, $role: String, $after: String) {
                  apps(type: "container", first: 200, after: $after, organizationId: $org,
                       role: $role) {
                    pageInfo { hasNextPage endCursor }
                    nodes {
                      id name deployed hostname platformVersion
                      organization { slug name }
                      currentRelease { createdAt status }
                      status
                    }
                  }
                }
                """,
                "{'org': '" + id + "', 'after': ''}")
            .path("apps");

    assertEquals("demo", apps.at("/nodes/0/name").asText());
    assertFalse(apps.at("/pageInfo/hasNextPage").asBoolean(true));
  }

  @Test
  void apps_destroy() throws Exception {
    launch();
    var node = graphql(FULL, DEMO).at("/app/machines/nodes/0");
    assertEquals("demo", node.at("/app/name").asText());
    assertEquals("nginx:latest", node.at("/config/image").asText());
    assertTrue(node.at("/ips/nodes/0/ip").asText().startsWith("fdaa:"), node.toString());
    graphql(ORGANIZATION, "{'slug': 'personal'}");
    var addOns =
        operation(
            "ListOrganizationAddOns",
            """
            query ListOrganizationAddOns ($orgSlug: String!, $addOnType: AddOnType) {
              organization(slug: $orgSlug) {
                addOns(type: $addOnType) {
                  nodes {
                    id name addOnPlan { displayName description }
                    privateIp primaryRegion readRegions options metadata
                  }
                }
              }
            }
            """,
            "{'orgSlug': 'personal', 'addOnType': 'tigris'}");
    assertEquals("[]", addOns.at("/organization/addOns/nodes").toString());
    assertEquals(202, send("DELETE", "/v1/apps/demo", null, null).statusCode());
    assertEquals(404, send("GET", "/v1/apps/demo", null, null).statusCode());
  }

  @Test
  void an_app_that_is_not_there_is_told_in_a_200_with_its_code() throws Exception {
    var none = reply(COMPACT, "{'appName': 'nobody'}");

    assertTrue(none.at("/data/appcompact").isNull(), none.toString());
    assertEquals("Could not find App \"nobody\"", none.at("/errors/0/message").asText());
    assertEquals("NOT_FOUND", none.at("/errors/0/extensions/code").asText());
  }

  @Test
  void machine_run() throws Exception {
    var compact = graphql(COMPACT, DEMO).path("appcompact");
    assertTrue(compact.path("internalNumericId").isInt(), compact.toString());
    assertTrue(compact.at("/organization/internalNumericId").isTextual(), compact.toString());
    assertTrue(compact.path("postgresAppRole").isNull());
    assertEquals("machines", compact.path("platformVersion").asText());
    var network = graphql("query ($appName: String!) { app(name: $appName) { network } }", DEMO);
    assertTrue(network.at("/app/network").isTextual());
    ask("GET", "/v1/apps/demo", null);
    var organization = ask("GET", "/api/v1/organizations/personal", null).path("organization");
    assertTrue(organization.path("internal_numeric_id").isNumber(), organization.toString());
    var build = "{'app_name':'demo','builder_type':'remote','strategies_available':['x']}";
    assertEquals(404, send("POST", "/api/v1/builds", build, null).statusCode());
    var image =
        graphql(
                """
                query ($appName: String!, $imageRef: String!) {
                  app(name: $appName) {
                    id
                    image(ref: $imageRef) {
                      id digest ref compressedSize: compressedSizeFull manifest
                    }
                  }
                }
                """,
                "{'appName': 'demo', 'imageRef': 'nginx:latest'}")
            .at("/app/image");
    assertTrue(image.path("compressedSize").isTextual(), image.toString());
    assertEquals("nginx:latest", image.path("ref").asText());
    var finish = "{'build_id':0,'app_name':'demo','status':'failed'}";
    assertEquals(404, send("POST", "/api/v1/builds/finish", finish, null).statusCode());

    var path = launch();
    var machine = ask("GET", path, null);
    assertEquals("ok", machine.path("host_status").asText());
    assertEquals(machine.path("instance_id"), machine.path("version"));
    assertEquals("[]", machine.path("checks").toString());
    assertEquals("[]", graphql(EGRESS, DEMO).at("/app/egressIpAddresses/nodes").toString());
  }

  @Test
  void machine_run_where_a_volume_tells_the_region() throws Exception {
    var nearest =
        graphql("query { nearestRegion { code name gatewayAvailable deprecated } }", "{}");
    assertEquals(3, nearest.at("/nearestRegion/code").asText().length());
    assertEquals("[]", ask("GET", "/v1/apps/demo/volumes", null).toString());
  }

  @Test
  void machine_list_and_status() throws Exception {
    var path = launch();

    var listed = ask("GET", MACHINES, null);
    var shown = ask("GET", path, null);

    assertEquals(shown.path("id"), listed.at("/0/id"));
    assertEquals("start", shown.at("/events/0/type").asText());
    assertTrue(shown.at("/events/0/timestamp").isNumber(), shown.toString());
  }

  @Test
  void machine_stop_start_suspend_and_restart_under_a_lease() throws Exception {
    var path = launch();
    var id = path.substring(MACHINES.length() + 1);
    var app =
        graphql(
            """
            query ($machineId: String!) {
              gqlmachine:machine(machineId: $machineId) {
                id name app { name organization { id slug } }
              }
            }
            """,
            "{'machineId': '" + id + "'}");
    assertEquals("demo", app.at("/gqlmachine/app/name").asText());

    var stop = "{'id':'" + id + "','timeout':'0s'}";
    leased(path, "POST", "/stop", stop);
    ask("GET", path + "/wait?state=stopped&timeout=60", null);
    var started = leased(path, "POST", "/start", null);
    assertEquals("stopped", Fly.JSON.readTree(started.body()).path("previous_state").asText());
    ask("GET", path + "/wait?state=started&timeout=60", null);
    leased(path, "POST", "/suspend", null);
    ask("GET", path + "/wait?state=suspended&timeout=60", null);
    leased(path, "POST", "/start", null);
    ask("GET", path + "/wait?state=started&timeout=60", null);
    leased(path, "POST", "/restart?force_stop=false&timeout=5s&signal=SIGINT", null);
    ask("GET", path + "/wait?state=started&timeout=60", null);
  }

  /** Nobody but the lease's holder may; the lease goes again. */
  private HttpResponse<String> leased(String path, String method, String action, String body)
      throws Exception {
    var machine = ask("GET", path, null);
    var taken = send("POST", path + "/lease?ttl=120", null, null);
    assertEquals(201, taken.statusCode(), taken.body());
    var lease = Fly.JSON.readTree(taken.body());
    assertEquals("success", lease.path("status").asText());
    assertEquals(machine.path("instance_id"), lease.at("/data/version"));

    var others = send(method, path + action, body, null);
    assertEquals(409, others.statusCode(), others.body());
    var nonce = lease.at("/data/nonce").asText();
    var answer = send(method, path + action, body, nonce);
    assertEquals(200, answer.statusCode(), answer.body());
    var release = send("DELETE", path + "/lease", null, nonce);
    assertEquals(200, release.statusCode(), release.body());
    return answer;
  }

  @Test
  void machine_destroy() throws Exception {
    var path = launch();
    var id = path.substring(MACHINES.length() + 1);
    ask("GET", path, null);
    var nonce = ask("POST", path + "/lease?ttl=120", null).at("/data/nonce").asText();
    assertEquals(409, send("DELETE", path + "?kill=true", null, null).statusCode());
    graphql(COMPACT, DEMO);

    assertEquals(412, send("DELETE", path + "?kill=false", null, nonce).statusCode());
    assertEquals(200, send("DELETE", path + "?kill=true", null, nonce).statusCode());
    ask("GET", path + "/wait?state=destroyed&timeout=60", null);
    var release = send("DELETE", path + "/lease", null, nonce);
    assertEquals(404, release.statusCode());
    assertTrue(release.body().contains("lease not found"), release.body());
    var unknown = send("GET", MACHINES + "/" + id.replaceAll(".", "0"), null, null);
    assertTrue(unknown.body().contains("machine not found"), unknown.body());
  }

  @Test
  void volumes_create_list_and_destroy() throws Exception {
    var platform =
        graphql(
            """
            query {
              platform {
                requestRegion
                regions {
                  name code latitude longitude gatewayAvailable requiresPaidPlan deprecated
                }
              }
            }
            """,
            "{}");
    assertEquals(18, platform.at("/platform/regions").size());
    assertEquals("demo", graphql(BASIC, DEMO).at("/appbasic/name").asText());
    assertEquals("[]", ask("GET", "/v1/apps/demo/volumes", null).toString());
    var body =
        "{'name':'data','region':'iad','size_gb':1,'encrypted':true,'require_unique_zone':true,"
            + "'unique_zone_app_wide':null,'snapshot_retention':null,'auto_backup_enabled':null,"
            + "'fstype':null,'snapshot_id':null,'source_volume_id':null,'compute':null}";
    var volume =
        "/v1/apps/demo/volumes/" + ask("POST", "/v1/apps/demo/volumes", body).path("id").asText();
    assertEquals("created", ask("GET", volume, null).path("state").asText());
    assertEquals(1, ask("GET", "/v1/apps/demo/volumes", null).size());
    assertEquals("pending_destroy", ask("DELETE", volume, null).path("state").asText());
  }

  @Test
  void ips_allocate_list_and_release() throws Exception {
    var v6 = allocate("v6", "ipAddress { id address type region createdAt }").path("ipAddress");
    var v4 = allocate("v4", "ipAddress { id address type region createdAt }").path("ipAddress");
    var shared = allocate("shared_v4", "app { sharedIpAddress }").at("/app/sharedIpAddress");
    graphql(ORGANIZATION, "{'slug': 'personal'}"); // for --private
    allocate("private_v6", "ipAddress { id address type region createdAt }");
    assertEquals("v4", v4.path("type").asText());
    var rest = "{'type':'private_v6','network':'other','service_name':'web','org_slug':'personal'}";
    var assigned = ask("POST", "/v1/apps/demo/ip_assignments", rest);
    assertTrue(assigned.path("ip").asText().startsWith("fdaa:"), assigned.toString());
    assertEquals("web", assigned.path("service_name").asText());

    var listed =
        graphql(
                """
                query ($appName: String!) {
                  app(name: $appName) {
                    ipAddresses {
                      nodes {
                        id address type region createdAt
                        network { name organization { slug } } serviceName
                      }
                    }
                    sharedIpAddress
                  }
                }
                """,
                DEMO)
            .path("app");
    assertEquals(4, listed.at("/ipAddresses/nodes").size());
    var flycast = listed.at("/ipAddresses/nodes/3");
    assertEquals("other", flycast.at("/network/name").asText());
    assertEquals("personal", flycast.at("/network/organization/slug").asText());
    assertEquals("web", flycast.path("serviceName").asText());
    assertEquals(v6.path("address"), listed.at("/ipAddresses/nodes/0/address"));
    assertEquals(shared, listed.path("sharedIpAddress"));

    for (var address : new JsonNode[] {v6.path("address"), shared}) {
      graphql(
          "mutation($input: ReleaseIPAddressInput!) {"
              + " releaseIpAddress(input: $input) { clientMutationId } }",
          "{'input': {'appId': 'demo', 'ip': '" + address.asText() + "'}}");
    }
    assertEquals(3, ask("GET", "/v1/apps/demo/ip_assignments", null).path("ips").size());
  }

  private JsonNode allocate(String type, String fields) throws Exception {
    var mutation =
        "mutation($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) { %s } }";
    return graphql(
            mutation.formatted(fields),
            "{'input': {'appId': 'demo', 'type': '" + type + "', 'region': ''}}")
        .path("allocateIpAddress");
  }

  @Test
  void egress_ips_are_a_pair_for_each_region() throws Exception {
    var allocate =
        "mutation($input: AllocateEgressIPAddressInput!) {"
            + " allocateEgressIpAddress(input: $input) { v4, v6 } }";
    var machine = ask("GET", launch(), null);
    var fra = graphql(allocate, "{'input': {'appId': 'demo', 'region': 'fra'}}");
    var again = graphql(allocate, "{'input': {'appId': 'demo', 'region': 'fra'}}");
    var ofMachine = "{'input': {'appId': 'demo', 'machineId': '%s'}}";
    graphql(allocate, ofMachine.formatted(machine.path("id").asText()));

    assertEquals(fra, again);
    var nodes = graphql(EGRESS, DEMO).at("/app/egressIpAddresses/nodes");
    assertEquals(4, nodes.size());
    assertEquals(fra.at("/allocateEgressIpAddress/v4"), nodes.at("/0/ip"));
    assertEquals(fra.at("/allocateEgressIpAddress/v6"), nodes.at("/1/ip"));
    assertEquals(6, nodes.at("/1/version").asInt());
    var machines =
        graphql(
            """
            query ($appName: String!) {
              app(name: $appName) {
                machines {
                  nodes {
                    id egressIpAddresses { nodes { id ip version region updatedAt } }
                  }
                }
              }
            }
            """,
            DEMO);
    var own = machines.at("/app/machines/nodes/0/egressIpAddresses/nodes");
    assertEquals(2, own.size());
    assertEquals("iad", own.at("/0/region").asText());

    var release =
        "mutation($input: ReleaseEgressIPAddressInput!) {"
            + " releaseEgressIpAddress(input: $input) { v4 v6 clientMutationId } }";
    var input = "{'input': {'appId': 'demo', 'ip': '" + nodes.at("/0/ip").asText() + "'}}";
    assertEquals(nodes.at("/0/ip"), graphql(release, input).at("/releaseEgressIpAddress/v4"));
    assertEquals(3, graphql(EGRESS, DEMO).at("/app/egressIpAddresses/nodes").size());
    assertEquals("NOT_FOUND", reply(release, input).at("/errors/0/extensions/code").asText());
  }

  @Test
  void status() throws Exception {
    launch();
    var compact = graphql(COMPACT, DEMO).path("appcompact");
    assertEquals("deployed", compact.path("status").asText());
    assertEquals("started", ask("GET", MACHINES, null).at("/0/state").asText());
    var image =
        reply(
            """
            query($image: String!, $flyVersion: String) {
              latestImageDetails(image: $image, flyVersion: $flyVersion) {
                registry repository tag version digest
              }
            }
            """,
            "{'image': 'nginx:latest', 'flyVersion': ''}");
    assertTrue(image.at("/errors/0/message").asText().contains("Unknown repository"));
    var issues =
        graphql(
            """
            query($appName: String!) {
              apphostissues:app(name: $appName) {
                hostIssues { nodes { internalId message createdAt updatedAt } }
              }
            }
            """,
            DEMO);
    assertEquals("[]", issues.at("/apphostissues/hostIssues/nodes").toString());
  }

  @Test
  void auth_whoami_and_orgs_list() throws Exception {
    var viewer =
        graphql(
            """
            query {
              viewer { ... on User { id email enablePaidHobby } ... on Macaroon { email } }
            }
            """,
            "{}");
    assertTrue(viewer.at("/viewer/email").asText().contains("@"), viewer.toString());
    var organizations = ask("GET", "/api/v1/organizations?admin=false", null);
    assertEquals("personal", organizations.at("/organizations/0/slug").asText());
  }

  @Test
  void secrets_set_and_unset_and_tokens_create() throws Exception {
    var release =
        "{ release { id version reason description user { id email name } evaluationId createdAt"
            + " } }";
    var set = "mutation($input: SetSecretsInput!) { setSecrets(input: $input) " + release + " }";
    graphql(set, "{'input': {'appId': 'demo', 'secrets': [{'key': 'A', 'value': '1'}]}}");
    graphql(
        set,
        "{'input': {'appId': 'demo', 'replaceAll': true,"
            + " 'secrets': [{'key': 'B', 'value': '1'}, {'key': 'C', 'value': '1'}]}}");
    graphql(
        "mutation($input: UnsetSecretsInput!) { unsetSecrets(input: $input) " + release + " }",
        "{'input': {'appId': 'demo', 'keys': ['C']}}");

    var left = ask("GET", "/v1/apps/demo/secrets?version=3", null).path("secrets");
    assertEquals(1, left.size(), left.toString());
    assertEquals("B", left.at("/0/name").asText());

    var bad = "{'input': {'appId': 'demo', 'secrets': [{'key': '../x', 'value': '1'}]}}";
    assertEquals("UNPROCESSABLE", reply(set, bad).at("/errors/0/extensions/code").asText());

    var created =
        operation(
            "CreateLimitedAccessToken",
            """
            mutation CreateLimitedAccessToken ($name: String!, $organizationId: ID!,
                $profile: String!, $profileParams: JSON, $expiry: String!) {
              createLimitedAccessToken(input: {name: $name, organizationId: $organizationId,
                  profile: $profile, profileParams: $profileParams, expiry: $expiry}) {
                limitedAccessToken { tokenHeader }
              }
            }
            """,
            "{'name': 't', 'organizationId': '1', 'profile': 'deploy',"
                + " 'profileParams': {'app_id': 'demo'}, 'expiry': '1h'}");
    var header = created.at("/createLimitedAccessToken/limitedAccessToken/tokenHeader");
    assertEquals("FlyV1 " + sandbox.token(), header.asText());
  }

  @Test
  void a_query_that_is_deep_huge_or_unknown_is_refused_in_a_200_with_a_code() throws Exception {
    var nested =
        "{ app(name: \"demo\") { "
            + "machines { nodes { app { ".repeat(12)
            + "id"
            + " } } }".repeat(12)
            + " } }";
    refused(nested, "depth");
    var huge = new StringBuilder("{");
    for (int i = 0; i < 1200; i++) huge.append(" a").append(i).append(": nearestRegion { code }");
    refused(huge + " }", "complexity");
    refused("{ a ".repeat(20_000) + "}".repeat(20_000), "");
    refused("{ " + "nearestRegion ".repeat(20_000) + "}", "");
    refused("{ ...f } fragment f on Query { ...f }", "");
    refused("{ nothingLikeIt }", "nothingLikeIt");
    refused("query (", "");
    refused("", "");
    assertEquals("demo", graphql(BASIC, DEMO).at("/appbasic/name").asText());
  }

  private void refused(String query, String why) throws Exception {
    var error = reply(query, "{}").at("/errors/0");
    assertTrue(error.path("message").asText().contains(why), error.toString());
    assertFalse(error.at("/extensions/code").asText().isEmpty(), error.toString());
  }

  /** A Machine that has started; returns its path. */
  private String launch() throws Exception {
    var body =
        "{'config':{'init':{},'image':'nginx:latest','restart':{}},'region':'iad','name':'m1',"
            + "'skip_secrets':false}";
    var machine = ask("POST", MACHINES, body);
    var path = MACHINES + "/" + machine.path("id").asText();
    var version = machine.path("instance_id").asText();
    var wait = path + "/wait?state=started&timeout=60&version=" + version;
    assertEquals("true", ask("GET", wait, null).path("ok").asText());
    return path;
  }

  /** What a query without errors brings. */
  private JsonNode graphql(String query, String variables) throws Exception {
    return data(reply(query, variables));
  }

  /** As genqlient asks: with the operation's name. */
  private JsonNode operation(String name, String query, String variables) throws Exception {
    return data(reply(question(query, variables).put("operationName", name)));
  }

  private static JsonNode data(JsonNode reply) {
    assertFalse(reply.has("errors"), reply.toString());
    return reply.path("data");
  }

  private JsonNode reply(String query, String variables) throws Exception {
    return reply(question(query, variables));
  }

  private JsonNode reply(ObjectNode question) throws Exception {
    return ask("POST", "/graphql", question.toString());
  }

  private static ObjectNode question(String query, String variables) throws Exception {
    var question = Fly.JSON.createObjectNode().put("query", query);
    return question.set("variables", Fly.JSON.readTree(variables.replace('\'', '"')));
  }

  private JsonNode ask(String method, String path, String body) throws Exception {
    var answer = send(method, path, body, null);
    assertEquals(2, answer.statusCode() / 100, path + ": " + answer.body());
    var type = answer.headers().firstValue("Content-Type").orElse("");
    assertEquals("application/json", type, path);
    return Fly.JSON.readTree(answer.body());
  }

  /** As fly-go does it for a token that is no macaroon. */
  private HttpResponse<String> send(String method, String path, String body, String nonce)
      throws Exception {
    var json = path.equals("/graphql") ? body : body == null ? null : body.replace('\'', '"');
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .header("User-Agent", "flyctl/0.3.200")
            .method(method, json == null ? BodyPublishers.noBody() : BodyPublishers.ofString(json));
    if (json != null) request.header("Content-Type", "application/json; charset=utf-8");
    if (nonce != null) request.header("Fly-Machine-Lease-Nonce", nonce);
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }
}
