import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Scripts and sandbox say to each other what Fly.io's OpenAPI document declares. GraphQL has a
 * schema of its own.
 */
class SandboxOpenApiTest {
  private static final String APP = "mcp-demo";

  @TempDir Path folder;
  private OpenApi api;
  private SandboxServer sandbox;
  private RecordingProxy proxy;
  private final TreeSet<String> scriptsRun = new TreeSet<>();

  @BeforeEach
  void start() throws IOException {
    api = OpenApi.load();
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    proxy = new RecordingProxy(sandbox.url());
    Script.settings(proxy.url(), sandbox.token());
  }

  @AfterEach
  void stop() {
    if (proxy != null) proxy.close();
    if (sandbox != null) sandbox.close();
  }

  @Test
  @Tag("slow")
  void every_script_and_the_sandbox_keep_to_the_document() throws Exception {
    run(0, new SelectOrg());
    run(0, new CheckToken());
    run(0, new CreateApp());
    run(0, new AllocateIps());
    run(0, new AllocateIps(), "--rest", "--type", "shared_v4,v6,private_v6");
    run(0, new CreateVolume());
    run(0, new CreateMachine(), "--", "cat");
    run(0, new ListApps());
    var machine = run(0, new ListMachines(), "-q").out().strip();
    run(0, new WaitMachine(), machine);
    run(0, new Status());
    assertEquals("hi\n", run(0, new Exec(), "--machine", machine, "--", "echo", "hi").out());
    run(3, new Exec(), "--machine", machine, "--", "sh", "-c", "exit 3");
    run(0, new SuspendMachine(), machine);
    run(0, new WaitMachine(), machine, "--state", "suspended");
    run(0, new StartMachine(), machine);
    run(0, new WaitMachine(), machine);
    run(0, new StopMachine(), machine, "--signal", "SIGTERM", "--timeout", "1s");
    run(0, new WaitMachine(), machine, "--state", "stopped");
    run(0, new Status(), "--json");
    run(0, new Logs());
    runChangesOf(machine);
    runVolumesAndSecrets();
    run(0, new DestroyMachine(), machine, "--force");
    runFleet();
    run(0, new Cleanup(), "--confirm", APP);
    var server = List.of("npx", "-f", "@modelcontextprotocol/server-filesystem", "/tmp");
    var launch = new ArrayList<>(List.of("--no-config", "--bearer-token-file"));
    launch.addAll(List.of(folder.resolve("token").toString(), "--"));
    launch.addAll(server);
    System.setProperty("FLY_EDGE_URL", sandbox.url() + "/edge/{app}/"); // it streams
    run(0, new McpLaunch(), launch.toArray(String[]::new));
    run(0, new Cleanup(), "--confirm", APP);

    assertEquals("", findings());
    assertEquals(scriptsThatCallTheApi(), scriptsRun);
  }

  private void runChangesOf(String machine) {
    run(0, new StartMachine(), machine);
    run(0, new WaitMachine(), machine);
    run(0, new RestartMachine(), machine);
    run(0, new UpdateMachine(), machine, "--set", "config.env.MODE=fast");
    run(0, new Api(), "Machines_list", "--app", APP);
  }

  private void runVolumesAndSecrets() {
    var volume = run(0, new CreateVolume(), "-q", "--another").out().strip();
    run(0, new ListVolumes());
    run(0, new ExtendVolume(), volume, "--size", "2");
    run(0, new SnapshotVolume(), volume);
    run(0, new DestroyVolume(), volume);
    var ips = run(0, new ListIps(), "--json").out();
    run(0, new ReleaseIp(), ips.replaceAll("(?s).*?\"ip\": *\"([^\"]+)\".*", "$1"));
    System.setProperty("API_KEY", "of-no-use");
    run(0, new SetSecrets(), "API_KEY");
    System.clearProperty("API_KEY");
    run(0, new ListSecrets());
    run(0, new ListRegions());
  }

  private void runFleet() {
    run(0, new CreateFleet(), "--count", "2", "--state", "stopped");
    run(0, new ClaimMachine(), "--owner", "ann", "--no-check");
    run(0, new FleetStatus());
    run(0, new ReleaseMachine(), "--owner", "ann");
    run(0, new CompareStarts(), "--runs", "1");
  }

