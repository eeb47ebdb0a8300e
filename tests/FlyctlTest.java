import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What flyctl asks, command by command: its paths, its aliases, its bodies (superfly/fly-go). */
class FlyctlTest {
  private static final String COMPACT =
      "query ($appName: String!) { appcompact:app(name: $appName) { id internalNumericId name"
          + " hostname cnameTarget deployed network status appUrl platformVersion organization { id"
          + " internalNumericId slug paidPlan } postgresAppRole: role { name } } }";
  private static final String MACHINE =
      "{\"name\":\"m1\",\"region\":\"iad\",\"config\":{\"image\":\"nginx:latest\"}}";

  private final SandboxServer sandbox = SandboxServer.start(SandboxServer.Config.onPort(0));

  @BeforeEach
  void anApp() throws Exception {
    var app = ask("POST", "/v1/apps?wait=true", "{\"name\":\"demo\",\"org_slug\":\"personal\"}");
    assertEquals("demo", app.path("name").asText(app.toString()));
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  @Test
  void apps_create() throws Exception {
    var organizations =
        graphql(
            "query($admin: Boolean!) { organizations(admin: $admin) { nodes { id slug rawSlug name"
                + " type paidPlan billable viewerRole internalNumericId } } }",
            "{\"admin\": false}");
    assertEquals("personal", organizations.at("/data/organizations/nodes/0/slug").asText());
    assertTrue(organizations.at("/data/organizations/nodes/0/internalNumericId").isTextual());

    assertEquals("demo", ask("GET", "/v1/apps/demo", null).path("name").asText());
    var full =
        graphql(
            "query ($appName: String!) { app(name: $appName) { id name hostname deployed status"
                + " appUrl platformVersion currentRelease { id version } config { definition }"
                + " organization { id slug } services { description } ipAddresses { nodes { id } }"
                + " sharedIpAddress imageDetails { registry repository tag digest version }"
                + " machines { nodes { id name state } } role { name } } }",
            "{\"appName\": \"demo\"}");
    assertEquals("{}", full.at("/data/app/config/definition").toString(), full.toString());
    assertEquals("[]", full.at("/data/app/machines/nodes").toString());
  }

  @Test
  void apps_list_and_status() throws Exception {
    var apps =
        graphql(
            "query($org: ID, $after: String) { apps(type: \"container\", first: 200, after: $after,"
                + " organizationId: $org) { pageInfo { hasNextPage endCursor } nodes { id name"
                + " deployed hostname platformVersion network organization { slug name }"
                + " currentRelease { createdAt status } status } } }",
            "{}");
    assertEquals("demo", apps.at("/data/apps/nodes/0/name").asText(), apps.toString());

    var compact = graphql(COMPACT, "{\"appName\": \"demo\"}").at("/data/appcompact");
    assertTrue(compact.path("internalNumericId").isInt());
    assertTrue(compact.at("/organization/internalNumericId").isTextual());
    assertTrue(compact.path("postgresAppRole").isNull());
    assertEquals("machines", compact.path("platformVersion").asText());
    var image =
        graphql(
            "query($image: String!) { latestImageDetails(image: $image) { registry tag } }",
            "{\"image\": \"nginx:latest\"}");
    assertTrue(image.at("/errors/0/message").asText().contains("Unknown repository"));
  }

  @Test
  void an_app_that_is_not_there_is_told_in_a_200_with_its_code() throws Exception {
    var none = graphql(COMPACT, "{\"appName\": \"nobody\"}");

    assertEquals("Could not find App \"nobody\"", none.at("/errors/0/message").asText());
    assertEquals("NOT_FOUND", none.at("/errors/0/extensions/code").asText());
  }

  @Test
  void machine_run() throws Exception {
    var organization = ask("GET", "/api/v1/organizations/personal", null).path("organization");
    assertTrue(organization.path("internal_numeric_id").isNumber(), organization.toString());
    var image =
        graphql(
            "query ($appName: String!, $ref: String!) { app(name: $appName) { id image(ref: $ref) {"
                + " id digest ref compressedSize manifest } } }",
            "{\"appName\": \"demo\", \"ref\": \"nginx:latest\"}");
    assertTrue(image.at("/data/app/image/compressedSize").isTextual(), image.toString());

    var machine = ask("POST", "/v1/apps/demo/machines", MACHINE);
    var id = machine.path("id").asText();
    var state = "/v1/apps/demo/machines/" + id + "/wait?instance_id=&state=started&timeout=60";
    assertEquals("true", ask("GET", state, null).path("ok").asText());
    assertEquals("ok", machine.path("host_status").asText());
  }

  @Test
  void machine_stop_start_and_destroy_under_a_lease() throws Exception {
    var id = ask("POST", "/v1/apps/demo/machines", MACHINE).path("id").asText();
    var path = "/v1/apps/demo/machines/" + id;
    ask("GET", path + "/wait?state=started&timeout=60", null);
    var found =
        graphql(
            "query ($machineId: String!) { machine: machine(machineId: $machineId) { id app { name"
                + " } } }",
            "{\"machineId\": \"" + id + "\"}");
    assertEquals("demo", found.at("/data/machine/app/name").asText(), found.toString());

    var nonce = ask("POST", path + "/lease?ttl=120", null).at("/data/nonce").asText();
    assertTrue(!nonce.isEmpty());
    assertEquals(409, status("POST", path + "/stop", "{}", null));
    assertEquals(200, status("POST", path + "/stop", "{}", nonce));
    ask("GET", path + "/wait?state=stopped&timeout=60", null);
    assertEquals(200, status("POST", path + "/start", null, nonce));
    ask("GET", path + "/wait?state=started&timeout=60", null);
    assertEquals(200, status("DELETE", path + "?kill=true", null, nonce));
  }

  @Test
  void volumes_create() throws Exception {
    var platform =
        graphql(
            "query { platform { requestRegion regions { name code latitude longitude"
                + " gatewayAvailable requiresPaidPlan deprecated } } }",
            "{}");
    assertTrue(platform.at("/data/platform/regions").size() > 10);
    var basic =
        graphql(
            "query ($appName: String!) { appbasic:app(name: $appName) { id name platformVersion"
                + " organization { id internalNumericId slug rawSlug paidPlan } } }",
            "{\"appName\": \"demo\"}");
    assertEquals("demo", basic.at("/data/appbasic/name").asText());
    var volume =
        ask(
            "POST",
            "/v1/apps/demo/volumes",
            "{\"name\":\"data\",\"region\":\"iad\",\"size_gb\":1,\"encrypted\":true}");
    assertEquals(1, ask("GET", "/v1/apps/demo/volumes", null).size());
    assertEquals(
        200, status("DELETE", "/v1/apps/demo/volumes/" + volume.path("id").asText(), null, null));
  }

  @Test
  void ips_allocate_list_and_release() throws Exception {
    var allocate =
        "mutation($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) {"
            + " ipAddress { id address type region createdAt } app { sharedIpAddress } } }";
    var v6 = graphql(allocate, "{\"input\":{\"appId\":\"demo\",\"type\":\"v6\",\"region\":\"\"}}");
    var address = v6.at("/data/allocateIpAddress/ipAddress/address").asText();
    var shared =
        graphql(
            allocate, "{\"input\":{\"appId\":\"demo\",\"type\":\"shared_v4\",\"region\":\"\"}}");
    assertTrue(shared.at("/data/allocateIpAddress/ipAddress").isNull(), shared.toString());

    var list =
        graphql(
            "query($appName: String!) { app(name: $appName) { ipAddresses { nodes { id address type"
                + " region createdAt } } sharedIpAddress egressIpAddresses { nodes { id ip version"
                + " region updatedAt } } } }",
            "{\"appName\": \"demo\"}");
    assertEquals(address, list.at("/data/app/ipAddresses/nodes/0/address").asText());

    graphql(
        "mutation($input: ReleaseIPAddressInput!) { releaseIpAddress(input: $input) {"
            + " clientMutationId app { name } } }",
        "{\"input\":{\"appId\":\"demo\",\"ip\":\"" + address + "\"}}");
    assertEquals(
        0,
        graphql("{ app(name: \"demo\") { ipAddresses { nodes { id } } } }", "{}")
            .at("/data/app/ipAddresses/nodes")
            .size());
  }

  @Test
  void egress_ips_are_a_pair_for_each_region() throws Exception {
    var allocate =
        "mutation($input: AllocateEgressIPAddressInput!) { allocateEgressIpAddress(input: $input) {"
            + " v4 v6 } }";
    var list =
        "{ app(name: \"demo\") { egressIpAddresses { nodes { id ip version region updatedAt } } }"
            + " }";

    var fra = graphql(allocate, "{\"input\":{\"appId\":\"demo\",\"region\":\"fra\"}}");
    var again = graphql(allocate, "{\"input\":{\"appId\":\"demo\",\"region\":\"fra\"}}");
    graphql(allocate, "{\"input\":{\"appId\":\"demo\",\"region\":\"ams\"}}");

    assertEquals(fra, again);
    var nodes = graphql(list, "{}").at("/data/app/egressIpAddresses/nodes");
    assertEquals(4, nodes.size());
    assertEquals(fra.at("/data/allocateEgressIpAddress/v4"), nodes.at("/0/ip"));
    assertEquals(fra.at("/data/allocateEgressIpAddress/v6"), nodes.at("/1/ip"));
    assertEquals(6, nodes.at("/1/version").asInt());
  }

  @Test
  void secrets_set_and_unset_and_tokens_create() throws Exception {
    var set =
        "mutation($input: SetSecretsInput!) { setSecrets(input: $input) { release { id version } }"
            + " }";
    graphql(set, "{\"input\":{\"appId\":\"demo\",\"secrets\":[{\"key\":\"A\",\"value\":\"1\"}]}}");
    graphql(
        set,
        "{\"input\":{\"appId\":\"demo\",\"replaceAll\":true,"
            + "\"secrets\":[{\"key\":\"B\",\"value\":\"1\"},{\"key\":\"C\",\"value\":\"1\"}]}}");
    graphql(
        "mutation($input: UnsetSecretsInput!) { unsetSecrets(input: $input) { release { id } } }",
        "{\"input\":{\"appId\":\"demo\",\"keys\":[\"C\"]}}");

    var left = ask("GET", "/v1/apps/demo/secrets", null).path("secrets");
    assertEquals(1, left.size(), left.toString());
    assertEquals("B", left.at("/0/name").asText());

    var bad =
        graphql(
            set,
            "{\"input\":{\"appId\":\"demo\",\"secrets\":[{\"key\":\"../x\",\"value\":\"1\"}]}}");
    assertEquals("UNPROCESSABLE", bad.at("/errors/0/extensions/code").asText(), bad.toString());

    var created =
        graphql(
            "mutation($name: String!, $org: ID!, $profile: String!, $params: JSON, $expiry:"
                + " String!) { createLimitedAccessToken(input: {name: $name, organizationId: $org,"
                + " profile: $profile, profileParams: $params, expiry: $expiry}) {"
                + " limitedAccessToken { tokenHeader } } }",
            "{\"name\":\"t\",\"org\":\"1\",\"profile\":\"deploy\",\"params\":{\"app_id\":\"demo\"},"
                + "\"expiry\":\"1h\"}");
    var header = created.at("/data/createLimitedAccessToken/limitedAccessToken/tokenHeader");
    assertEquals("FlyV1 " + sandbox.token(), header.asText(), created.toString());
  }

  @Test
  void a_query_that_is_deep_huge_or_unknown_is_refused_in_a_200() throws Exception {
    var nested =
        "{ app(name: \"demo\") { "
            + "machines { nodes { app { ".repeat(12)
            + "id"
            + " } } }".repeat(12)
            + " } }";
    assertTrue(graphql(nested, "{}").at("/errors/0/message").asText().contains("depth"));

    var huge = new StringBuilder("{");
    for (int i = 0; i < 1200; i++) huge.append(" a").append(i).append(": nearestRegion { code }");
    assertTrue(graphql(huge + " }", "{}").at("/errors/0/message").asText().contains("complexity"));

    assertTrue(graphql("{ nothingLikeIt }", "{}").at("/errors/0/message").isTextual());
  }

  private JsonNode graphql(String query, String variables) throws Exception {
    var body = Fly.JSON.createObjectNode().put("query", query);
    body.set("variables", Fly.JSON.readTree(variables));
    return ask("POST", "/graphql", body.toString());
  }

  private JsonNode ask(String method, String path, String body) throws Exception {
    var answer = send(method, path, body, null);
    assertTrue(answer.statusCode() / 100 == 2, path + ": " + answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  private int status(String method, String path, String body, String nonce) throws Exception {
    return send(method, path, body, nonce).statusCode();
  }

  private HttpResponse<String> send(String method, String path, String body, String nonce)
      throws Exception {
    var publisher =
        body == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(body);
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .header("Content-Type", "application/json")
            .method(method, publisher);
    if (nonce != null) request.header("fly-machine-lease-nonce", nonce);
    return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
  }
}
