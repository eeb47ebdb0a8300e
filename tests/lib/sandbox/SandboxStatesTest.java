import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What can be done to a Machine in each of its states, and what becomes of it. */
class SandboxStatesTest {
  /**
   * What each action answers in each state. Where nobody has seen what Fly.io does, it is 412;
   * {@code fly-sandbox --guesses} names what may well be otherwise.
   */
  private static final String TABLE =
      """
      action created preparing starting started stopping stopped suspended replacing failed destroyed
      start    200     412       409      200     412      200     200       412       200    404
      stop     200     200       200      200     200      200     200       412       200    404
      suspend  412     412       412      200     412      412     200       412       412    404
      restart  412     412       412      200     412      412     412       412       412    404
      update   200     200       200      200     200      200     200       409       200    404
      cordon   200     200       200      200     200      200     200       200       200    404
      lease    201     201       201      201     201      201     201       201       201    404
      metadata 204     204       204      204     204      204     204       204       204    404
      signal   412     412       412      200     412      412     412       412       412    404
      exec     412     412       412      200     412      412     412       412       412    404
      delete   200     200       412      412     412      200     200       412       200    404
      force    200     200       200      200     200      200     200       200       200    404
      """;

  private static final HttpClient HTTP = Http.CLIENT;
  private static SandboxServer sandbox;

