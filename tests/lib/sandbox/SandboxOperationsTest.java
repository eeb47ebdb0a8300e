import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every operation of the Machines API's document, asked of the sandbox. */
class SandboxOperationsTest {
  /** Outside of this world: it says so with 501. */
  private static final Set<String> NOT_HERE =
      Set.of(
          "Secretkeys_list",
          "Secretkey_get",
          "Secretkey_set",
          "Secretkey_delete",
          "Secretkey_generate",
          "Secretkey_encrypt",
          "Secretkey_decrypt",
          "Secretkey_sign",
          "Secretkey_verify",
          "Machines_reclaim_memory",
          "Tokens_request_Kms",
          "Tokens_request_OIDC");

  private final HttpClient http = Http.CLIENT;
  private final List<String> findings = new ArrayList<>();
  private final Set<String> walked = new LinkedHashSet<>();
  private SandboxServer sandbox;
  private OpenApi api;

  record Answer(int status, JsonNode json) {
    String at(String pointer) {
      return json.at(pointer).asText();
    }
  }

  @BeforeEach
  void start() {
    api = OpenApi.load();
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
  }

  @AfterEach
  void stop() {
    if (sandbox != null) sandbox.close();
  }

  @Test
  void all_operations_of_the_document_are_answered_with_state_behind_them() throws Exception {
    apps();
    certificates();
    secrets();
    volumes();
    machines();
    platform();
    for (var operation : api.operations()) {
      if (NOT_HERE.contains(operation.id())) {
        var path = "/v1" + operation.path().replaceAll("\\{\\w+}", "x");
        var answer = ask(operation.method(), path, "{}");
        assertEquals(501, answer.status(), operation.toString());
        assertTrue(answer.at("/error").contains("is not part of the sandbox: it keeps no keys"));
      }
    }

    assertEquals(List.of(), findings);
    var missing =
        api.operations().stream()
            .map(OpenApi.Operation::id)
            .filter(id -> !walked.contains(id))
            .toList();
    assertEquals(List.of(), missing);
    System.out.printf(
        "  %d operations walked, %d of them answered with 501%n",
        api.operations().size(), NOT_HERE.size());
  }

  private void apps() throws Exception {
    assertEquals(201, ask("POST", "/v1/apps", "{'name': 'walk', 'org_slug': 'personal'}").status());
    ask("GET", "/v1/apps?org_slug=personal");
    assertEquals("walk", ask("GET", "/v1/apps/walk").at("/name"));
    assertEquals(sandbox.token(), ask("POST", "/v1/apps/walk/deploy_token", "{}").at("/token"));
    var ip = ask("POST", "/v1/apps/walk/ip_assignments", "{'type': 'v6'}").at("/ip");
    assertEquals(ip, ask("GET", "/v1/apps/walk/ip_assignments").at("/ips/0/ip"));
    assertEquals(204, ask("DELETE", "/v1/apps/walk/ip_assignments/" + ip).status());
    ask("POST", "/v1/apps", "{'name': 'gone', 'org_slug': 'personal'}");
    assertEquals(202, ask("DELETE", "/v1/apps/gone").status());
  }

  private void certificates() throws Exception {
    var all = "/v1/apps/walk/certificates";
    assertEquals(201, ask("POST", all + "/acme", "{'hostname': 'a.example.com'}").status());
    ask(
        "POST",
        all + "/custom",
        "{'hostname': 'b.example.com', 'fullchain': 'x', 'private_key': 'y'}");
    assertEquals("2", ask("GET", all).at("/total_count"));
    assertEquals("a.example.com", ask("GET", all + "/a.example.com").at("/hostname"));
    ask("POST", all + "/a.example.com/check", "{}");
    assertEquals("false", ask("DELETE", all + "/a.example.com/acme").at("/acme_requested"));
    ask("DELETE", all + "/b.example.com/custom");
    assertEquals(204, ask("DELETE", all + "/b.example.com").status());
    assertEquals(404, ask("GET", all + "/b.example.com").status());
    assertEquals(422, ask("POST", all + "/acme", "{'hostname': 'not a name'}").status());
  }

  private void secrets() throws Exception {
    var all = "/v1/apps/walk/secrets";
    assertEquals(
        "1", ask("POST", all, "{'values': {'ONE': 'first', 'TWO': 'second'}}").at("/version"));
    assertEquals("", ask("GET", all + "/ONE").at("/value"));
    assertEquals("first", ask("GET", all + "/ONE?show_secrets=true").at("/value"));
    assertEquals(201, ask("POST", all + "/THREE", "{'value': 'third'}").status());
    ask("POST", all, "{'values': {'TWO': null}}");
    ask("DELETE", all + "/THREE");
    assertEquals("ONE", ask("GET", all).at("/secrets/0/name"));
    assertEquals(404, ask("GET", all + "/TWO").status());
  }