  @Test
  void the_sandbox_says_no_as_the_document_and_the_facts_have_it() throws Exception {
    run(0, new CreateApp());
    run(0, new CreateVolume());
    var machine = run(0, new CreateMachine(), "-q", "--", "cat").out().strip();

    run(0, new CreateApp()); // 422, and it is there and ours
    run(1, new ListMachines(), "--app", "no-such-app");
    run(1, new StartMachine(), "00000000000000");
    run(1, new WaitMachine(), machine, "--state", "stopped", "--timeout", "1s");
    run(1, new DestroyMachine(), machine);
    run(1, new CreateMachine(), "--no-volume", "--set", "config.guest.memory_mb=1");
    refused("/v1/apps", json("{'app_name': 'No Name', 'org_slug': 'personal'}"));
    refused("/v1/apps", json("{'app_name': 'a', 'org_slug': 'foreign'}"));
    refused("/v1/apps/{app}/volumes", json("{'name': 'with-dash'}"), APP);
    refused("/v1/apps/{app}/machines", machineOn("data"), APP);
    refused("/v1/apps/{app}/machines", machineOn("no_such_volume"), APP);
    refused("/v1/apps/{app}/machines", json("[]"), APP);
    System.setProperty("FLY_API_TOKEN", "another-token");
    run(4, new ListApps());

    assertEquals("", findings());
    var statuses = new TreeSet<Integer>();
    for (var exchange : proxy.exchanges()) statuses.add(exchange.status());
    assertTrue(statuses.containsAll(List.of(400, 401, 404, 408, 412, 422)), statuses.toString());
  }

  @Test
  void what_no_script_asks_for_is_answered_as_declared_too() throws Exception {
    var fly = fly();
    fly.post("/v1/apps", json("{'name': '%s', 'org_slug': 'personal'}".formatted(APP)));
    fly.get("/v1/platform/regions");
    fly.get("/v1/apps/{app}/ip_assignments", APP);
    var ip = fly.post("/v1/apps/{app}/ip_assignments", json("{'type': 'v6'}"), APP).path("ip");
    fly.delete("/v1/apps/{app}/ip_assignments/{ip}", APP, ip.asText());
    var volume = fly.post("/v1/apps/{app}/volumes", json("{'name': 'data'}"), APP).path("id");
    fly.get("/v1/apps/{app}/volumes/{volume}", APP, volume.asText());
    fly.delete("/v1/apps/{app}/volumes/{volume}", APP, volume.asText());

    var request = json("{'config': {'image': 'nginx'}, 'skip_launch': true}");
    var machine = fly.post("/v1/apps/{app}/machines", request, APP).path("id").asText();
    fly.post("/v1/apps/{app}/machines/{machine}/cordon", null, APP, machine);
    fly.get("/v1/apps/{app}/machines/{machine}", APP, machine);
    fly.post("/v1/apps/{app}/machines/{machine}/uncordon", null, APP, machine);
    fly.get("/v1/apps/{app}/machines/{machine}/wait?state=settled,failed&timeout=1", APP, machine);
    fly.get("/v1/apps/{app}/machines?summary=true&region=iad,fra", APP);
    fly.delete("/v1/apps/{app}/machines/{machine}?kill=true", APP, machine);
    fly.get("/v1/apps/{app}/machines?include_deleted=true&state=stopped", APP);

    assertEquals("", findings());
  }

  private Script.Result run(int exit, Object script, String... args) {
    scriptsRun.add(script.getClass().getSimpleName());
    var result = Script.run(script, args);
    assertEquals(exit, result.exit(), script.getClass() + ": " + result.err());
    return result;
  }

  /** Past the scripts, which look before they send. */
  private static void refused(String path, JsonNode body, Object... ids) {
    try {
      fly().post(path, body, ids);
    } catch (FlyException expected) {
      return;
    }
    throw new AssertionError("not refused: " + body);
  }

  private static Fly fly() {
    return Fly.connect(null, null, (format, args) -> {});
  }

  private static JsonNode machineOn(String volume) throws IOException {
    return json(
        "{'config': {'image': 'flyio/mcp', 'mounts': [{'volume': '%s', 'path': '/data'}]}}"
            .formatted(volume));
  }

  private static JsonNode json(String text) throws IOException {
    return Fly.JSON.readTree(text.replace('\'', '"'));
  }

  /** One a line. */
  private String findings() {
    var findings = new ArrayList<String>();
    for (var x : proxy.exchanges()) {
      if (!x.path().startsWith(api.base() + "/")) continue;
      if (x.status() < 400) {
        findings.addAll(api.request(x.method(), x.path(), x.query(), x.request()));
      }
      findings.addAll(api.answer(x.method(), x.path(), x.query(), x.status(), x.answer()));
    }
    return String.join("\n", findings);
  }

  /** Those that can print their requests; fly-call-mcp talks to the app, and not to the API. */
  private static TreeSet<String> scriptsThatCallTheApi() throws Exception {
    var scripts = new TreeSet<String>();
    for (var alias :
        Fly.JSON
            .readTree(Files.readString(Sh.ROOT.resolve("jbang-catalog.json")))
            .path("aliases")) {
      var name = alias.path("script-ref").asText().replaceAll(".*/|\\.java", "");
      var constructor = Class.forName(name).getDeclaredConstructor();
      constructor.setAccessible(true);
      var options = Cli.commandLine(constructor.newInstance()).getCommandSpec().optionsMap();
      if (options.containsKey("--dry-run")) scripts.add(name);
    }
    scripts.remove("CallMcp");
    return scripts;
  }
}