  @BeforeAll
  static void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    sandbox.guesses().choose("gave-up", "failed");
    api("POST", "/apps", "{'name': 'shop', 'org_slug': 'personal'}");
  }

  @AfterAll
  static void stop() {
    sandbox.close();
  }

  private static HttpResponse<String> api(String method, String path, String body)
      throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + "/v1" + path))
            .timeout(Await.LIMIT)
            .header("Authorization", "Bearer " + sandbox.token())
            .method(method, BodyPublishers.ofString(body.replace('\'', '"')));
    return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode json(HttpResponse<String> answer) throws Exception {
    return Fly.JSON.readTree(answer.body());
  }

  private static String error(HttpResponse<String> answer) throws Exception {
    return json(answer).path("error").asText();
  }

  /** Its path. */
  private static String machine(String config, String more) throws Exception {
    var body = "{'config': {%s}%s}".formatted(config, more);
    return "/apps/shop/machines/"
        + json(api("POST", "/apps/shop/machines", body)).path("id").asText();
  }

  private static void await(String machine, String state) throws Exception {
    var answer = api("GET", machine + "/wait?timeout=60&state=" + state, "");
    assertEquals(200, answer.statusCode(), answer.body());
  }

  private static void awaitLine(String machine, String line) throws Exception {
    var id = machine.substring(machine.lastIndexOf('/') + 1);
    var logs = URI.create(sandbox.url() + "/api/v1/apps/shop/logs?instance=" + id);
    var request =
        HttpRequest.newBuilder(logs).header("Authorization", "Bearer " + sandbox.token()).build();
    var text = HttpResponse.BodyHandlers.ofString();
    Await.until(
        () -> HTTP.send(request, text).body().contains('"' + line + '"'),
        () -> "it does not say " + line);
  }

  private static final String NGINX = "'image': 'nginx'";
  private static final String PROGRAM = "'image': 'flyio/mcp', 'init': {'exec': ['cat']}";

  /** It does not hear what ends others, and has its time to do so. */
  private static final String DEAF =
      "'image': 'flyio/mcp', 'stop_config': {'timeout': '300s'}, 'init': {'exec': ['sh', '-c',"
          + " 'trap \\\"\\\" INT TERM; echo deaf; while :; do sleep 1; done']}";

  private static final String BROKEN =
      "'image': 'flyio/mcp', 'restart': {'policy': 'on-failure', 'max_retries': 1},"
          + " 'init': {'exec': ['false']}";

  /** A Machine in this state, which stays in it; its path. */
  private static String in(String state) throws Exception {
    switch (state) {
      case "created" -> {
        return machine(NGINX, ", 'skip_launch': true");
      }
      case "preparing" -> {
        sandbox.faults().latency("create=10m");
        return machine(NGINX, "");
      }
      case "starting" -> {
        sandbox.faults().latency("start=10m");
        return machine(NGINX, "");
      }
      case "failed" -> {
        var machine = machine(BROKEN, "");
        await(machine, "failed");
        return machine;
      }
      default -> {
        var deaf = List.of("stopping", "replacing").contains(state);
        var machine = machine(deaf ? DEAF : state.equals("started") ? PROGRAM : NGINX, "");
        await(machine, "started");
        if (deaf) awaitLine(machine, "deaf"); // its trap is set
        switch (state) {
          case "stopping", "stopped" -> api("POST", machine + "/stop", "");
          case "suspended" -> api("POST", machine + "/suspend", "");
          case "replacing" -> api("POST", machine, "{'config': {" + DEAF + "}}");
          case "destroyed" -> api("DELETE", machine + "?force=true", "");
          default -> {}
        }
        if (!deaf) await(machine, state);
        return machine;
      }
    }
  }

  private static HttpResponse<String> act(String action, String machine) throws Exception {
    return switch (action) {
      case "update" -> api("POST", machine, "{'config': {" + NGINX + "}}");
      case "metadata" -> api("POST", machine + "/metadata/key", "{'value': 'v'}");
      case "signal" -> api("POST", machine + "/signal", "{'signal': 'SIGUSR1'}");
      case "exec" -> api("POST", machine + "/exec", "{'cmd': 'true'}");
      case "delete" -> api("DELETE", machine, "");
      case "force" -> api("DELETE", machine + "?force=true", "");
      default -> api("POST", machine + "/" + action, "");
    };
  }

  @Test
  @Tag("slow")
  void what_an_action_answers_depends_on_the_state() throws Exception {
    var rows = TABLE.lines().map(line -> line.split(" +")).toList();
    var wrong = new ArrayList<String>();
    var checked = 0;

    for (var column = 1; column < rows.get(0).length; column++) {
      var state = rows.get(0)[column];
      String machine = null;
      for (var row : rows.subList(1, rows.size())) {
        if (machine == null) machine = in(state);
        sandbox.faults().latency("");
        var answer = act(row[0], machine);
        checked++;
        var status = String.valueOf(answer.statusCode());
        if (!status.equals(row[column])) {
          wrong.add("%s of %s: %s %s".formatted(row[0], state, status, answer.body()));
        }
        if (answer.statusCode() >= 400) {
          assertFalse(error(answer).isEmpty(), answer.body());
          continue; // it is still as it was
        }
        api("DELETE", machine + "?force=true", "");
        machine = null;
      }
    }

    assertEquals(List.of(), wrong);
    assertEquals(120, checked);
  }

  @Test
  void a_refusal_says_what_Fly_io_says() throws Exception {
    assertEquals(
        "failed_precondition: unable to start machine from current state: 'created'",
        error(act("start", in("preparing"))));
    assertEquals("aborted: machine still attempting to start", error(act("start", in("starting"))));
    sandbox.faults().latency("");
    assertEquals(
        "failed_precondition: unable to start machine from current state: 'stopping'",
        error(act("start", in("stopping"))));
    var replacing = in("replacing");
    assertEquals(
        "failed_precondition: machine getting replaced, refusing to start",
        error(act("start", replacing)));
    assertEquals(
        "aborted: machine update failed due to concurrent update", error(act("update", replacing)));
    assertEquals("failed_precondition: machine not running", error(act("exec", in("stopped"))));
    assertEquals("not_found: machine not found", error(act("stop", in("destroyed"))));
  }

  @Test
  void while_its_image_is_fetched_a_Machine_is_created_and_then_starts_by_itself()
      throws Exception {
    sandbox.faults().latency("create=4s");

    var machine = machine(NGINX, "");
    sandbox.faults().latency("");

    assertEquals("created", json(api("GET", machine, "")).path("state").asText());
    await(machine, "started");
  }

  @Test
  void an_update_replaces_all_and_keeps_what_is_down_down() throws Exception {
    var machine = machine(NGINX + ", 'env': {'A': '1'}, 'unheard_of': {'x': [1]}", "");
    await(machine, "started");
    var before = json(api("GET", machine, ""));
    assertEquals("[1]", before.at("/config/unheard_of/x").toString());

    var updated =
        json(
            api(
                "POST",
                machine,
                "{'name': 'other', 'region': 'fra', 'config': {"
                    + NGINX
                    + ", 'env': {'B': '2'}}}"));

    assertEquals("{\"B\":\"2\"}", updated.at("/config/env").toString());
    assertTrue(updated.at("/config/unheard_of").isMissingNode());
    assertEquals(before.path("name"), updated.path("name"));
    assertEquals(before.path("region"), updated.path("region"));
    var version = updated.path("instance_id").asText();
    assertFalse(version.equals(before.path("instance_id").asText()));
    await(machine, "started&version=" + version);
    var old = "/wait?timeout=1&state=stopped&instance_id=" + before.path("instance_id").asText();
    var superseded = api("GET", machine + old, "");
    assertEquals(408, superseded.statusCode());
    assertTrue(error(superseded).endsWith("currently replaced"), error(superseded));

    api("POST", machine, "{'skip_launch': true, 'config': {" + NGINX + "}}");
    await(machine, "stopped");
    api("POST", machine, "{'config': {" + NGINX + "}}");
    assertEquals("stopped", json(api("GET", machine, "")).path("state").asText());
    var versions = json(api("GET", machine + "/versions", ""));
    assertEquals(4, versions.size());
    assertEquals("1", versions.at("/3/user_config/env/A").asText());
    var stale = api("POST", machine, "{'current_version': 'x', 'config': {" + NGINX + "}}");
    assertEquals(412, stale.statusCode());
  }

  @Test
  void an_update_lets_its_volume_go_and_takes_it_back_but_takes_no_other() throws Exception {
    var volumes = "/apps/shop/volumes";
    var one = json(api("POST", volumes, "{'name': 'one', 'region': 'iad'}")).path("id").asText();
    var two = json(api("POST", volumes, "{'name': 'two', 'region': 'iad'}")).path("id").asText();
    var mount = NGINX + ", 'mounts': [{'volume': '%s', 'path': '/data'}]";
    var machine = machine(mount.formatted(one), "");
    await(machine, "started");

    var other = api("POST", machine, "{'config': {" + mount.formatted(two) + "}}");
    assertEquals(400, other.statusCode(), other.body());
    var version = json(api("POST", machine, "{'config': {" + NGINX + "}}")).path("instance_id");
    await(machine, "started&version=" + version.asText());
    assertTrue(json(api("GET", volumes + "/" + one, "")).path("attached_machine_id").isNull());
    var back = api("POST", machine, "{'config': {" + mount.formatted("two") + "}}");

    assertEquals(200, back.statusCode(), back.body());
    var holder = json(api("GET", volumes + "/" + two, "")).path("attached_machine_id").asText();
    assertEquals(json(back).path("id").asText(), holder);
  }

  @Test
  void waits_take_several_states_and_go_on_from_an_event() throws Exception {
    var machine = machine(NGINX, "");
    await(machine, "started");
    var first = json(api("GET", machine + "/wait?state=started,stopped", ""));
    assertEquals("started", first.path("state").asText());

    var event = first.path("event_id").asText();
    var later = "/wait?timeout=%d&state=started&state=stopped&from_event_id=" + event;
    assertEquals(408, api("GET", machine + later.formatted(1), "").statusCode());
    api("POST", machine + "/stop", "");
    var second = json(api("GET", machine + later.formatted(60), ""));

    assertEquals("stopped", second.path("state").asText());
    assertTrue(second.path("event_id").asText().compareTo(event) > 0, second.toString());
    assertEquals(200, api("GET", machine + "/wait?state=settled", "").statusCode());
    var events = json(api("GET", machine + "/events", "")).findValuesAsText("id");
    var newestFirst = new ArrayList<>(events);
    newestFirst.sort((a, b) -> b.compareTo(a));
    assertEquals(newestFirst, events);
    for (var wrong : List.of("state=asleep", "timeout=0", "timeout=61", "timeout=1m")) {
      assertEquals(400, api("GET", machine + "/wait?" + wrong, "").statusCode(), wrong);
    }
  }

  @Test
  void autostop_goes_in_as_a_word_and_comes_back_as_Fly_io_gives_it() throws Exception {
    for (var pair : List.of("'off' false", "'stop' true", "'suspend' \"suspend\"", "true true")) {
      var words = pair.split(" ");
      var services = ", 'services': [{'internal_port': 80, 'autostop': " + words[0] + "}]";

      var machine = json(api("GET", machine(NGINX + services, ""), ""));

      assertEquals(words[1], machine.at("/config/services/0/autostop").toString());
    }
  }

  @Test
  void a_size_is_short_for_a_guest_and_an_image_may_have_a_digest() throws Exception {
    var guest = json(api("GET", machine(NGINX + ", 'size': 'performance-2x'", ""), ""));
    assertEquals(
        "{\"cpu_kind\":\"performance\",\"cpus\":2,\"memory_mb\":4096}",
        guest.at("/config/guest").toString());
    for (var size : List.of("huge", "shared-cpu-3x", "performance-0x", "shared-cpu-99x")) {
      var config = "{'config': {" + NGINX + ", 'size': '" + size + "'}}";
      assertEquals(400, api("POST", "/apps/shop/machines", config).statusCode(), size);
    }
    var ref = json(api("GET", machine("'image': 'ghcr.io/a/b@sha256:c0ffee'", ""), ""));
    assertEquals("a/b", ref.at("/image_ref/repository").asText());
    assertEquals("sha256:c0ffee", ref.at("/image_ref/digest").asText());
  }
}
