import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The check against Fly.io's OpenAPI document is able to fail. */
class OpenApiTest {
  private static final String MACHINES = "/v1/apps/x/machines";
  private static final String VOLUME =
      """
      {"id": "vol_1", "name": "data", "state": "created", "size_gb": 1, "region": "iad",
       "zone": "a1b2", "encrypted": true, "created_at": "2026-01-02T03:04:05Z",
       "attached_machine_id": null, "host_status": "ok", "fstype": "ext4",
       "snapshot_retention": 5, "auto_backup_enabled": true}
      """;

  private static OpenApi api;

  @BeforeEach
  void load() {
    if (api == null) api = OpenApi.load();
  }

  @Test
  void it_knows_every_operation_of_the_document() {
    var operations = api.operations();

    assertEquals(76, operations.size());
    assertTrue(
        operations.contains(
            new OpenApi.Operation("POST", "/apps/{app_name}/machines", "Machines_create")));
    for (var operation : operations) {
      var path = api.base() + operation.path().replaceAll("\\{\\w+}", "x");
      assertEquals(operation, api.operation(operation.method(), path).orElseThrow());
    }
  }

  @Test
  void what_is_as_declared_has_no_findings() {
    assertEquals(List.of(), api.answer("GET", "/v1/apps/x/volumes", null, 200, "[]"));
    assertEquals(List.of(), api.answer("GET", "/v1/apps/x/volumes", null, 200, "[" + VOLUME + "]"));
    assertEquals(
        List.of(), api.request("POST", MACHINES, null, "{\"config\": {\"image\": \"flyio/mcp\"}}"));
  }

  @Test
  void an_unknown_property_is_a_finding() {
    var request = "{\"config\": {\"image\": \"flyio/mcp\", \"foo\": 1}}";

    assertEquals(
        List.of("POST /v1/apps/x/machines request: $.config.foo is not in fly.MachineConfig"),
        api.request("POST", MACHINES, null, request));
  }

  @Test
  void a_field_that_clients_need_and_that_is_missing_is_a_finding() {
    var answer = VOLUME.replace("\"host_status\": \"ok\",", "");

    assertEquals(
        List.of(
            "POST /v1/apps/x/volumes answer 200: $.host_status is missing, and Volume needs it"),
        api.answer("POST", "/v1/apps/x/volumes", null, 200, answer));
  }

  @Test
  void a_wrong_type_is_a_finding() {
    var findings =
        api.answer(
            "GET",
            "/v1/apps/x/volumes",
            null,
            200,
            "[" + VOLUME.replace("\"size_gb\": 1", "\"size_gb\": \"1\"") + "]");

    assertEquals(
        List.of(
            "GET /v1/apps/x/volumes answer 200: $[0].size_gb: string found, integer expected"
                + " (Volume)"),
        findings);
  }

  @Test
  void null_is_a_finding_except_where_Fly_io_or_its_clients_send_it() {
    var machine = "{\"config\": {\"image\": \"flyio/mcp\"}, \"region\": null}";

    assertEquals(
        List.of(
            "POST /v1/apps/x/machines request: $.region: null found, string expected"
                + " (CreateMachineRequest)"),
        api.request("POST", MACHINES, null, machine));
    assertEquals(
        List.of(),
        api.request(
            "POST", "/v1/apps/x/volumes", null, "{\"name\": \"data\", \"snapshot_id\": null}"));
    assertEquals(
        List.of("GET /v1/apps/x/volumes answer 200: $: null found, array expected (the document)"),
        api.answer("GET", "/v1/apps/x/volumes", null, 200, "null"));
  }

  @Test
  void a_time_that_is_none_is_a_finding() {
    var answer = VOLUME.replace("2026-01-02T03:04:05Z", "");

    var findings = api.answer("DELETE", "/v1/apps/x/volumes/vol_1", null, 200, answer);

    assertEquals(1, findings.size());
    assertTrue(findings.get(0).contains("$.created_at"), findings.get(0));
  }

  @Test
  void an_undeclared_path_is_a_finding() {
    var findings = List.of("GET /v1/apps/x/foo: is not in the document");

    assertEquals(findings, api.request("GET", "/v1/apps/x/foo", null, null));
    assertEquals(findings, api.answer("GET", "/v1/apps/x/foo", null, 200, "{}"));
    assertEquals(
        List.of("PUT /v1/apps: is not in the document"),
        api.request("PUT", "/v1/apps", null, "{}"));
  }

