import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The life of Machines' programs: small shell scripts, run as real processes. */
@Tag("slow")
class SandboxProgramsTest {
  private static final String MACHINES = "/v1/apps/run/machines";

  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0).run(Map.of("sh", "sh")));
    ask("POST", "/v1/apps", "{'app_name': 'run', 'org_slug': 'personal'}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private HttpResponse<String> send(String method, String path, String body) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, HttpRequest.BodyPublishers.ofString(body.replace('\'', '"')))
            .timeout(Await.LIMIT)
            .build();
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode ask(String method, String path, String body) throws Exception {
    var answer = send(method, path, body);
    assertEquals(2, answer.statusCode() / 100, answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  /** The path of a Machine that runs this script. */
  private String machine(String script, String config) throws Exception {
    var words = Fly.JSON.createArrayNode().add("-c").add(script);
    var request =
        Fly.JSON.readTree("{'config':{'image':'sh'%s}}".formatted(config).replace('\'', '"'));
    request.withObject("/config/init").set("cmd", words);
    return MACHINES + "/" + post(request).path("id").asText();
  }

  private JsonNode post(JsonNode request) throws Exception {
    var answer =
        http.send(
            HttpRequest.newBuilder(URI.create(sandbox.url() + MACHINES))
                .header("Authorization", "Bearer " + sandbox.token())
                .POST(HttpRequest.BodyPublishers.ofString(request.toString()))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertEquals(200, answer.statusCode(), answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  private void become(String machine, String state) throws Exception {
    ask("GET", machine + "/wait?timeout=60&state=" + state, "");
  }

  /** A program may speak before its Machine counts as started. */
  private void awaitUp(String machine) throws Exception {
    become(machine, "started");
    Await.until(() -> log("app").contains("up"));
  }

  private List<JsonNode> exits(String machine) throws Exception {
    var exits = new ArrayList<JsonNode>();
    for (var event : ask("GET", machine + "/events?limit=50", "")) {
      if (event.path("type").asText().equals("exit")) exits.add(0, event.path("request"));
    }
    return exits;
  }

  private List<String> log(String provider) throws Exception {
    var lines = new ArrayList<String>();
    for (var line : ask("GET", "/api/v1/apps/run/logs", "").path("data")) {
      if (line.at("/attributes/meta/event/provider").asText().equals(provider)) {
        lines.add(line.at("/attributes/message").asText());
      }
    }
    return lines;
  }

  @Test
  void null_in_a_map_or_a_list_of_texts_is_the_empty_text_as_in_Go() throws Exception {
    var request =
        Fly.JSON.readTree(
            "{'config':{'image':'sh','env':{'A':null},'init':{'cmd':['-c',"
                .concat("'echo up [$A] [$1]; sleep 600','sh',null]}}}")
                .replace('\'', '"'));
    var machine = MACHINES + "/" + post(request).path("id").asText();

    Await.until(() -> log("app").contains("up [] []"), () -> "it wrote something else");

    var exec = ask("POST", machine + "/exec", "{'command':['printf','<%s>',null]}");
    assertEquals("<>", exec.path("stdout").asText(), exec::toString);
  }

  // ---- Restart policy

  @Test
  void on_failure_tries_so_often_and_counts_each() throws Exception {
    var machine = machine("exit 7", ",'restart':{'policy':'on-failure','max_retries':1}");

    Await.until(() -> exits(machine).size() == 2);
    become(machine, "stopped");

    var exits = exits(machine);
    assertEquals(0, exits.get(0).path("restart_count").asInt());
    assertTrue(exits.get(0).at("/exit_event/restarting").asBoolean());
    assertEquals(1, exits.get(1).path("restart_count").asInt());
    assertFalse(exits.get(1).at("/exit_event/restarting").asBoolean());
    assertEquals(7, exits.get(1).at("/exit_event/exit_code").asInt());
    assertFalse(exits.get(1).at("/exit_event/oom_killed").asBoolean());
    assertFalse(exits.get(1).at("/exit_event/requested_stop").asBoolean());
    assertTrue(log("runner").contains("not restarted again, after 1 restart"));
  }

  @Test
  void always_restarts_whatever_the_code_and_knows_no_most() throws Exception {
    var machine = machine("exit 0", ",'restart':{'policy':'always','max_retries':1}");

    Await.until(() -> exits(machine).size() > 2);

    assertTrue(exits(machine).get(2).at("/exit_event/restarting").asBoolean());
  }

  @Test
  void with_the_policy_no_a_failed_Machine_stops_and_auto_destroy_removes_it() throws Exception {
    var stays = machine("exit 7", ",'restart':{'policy':'no'}");
    var goes = machine("exit 7", ",'restart':{'policy':'no'},'auto_destroy':true");

    become(stays, "stopped");
    become(goes, "destroyed");

    assertEquals(1, exits(stays).size());
    assertFalse(exits(stays).get(0).at("/exit_event/restarting").asBoolean());
  }

  // ---- Stop

  @Test
  void a_stop_sends_its_signal_and_waits_its_time() throws Exception {
    var hears =
        machine("trap 'echo got USR1; exit 5' USR1; echo up; while :; do sleep 0.1; done", "");
    awaitUp(hears);

    ask("POST", hears + "/stop", "{'signal':'SIGUSR1','timeout':'1m'}");
    become(hears, "stopped");

    var exit = exits(hears).get(0).path("exit_event");
    assertEquals(5, exit.path("exit_code").asInt(), exit.toString());
    assertTrue(exit.path("requested_stop").asBoolean());
    assertTrue(log("app").contains("got USR1"), log("app").toString());
  }

  @Test
  void who_does_not_hear_the_signal_of_its_config_in_its_time_is_killed() throws Exception {
    var deaf =
        machine(
            "trap '' TERM; echo up; while :; do sleep 0.1; done",
            ",'stop_config':{'signal':'SIGTERM','timeout':'100ms'}");
    awaitUp(deaf);

    ask("POST", deaf + "/stop", "");
    become(deaf, "stopped");

    assertEquals(137, exits(deaf).get(0).at("/exit_event/exit_code").asInt());
  }

  // ---- Several processes

  @Test
  void of_several_processes_the_log_tells_which_one_spoke_and_which_one_ended() throws Exception {
    var machine =
        machine(
            "not run",
            ",'restart':{'policy':'no'},'processes':["
                + "{'cmd':['-c','echo one; exec sleep 1000']},"
                + "{'cmd':['-c','echo two; exit 3'],'user':'www-data'}]");

    become(machine, "stopped");

    var numbers = new ArrayList<String>();
    for (var line : ask("GET", "/api/v1/apps/run/logs", "").path("data")) {
      var process = line.at("/attributes/meta/process").asInt();
      if (process > 0) numbers.add(process + " " + line.at("/attributes/message").asText());
    }
    assertTrue(numbers.contains("2 two"), numbers.toString());
    var runner = log("runner");
    assertTrue(runner.contains("process 2 ended with code 3"), runner.toString());
    assertTrue(runner.toString().contains("user www-data"), runner.toString());
    assertEquals(3, exits(machine).get(0).at("/exit_event/exit_code").asInt());
  }

  // ---- Files

  @Test
  void a_file_is_there_with_its_content_and_its_mode_a_secret_one_too() throws Exception {
    ask("POST", "/v1/apps/run/secrets/HELLO", "{'value':'aGVsbG8gZnJv\\nbSBzZWNyZXQK\\n'}");
    machine(
        "cat /etc/fly/plain /etc/fly/secret; ls -l /etc/fly/secret; exec sleep 1000",
        ",'files':[{'guest_path':'/etc/fly/plain','raw_value':'cGxhaW4K'},"
            + "{'guest_path':'/etc/fly/secret','secret_name':'HELLO','mode':256}]");

    Await.until(() -> log("app").toString().contains("-r--------"));

    assertEquals(List.of("plain", "hello from secret"), log("app").subList(0, 2));
  }

  @Test
  void a_file_whose_secret_is_not_there_or_not_base64_is_told_and_nothing_runs() throws Exception {
    ask("POST", "/v1/apps/run/secrets/PLAIN", "{'value':'not base64!'}");
    for (var name : List.of("PLAIN", "NONE")) {
      var machine =
          machine(
              "echo ran",
              ",'restart':{'policy':'no'},"
                  + "'files':[{'guest_path':'/etc/x','secret_name':'%s'}]".formatted(name));
      become(machine, "stopped");
    }

    assertTrue(log("runner").contains("the secret PLAIN is to hold a file, but not in base64"));
    assertTrue(log("runner").contains("there is no secret NONE for a file"));
    assertEquals(List.of(), log("app"));
  }

  // ---- Suspend

  @Test
  void an_update_while_it_is_being_suspended_ends_the_old_program() throws Exception {
    var machine = machine(UNTIL_INTERRUPTED, "");
    awaitUp(machine);

    ask("POST", machine + "/suspend", "");
    ask(
        "POST",
        machine,
        "{'config':{'image':'sh','init':{'cmd':['-c','echo new; exec sleep 1000']}}}");
    become(machine, "stopped");
    ask("POST", machine + "/start", "");

    Await.until(() -> log("app").contains("new"));
    assertEquals(1, ask("GET", machine + "/ps", "").size());
    assertFalse(log("app").contains("heard"), "it went on");
  }

  private static final String UNTIL_INTERRUPTED =
      "trap 'echo heard; exit 5' INT; echo up; while :; do sleep 0.1; done";

  @Test
  void what_is_suspended_does_not_go_on_to_be_stopped() throws Exception {
    var machine = machine(UNTIL_INTERRUPTED, "");
    awaitUp(machine);
    ask("POST", machine + "/suspend", "");
    become(machine, "suspended");

    ask("POST", machine + "/stop", "");
    become(machine, "stopped");

    assertEquals(137, exits(machine).get(0).at("/exit_event/exit_code").asInt());
    assertFalse(log("app").contains("heard"), "it went on");
  }

  // ---- Health checks

  private String check(String machine) throws Exception {
    return ask("GET", machine, "").at("/checks/0/status").asText();
  }

  @Test
  void what_a_suspended_Machine_passed_holds_until_it_runs_again() throws Exception {
    var checks = ",'checks':{'alive':{'type':'tcp','port':80,'interval':'100ms','timeout':'10s'}}";
    var machine = machine("exec " + WebApp.command(), checks);
    Await.until(() -> check(machine).equals("passing"));

    ask("POST", machine + "/suspend", "");
    become(machine, "suspended");
    var before = ask("GET", machine, "").at("/checks/0/updated_at").asText();
    TimeUnit.MILLISECONDS.sleep(300);

    assertEquals("passing", check(machine));
    assertEquals(before, ask("GET", machine, "").at("/checks/0/updated_at").asText());
    ask("POST", machine + "/start", "");
    become(machine, "started");
    Await.until(() -> !ask("GET", machine, "").at("/checks/0/updated_at").asText().equals(before));
    assertTrue(log("health").contains("Health check 'alive' on port 80 is now passing"));
  }

  @Test
  void a_check_over_https_verifies_the_certificate_unless_told_to_skip_that() throws Exception {
    var keys = Files.createTempDirectory("fly-test").resolve("keys");
    var keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    var made =
        new ProcessBuilder(
                (keytool
                        + " -genkeypair -alias a -keyalg EC -dname CN=app -storetype PKCS12"
                        + " -storepass changeit -keystore "
                        + keys)
                    .split(" "))
            .redirectErrorStream(true)
            .start();
    var said = new String(made.getInputStream().readAllBytes());
    assertEquals(0, made.waitFor(), said);
    var check =
        "{'type':'http','protocol':'https','port':443,'path':'/health','interval':'100ms',"
            + "'timeout':'10s'%s}";
    var machine =
        machine(
            "exec " + WebApp.command() + " tls " + keys,
            ",'checks':{'any':%s,'known':%s}"
                .formatted(check.formatted(",'tls_skip_verify':true"), check.formatted("")));

    Await.until(() -> check(machine).equals("passing"));
    Await.until(() -> !ask("GET", machine, "").at("/checks/1/output").asText().contains("refused"));

    assertEquals("200 I am well", ask("GET", machine, "").at("/checks/0/output").asText());
    Await.until(() -> ask("GET", machine, "").at("/checks/1/output").asText().contains("PKIX"));
    assertEquals("critical", ask("GET", machine, "").at("/checks/1/status").asText());
    Files.delete(keys);
    Files.delete(keys.getParent());
  }

  @Test
  void the_wrap_of_an_MCP_server_is_checked_too_while_it_runs() throws Exception {
    var request =
        """
        {"config":{"image":"flyio/mcp","init":{"cmd":["cat"]},"services":[{"protocol":"tcp",
        "internal_port":8080,"ports":[{"port":443,"handlers":["tls","http"]}],"checks":[
        {"type":"http","path":"/","interval":"100ms"},{"type":"tcp","interval":"100ms"}]}]}}\
        """;
    var machine = MACHINES + "/" + post(Fly.JSON.readTree(request)).path("id").asText();

    Await.until(() -> ask("GET", machine, "").at("/checks/1/status").asText().equals("passing"));
    Await.until(() -> check(machine).equals("passing"));

    assertTrue(ask("GET", machine, "").at("/checks/0/output").asText().startsWith("200"));
    ask("POST", machine + "/stop", "");
    become(machine, "stopped");
    assertEquals(0, ask("GET", machine, "").path("checks").size());
  }

  @Test
  void ps_tells_where_a_process_listens_and_sorts() throws Exception {
    var machine =
        machine(
            "sleep 1000 & cd /tmp; exec " + WebApp.command(),
            ",'checks':{'alive':{'type':'tcp','port':80}}");
    Await.until(() -> check(machine).equals("passing"));

    var byMemory = ask("GET", machine + "/ps?sort_by=rss&order=desc", "");

    assertEquals(2, byMemory.size());
    assertTrue(byMemory.at("/1/command").asText().contains("sleep 1000"), byMemory.toString());
    if (Files.exists(Path.of("/proc/self/stat"))) {
      assertTrue(byMemory.at("/0/rss").asLong() > byMemory.at("/1/rss").asLong());
      assertEquals("/tmp", byMemory.at("/0/directory").asText());
      assertEquals("tcp", byMemory.at("/0/listen_sockets/0/proto").asText());
      var address = byMemory.at("/0/listen_sockets/0/address").asText();
      assertTrue(address.matches(".*:\\d+"), address);
    }
    for (var wrong : List.of("sort_by=colour", "sort_by=pid&order=up")) {
      assertEquals(400, send("GET", machine + "/ps?" + wrong, "").statusCode());
    }
  }

  // ---- exec

  @Test
  void an_exec_that_leaves_something_behind_does_not_wait_for_it() throws Exception {
    var machine = machine("exec sleep 1000", "");
    become(machine, "started");

    for (var streams : List.of("", ">/dev/null 2>&1")) {
      var answer = send("POST", machine + "/exec", "{'cmd':'sleep 1000 " + streams + "& echo $!'}");
      assertEquals(200, answer.statusCode(), answer.body());
      var pid = Fly.JSON.readTree(answer.body()).path("stdout").asText().strip();

      var lives = ask("POST", machine + "/exec", "{'cmd':'kill -0 " + pid + "'}");
      assertEquals(0, lives.path("exit_code").asInt(), lives.toString());
    }
  }

  @Test
  void an_exec_need_not_read_its_stdin_and_its_time_is_kept() throws Exception {
    var machine = machine("exec sleep 1000", "");
    become(machine, "started");

    var deaf = "{'cmd':'echo deaf','stdin':'" + "x".repeat(1_000_000) + "'}";
    var answer = send("POST", machine + "/exec", deaf);
    var late = send("POST", machine + "/exec", "{'cmd':'sleep 1000','timeout':1}");

    assertEquals("deaf\n", Fly.JSON.readTree(answer.body()).path("stdout").asText());
    assertEquals(408, late.statusCode(), late.body());
  }

  @Test
  void an_exec_or_a_signal_that_Fly_does_not_take_is_400() throws Exception {
    var machine = machine("exec sleep 1000", "");
    become(machine, "started");

    for (var wrong :
        List.of(
            "{}", "{'command':[1]}", "{'cmd':'ls','timeout':'soon'}", "{'cmd':'ls','stdin':1}")) {
      assertEquals(400, send("POST", machine + "/exec", wrong).statusCode(), wrong);
    }
    for (var wrong : List.of("{}", "{'signal':'SIGSTOP'}", "{'signal':'no signal'}")) {
      assertEquals(400, send("POST", machine + "/signal", wrong).statusCode(), wrong);
    }
    for (var wrong : List.of("[]", "{'signal':'SIGABRT'}", "{'timeout':'soon'}")) {
      assertEquals(400, send("POST", machine + "/stop", wrong).statusCode(), wrong);
    }
    become(machine, "started");
  }

  @Test
  void a_config_that_could_not_be_stopped_or_restarted_is_400() throws Exception {
    for (var wrong :
        List.of(
            "'stop_config':{'timeout':'soon'}",
            "'stop_config':{'timeout':'301s'}",
            "'stop_config':{'signal':'TERM -1'}",
            "'stop_config':[]",
            "'restart':{'max_retries':'many'}",
            "'restart':{'max_retries':-1}",
            "'checks':{'x':{'type':'tcp','kind':'liveness'}}",
            "'checks':{'x':{'type':'http','protocol':'gopher'}}",
            "'processes':[{'env_from':[{'env_var':'A','field_ref':'colour'}]}]",
            "'processes':[{'secrets':[{'name':'A'}]}]")) {
      var answer = send("POST", MACHINES, "{'config':{'image':'sh'," + wrong + "}}");
      assertEquals(400, answer.statusCode(), wrong + ": " + answer.body());
    }
  }

  // ---- What a killed sandbox leaves

  @Test
  void what_a_killed_sandbox_has_left_goes_at_the_next_start_and_nothing_else() throws Exception {
    var all = Path.of(System.getProperty("java.io.tmpdir"));
    var dead = Files.createTempDirectory("fly-sandbox-");
    Files.createDirectories(dead.resolve("volumes/vol_1"));
    var program = new ProcessBuilder("sleep", "1000").start();
    var stranger = new ProcessBuilder("sleep", "1000").start();
    var noted = Files.createDirectories(dead.resolve("machines/0123456789abcd"));
    var start = program.info().startInstant().orElseThrow().toEpochMilli();
    Files.writeString(noted.resolve("process-" + program.pid()), "" + start);
    Files.writeString(noted.resolve("process-" + stranger.pid()), "" + (start - 3_600_000));
    var deadLock = Files.createFile(all.resolve(dead.getFileName() + ".lock"));
    var living = Files.createTempDirectory("fly-sandbox-");
    var livingLock = all.resolve(living.getFileName() + ".lock");
    try (var channel =
            FileChannel.open(livingLock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        var held = channel.lock();
        var other = SandboxServer.start(SandboxConfig.onPort(0))) {
      assertTrue(held.isValid());
      assertFalse(Files.exists(dead));
      assertFalse(Files.exists(deadLock));
      assertTrue(Files.exists(living));
      Await.exit(program, () -> "a program that it has left");
      assertTrue(stranger.isAlive(), "another process has its number by now");
    } finally {
      program.destroyForcibly();
      stranger.destroyForcibly();
      Files.delete(living);
      Files.deleteIfExists(livingLock);
    }
  }

  @Test
  void a_second_sandbox_of_the_same_JVM_leaves_the_first_ones_lock_alone() throws Exception {
    assumeTrue(Files.exists(Path.of("/proc/locks")), "only Linux tells who holds locks");
    var before = locks();
    assertTrue(before > 0, "the first one holds a lock");

    SandboxServer.start(SandboxConfig.onPort(0)).close();

    assertEquals(before, locks());
  }

  /** How many this process holds. */
  private static long locks() throws Exception {
    var mine = " " + ProcessHandle.current().pid() + " ";
    return Files.readAllLines(Path.of("/proc/locks")).stream()
        .filter(line -> line.contains(" POSIX ") && line.contains(mine))
        .count();
  }
}