  private void volumes() throws Exception {
    var all = "/v1/apps/walk/volumes";
    var id = ask("POST", all, "{'name': 'data', 'region': 'iad', 'size_gb': 2}").at("/id");
    var volume = all + "/" + id;
    assertEquals(id, ask("GET", all).at("/0/id"));
    assertEquals("2", ask("GET", volume).at("/size_gb"));
    assertEquals("9", ask("PUT", volume, "{'snapshot_retention': 9}").at("/snapshot_retention"));
    assertEquals("3", ask("PUT", volume + "/extend", "{'size_gb': 3}").at("/volume/size_gb"));
    assertEquals(400, ask("PUT", volume + "/extend", "{'size_gb': 1}").status());
    assertEquals(200, ask("POST", volume + "/snapshots", null).status());
    var snapshot = ask("GET", volume + "/snapshots").at("/0/id");
    assertTrue(snapshot.startsWith("vs_"), snapshot);
    var restored = ask("POST", all, "{'name': 'again', 'snapshot_id': '" + snapshot + "'}");
    assertEquals("3", restored.at("/size_gb"));
    assertEquals("pending_destroy", ask("DELETE", all + "/" + restored.at("/id")).at("/state"));
  }

  private void machines() throws Exception {
    var all = "/v1/apps/walk/machines";
    var created =
        ask("POST", all, "{'region': 'iad', 'config': {'image': 'nginx', 'metadata': {'a': 'b'}}}");
    var machine = all + "/" + created.at("/id");
    ask("GET", machine + "/wait?timeout=60");
    assertEquals(created.at("/id"), ask("GET", all + "?metadata.a=b").at("/0/id"));
    assertEquals("started", ask("GET", machine).at("/state"));

    ask("POST", machine + "/cordon", null);
    assertEquals("true", ask("GET", machine).at("/cordoned"));
    ask("POST", machine + "/uncordon", null);
    ask("GET", machine + "/events?limit=2");
    ask("GET", machine + "/ps");
    ask("POST", machine + "/signal", "{'signal': 'SIGHUP'}");
    ask("GET", machine + "/memory");
    assertEquals("128", ask("PUT", machine + "/memory", "{'limit_mb': 128}").at("/limit_mb"));

    assertEquals("b", ask("GET", machine + "/metadata").at("/a"));
    assertEquals(204, ask("POST", machine + "/metadata/c", "{'value': 'd'}").status());
    assertEquals("d", ask("GET", machine + "/metadata/c").at("/value"));
    assertEquals(204, ask("PUT", machine + "/metadata", "{'metadata': {'e': 'f'}}").status());
    assertEquals(204, ask("PATCH", machine + "/metadata", "{'metadata': {'e': null}}").status());
    assertEquals(204, ask("DELETE", machine + "/metadata/c").status());
    assertEquals(1, ask("GET", machine + "/metadata").json().size());

    var lease = ask("POST", machine + "/lease", "{'ttl': 30}");
    assertEquals(201, lease.status());
    assertEquals(lease.at("/data/nonce"), ask("GET", machine + "/lease").at("/data/nonce"));
    assertEquals(409, ask("POST", machine + "/stop", null).status());
    assertEquals(409, ask("POST", machine + "/lease", "{'ttl': 30}").status());
    assertEquals(200, ask("DELETE", machine + "/lease", null, lease.at("/data/nonce")).status());
    assertEquals(404, ask("GET", machine + "/lease").status());

    var version = ask("GET", machine).at("/instance_id");
    assertEquals(
        412, ask("POST", machine, "{'current_version': 'old', 'config': {'image': 'x'}}").status());
    var updated =
        ask(
            "POST",
            machine,
            "{'current_version': '" + version + "', 'config': {'image': 'nginx:2'}}");
    assertEquals("nginx:2", updated.at("/config/image"));
    ask("GET", machine + "/wait?timeout=60&version=" + updated.at("/instance_id"));
    assertEquals(2, ask("GET", machine + "/versions").json().size());
    ask("POST", machine + "/restart?timeout=1s", null);
    ask("GET", machine + "/wait?timeout=60");
    ask("POST", machine + "/suspend", null);
    ask("GET", machine + "/wait?state=suspended&timeout=60");
    ask("POST", machine + "/start", null);
    ask("GET", machine + "/wait?timeout=60");
    ask("POST", machine + "/stop", "{'signal': 'SIGTERM', 'timeout': '1s'}");
    ask("GET", machine + "/wait?state=stopped&timeout=60");
    assertEquals(412, ask("POST", machine + "/exec", "{'command': ['true']}").status());
    walked.add("Machines_exec"); // for real: the next test
    assertEquals(200, ask("DELETE", machine).status());
  }

  private void platform() throws Exception {
    ask("GET", "/v1/platform/regions");
    ask("POST", "/v1/platform/placements", "{'org_slug': 'personal', 'region': 'fra', 'count': 2}");
    ask("GET", "/v1/orgs/personal/machines?include_deleted=true&limit=1");
    assertEquals("data", ask("GET", "/v1/orgs/personal/volumes").at("/volumes/0/name"));
    ask("GET", "/v1/tokens/current");
    var header = "{'header': 'Bearer " + sandbox.token() + "'}";
    ask("POST", "/v1/tokens/authenticate", header);
    ask("POST", "/v1/tokens/authorize", header);
  }