  @Test
  void an_undeclared_status_is_a_finding() {
    assertEquals(
        List.of("GET /v1/apps answer 202: is not declared for GET /apps"),
        api.answer("GET", "/v1/apps", "org_slug=personal", 202, "{}"));
  }

  @Test
  void a_body_where_none_belongs_and_none_where_one_does_are_findings() {
    assertEquals(
        List.of("DELETE /v1/apps/x answer 202: has a body, and none is declared"),
        api.answer("DELETE", "/v1/apps/x", null, 202, "{\"ok\": true}"));
    assertEquals(
        List.of("GET /v1/apps/x answer 200: has no body"),
        api.answer("GET", "/v1/apps/x", null, 200, ""));
    assertEquals(
        List.of("POST /v1/apps/x/machines request: has no body"),
        api.request("POST", MACHINES, null, null));
    assertEquals(
        List.of("POST /v1/apps/x/machines/1/start request: has a body, and none is declared"),
        api.request("POST", MACHINES + "/1/start", null, "{}"));
    assertEquals(List.of(), api.request("POST", MACHINES + "/1/lease", "ttl=120", null));
  }

  @Test
  void an_answer_that_is_not_JSON_is_a_finding() {
    assertEquals(
        List.of("GET /v1/apps/x answer 404: is not JSON: 404 page not found"),
        api.answer("GET", "/v1/apps/x", null, 404, "404 page not found\n"));
  }

  @Test
  void a_query_is_held_against_the_declared_parameters() {
    assertEquals(
        List.of(
            "GET /v1/apps request: ?org_slug is missing, and the document needs it",
            "GET /v1/apps request: ?foo is not in the document"),
        api.request("GET", "/v1/apps", "foo=1", null));
    assertEquals(
        List.of(
            "GET /v1/apps/x/machines/1/wait request: ?timeout: string found, integer expected"
                + " (the document)"),
        api.request("GET", MACHINES + "/1/wait", "state=started&timeout=60s", null));
    assertEquals(
        List.of(),
        api.request(
            "GET", MACHINES + "/1/wait", "state=started&state=stopped,settled&timeout=60", null));
    assertFalse(api.request("GET", MACHINES + "/1/wait", "state=sleeping", null).isEmpty());
    assertEquals(List.of(), api.request("DELETE", MACHINES + "/1", "kill=true", null));
    assertEquals(List.of(), api.request("GET", MACHINES, "metadata.role=db", null));
  }

  @Test
  void a_summary_is_held_against_its_own_shorter_shape() {
    var row =
        """
        [{"id": "1", "name": "n", "state": "started", "region": "iad", "instance_id": "01J",
          "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z"}]
        """;

    assertEquals(List.of(), api.answer("GET", MACHINES, "region=iad&summary=true", 200, row));
    assertFalse(api.answer("GET", MACHINES, "region=iad", 200, row).isEmpty());
  }

  @Test
  void a_lease_comes_in_its_envelope() {
    var lease = "{\"nonce\": \"n\", \"expires_at\": 1, \"owner\": \"me\", \"version\": \"01J\"}";
    var envelope = "{\"status\": \"success\", \"data\": " + lease + "}";

    assertEquals(List.of(), api.answer("POST", MACHINES + "/1/lease", null, 201, envelope));
    assertFalse(api.answer("POST", MACHINES + "/1/lease", null, 201, lease).isEmpty());
  }

  @Test
  void every_exception_in_the_overlay_has_a_reason_and_is_one() throws Exception {
    var overlay = Fly.JSON.readTree(Files.readString(OpenApi.OVERLAY));

    for (var entries : overlay) {
      for (var entry : entries) {
        assertFalse(entry.path("because").asText().isBlank(), "no reason: " + entry);
      }
    }
    assertEquals(List.of(), api.idleOverlay());
  }

  @Test
  void an_exception_that_is_none_any_more_is_told() throws Exception {
    var overlay =
        """
        {"schemas": [{"of": "Gone", "needs": ["id"]}, {"of": "App", "needs": ["colour"]},
                     {"of": "Volume", "properties": {"size_gb": {"type": "integer"}}}],
         "queries": [{"of": ["GET /gone"], "properties": {}}]}
        """;
    var document = Fly.JSON.readTree(Files.readString(OpenApi.DOCUMENT));

    assertEquals(
        List.of(
            "there is no schema Gone",
            "Gone has no id",
            "App has no colour",
            "Volume.size_gb is declared so",
            "no operation is [\"GET /gone\"]"),
        new OpenApi(document, Fly.JSON.readTree(overlay)).idleOverlay());
  }
}