  @Test
  void a_command_runs_where_the_Machines_program_runs_with_its_secrets_files_and_variables()
      throws Exception {
    ask("POST", "/v1/apps", "{'name': 'run', 'org_slug': 'personal'}");
    ask("POST", "/v1/apps/run/secrets/HIDDEN", "{'value': 'from a secret'}");
    ask("POST", "/v1/apps/run/volumes", "{'name': 'data', 'region': 'iad'}");
    var file = Base64.getEncoder().encodeToString("from a file".getBytes());
    var machine =
        ask(
            "POST",
            "/v1/apps/run/machines",
            "{'region': 'iad', 'config': {'image': 'flyio/mcp', 'init': {'cmd': ['sleep', '1000']},"
                + " 'env': {'PLAIN': 'from the config'},"
                + " 'mounts': [{'volume': 'data', 'path': '/data'}],"
                + " 'files': [{'guest_path': '/data/greeting', 'raw_value': '"
                + file
                + "'}]}}");
    var path = "/v1/apps/run/machines/" + machine.at("/id");
    ask("GET", path + "/wait?timeout=60");

    var ran =
        ask(
            "POST",
            path + "/exec",
            "{'cmd': 'cat; cat /data/greeting; echo; echo $HIDDEN; echo $PLAIN; echo"
                + " $FLY_MACHINE_ID; echo oops >&2; exit 3', 'stdin': 'from stdin;'}");

    assertEquals(200, ran.status());
    assertEquals(
        "from stdin;from a file\nfrom a secret\nfrom the config\n" + machine.at("/id") + "\n",
        ran.at("/stdout"));
    assertEquals("oops\n", ran.at("/stderr"));
    assertEquals("3", ran.at("/exit_code"));
    var processes = ask("GET", path + "/ps").json().findValuesAsText("command");
    assertTrue(
        processes.stream().anyMatch(command -> command.contains("sleep 1000")),
        processes.toString());
    ask("POST", path + "/signal", "{'signal': 'SIGKILL'}");
    assertEquals(List.of(), findings);
  }

  @Test
  void a_snapshot_is_what_the_volume_held_then() throws Exception {
    ask("POST", "/v1/apps", "{'name': 'snap', 'org_slug': 'personal'}");
    var all = "/v1/apps/snap/volumes";
    var id = ask("POST", all, "{'name': 'data', 'region': 'iad'}").at("/id");
    run("snap", "data", "echo before >/data/file");
    ask("POST", all + "/" + id + "/snapshots", null);
    run("snap", "data", "echo after >/data/file");
    var snapshot = ask("GET", all + "/" + id + "/snapshots").at("/0/id");

    ask("POST", all, "{'name': 'restored', 'region': 'iad', 'snapshot_id': '" + snapshot + "'}");
    ask("POST", all, "{'name': 'forked', 'region': 'iad', 'source_volume_id': '" + id + "'}");

    assertEquals("before\n", run("snap", "restored", "cat /data/file"));
    assertEquals("after\n", run("snap", "forked", "cat /data/file"));
  }

  /** Runs a command on a Machine that lasts no longer. */
  private String run(String app, String volume, String command) throws Exception {
    var body =
        "{'region': 'iad', 'config': {'image': 'flyio/mcp', 'init': {'cmd': ['sleep', '1000']},"
            + " 'mounts': [{'volume': '"
            + volume
            + "', 'path': '/data'}]}}";
    var machine =
        "/v1/apps/"
            + app
            + "/machines/"
            + ask("POST", "/v1/apps/" + app + "/machines", body).at("/id");
    ask("GET", machine + "/wait?timeout=60");
    var ran = ask("POST", machine + "/exec", "{'cmd': '" + command + "'}");
    assertEquals("0", ran.at("/exit_code"), ran.toString());
    ask("DELETE", machine + "?force=true");
    ask("GET", machine + "/wait?state=destroyed&timeout=60");
    return ran.at("/stdout");
  }

  private Answer ask(String method, String path) throws Exception {
    return ask(method, path, null);
  }

  private Answer ask(String method, String path, String body) throws Exception {
    return ask(method, path, body, null);
  }

  private Answer ask(String method, String target, String body, String nonce) throws Exception {
    var sent = body == null ? null : body.replace('\'', '"').replace("\\\"", "'");
    var publisher =
        sent == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(sent);
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + target))
            .method(method, publisher)
            .header("Authorization", "Bearer " + sandbox.token());
    if (nonce != null) request.header("fly-machine-lease-nonce", nonce);
    var response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    var json = Fly.JSON.readTree(response.body());
    var path = target.split("\\?")[0];
    var query = target.contains("?") ? target.substring(target.indexOf('?') + 1) : null;
    api.operation(method, path).ifPresent(operation -> walked.add(operation.id()));
    if (response.statusCode() != 501) {
      findings.addAll(api.answer(method, path, query, response.statusCode(), response.body()));
    }
    return new Answer(response.statusCode(), json);
  }
}
