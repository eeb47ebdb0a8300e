import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page at / shows the sandbox live, and nothing that is secret. */
class SandboxPageTest {
  private final HttpClient http = Http.CLIENT;
  private SandboxServer sandbox;

  @BeforeEach
  void start() throws Exception {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
    call("POST", "/v1/apps", "{\"name\": \"shown\", \"org_slug\": \"personal\"}");
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private HttpResponse<String> send(String method, String path, String body, String... headers)
      throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(sandbox.url() + path))
            .timeout(Await.LIMIT)
            .header("Authorization", "Bearer " + sandbox.token())
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (headers.length > 0) request.headers(headers);
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode call(String method, String path, String body) throws Exception {
    var answer = send(method, path, body);
    assertTrue(answer.statusCode() < 300, answer.body());
    return Fly.JSON.readTree(answer.body());
  }

  private JsonNode machine(String config) throws Exception {
    var request = "{\"skip_launch\": true, \"config\": %s}".formatted(config);
    return call("POST", "/v1/apps/shown/machines", request);
  }

  /** Reads events until one of this name has data that is wanted; returns it. */
  private String event(String name, Predicate<String> wanted) throws Exception {
    return event("", name, wanted);
  }

  private String event(String query, String name, Predicate<String> wanted) throws Exception {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var request =
          ("GET /sandbox/events?%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                  + "Authorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n")
              .formatted(query, sandbox.port(), sandbox.token());
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var lines =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
      var event = "";
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("event: ")) event = line.substring(7);
        if (!line.startsWith("data: ") || !event.equals(name)) continue;
        if (wanted.test(line.substring(6))) return line.substring(6);
      }
      throw new AssertionError("the stream ended without " + name);
    }
  }

  /** The request that the page shows with this text. It is recorded after its answer. */
  private JsonNode request(String text) throws Exception {
    for (var each : Fly.JSON.readTree(event("requests", data -> data.contains(text)))) {
      if (each.toString().contains(text)) return each;
    }
    throw new AssertionError("no request has " + text);
  }

  @Test
  void it_runs_its_own_script_alone_and_stands_in_no_frame() throws Exception {
    var page = send("GET", "/", null);

    var policy = page.headers().firstValue("Content-Security-Policy").orElseThrow();
    var script = Pattern.compile("(?s)<script>(.*?)</script>").matcher(page.body());
    assertTrue(script.find());
    var digest =
        MessageDigest.getInstance("SHA-256")
            .digest(script.group(1).getBytes(StandardCharsets.UTF_8));
    var hash = "script-src 'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
    assertTrue(policy.contains(hash), policy);
    assertTrue(policy.startsWith("default-src 'none'"), policy);
    assertTrue(policy.contains("frame-ancestors 'none'"), policy);
    assertFalse(policy.contains("unsafe"), policy);
    assertEquals("DENY", page.headers().firstValue("X-Frame-Options").orElseThrow());
    assertFalse(
        Pattern.compile("<(?!a )[^>]+(src|href)=\"(https?:)?//").matcher(page.body()).find());
  }

  @Test
  void pages_of_other_origins_see_nothing_and_do_nothing() throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    var start = "/v1/apps/shown/machines/" + id + "/start";

    for (var foreign : List.of("http://evil.example", "http://localhost:1", "null")) {
      assertEquals(403, send("GET", "/sandbox/events", null, "Origin", foreign).statusCode());
    }
    for (var foreign : List.of("http://evil.example", "null")) {
      assertEquals(403, send("POST", start, "{}", "Origin", foreign).statusCode());
    }
    assertEquals(
        403, send("GET", "/sandbox/events", null, "Sec-Fetch-Site", "same-site").statusCode());
    var state = call("GET", "/v1/apps/shown/machines/" + id, null).path("state").asText();
    assertEquals("created", state);
  }

  @Test
  void a_viewer_hears_of_what_is_there_and_of_each_change() throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();

    var first = Fly.JSON.readTree(event("world", data -> true));
    call("POST", "/v1/apps/shown/machines/" + id + "/start", "{}");
    var later = event("world", data -> data.contains("\"state\":\"started\""));

    assertEquals(id, first.at("/apps/0/machines/0/id").asText());
    assertTrue(later.contains(id));
  }

  @Test
  void a_Machine_comes_with_its_config_and_events_only_when_they_are_looked_at() throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    var other = machine("{\"image\": \"nginx\"}").path("id").asText();

    var world = Fly.JSON.readTree(event("open=%s,%s".formatted(id, id), "world", data -> true));

    for (var machine : world.at("/apps/0/machines")) {
      assertEquals(machine.path("id").asText().equals(id), machine.has("config"));
      assertEquals(machine.path("id").asText().equals(id), machine.has("events"));
    }
    assertTrue(world.toString().contains(other));
  }

  @Test
  void the_log_follows_all_Machines_or_those_of_the_filter() throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    var other = machine("{\"image\": \"nginx\"}").path("id").asText();
    for (var each : List.of(id, other)) {
      call("POST", "/v1/apps/shown/machines/" + each + "/start", "{}");
      call("GET", "/v1/apps/shown/machines/" + each + "/wait?state=started", null);
    }

    var all = Fly.JSON.readTree(event("log", data -> data.contains("started")));
    var one = event("filter=" + id, "log", data -> data.contains("started"));

    assertEquals("shown", all.at("/0/app").asText());
    assertEquals(2, new HashSet<>(all.findValuesAsText("machine")).size());
    var names = new HashSet<>(Fly.JSON.readTree(one).findValuesAsText("machine"));
    assertEquals(1, names.size());
  }

  @Test
  void a_request_comes_with_its_curl_and_the_tokens_place_in_it() throws Exception {
    machine("{\"image\": \"nginx\", \"env\": {\"COLOR\": \"it's blue\"}}");

    var request = request("COLOR");

    assertEquals("POST", request.path("method").asText());
    assertEquals(200, request.path("status").asInt());
    var curl = request.path("curl").asText();
    assertTrue(curl.contains("-H \"Authorization: Bearer ${FLY_API_TOKEN}\""), curl);
    assertTrue(curl.contains("\"" + sandbox.url() + "/v1/apps/shown/machines\""), curl);
    assertTrue(curl.contains("it'\\''s blue"), curl);
  }

  @Test
  void a_request_to_an_app_by_its_name_is_shown_too_with_a_curl_that_leads_there()
      throws Exception {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      var head = "GET /a?b=1 HTTP/1.1\r\nHost: shown.localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      socket.getInputStream().readAllBytes();
    }

    var curl = request("/edge/").path("curl").asText();

    assertTrue(curl.contains("\"" + sandbox.url() + "/edge/shown/a?b=1\""), curl);
  }

  @Test
  void a_path_from_outside_is_no_command_for_the_shell_that_its_curl_is_pasted_into()
      throws Exception {
    try (var socket = new Socket("127.0.0.1", sandbox.port())) {
      socket.setSoTimeout(Await.LIMIT_MS);
      var request =
          "GET /v1/$(touch%20x)?a=$(id) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      socket.getInputStream().readAllBytes();
    }

    var curl = request("touch").path("curl").asText();

    assertTrue(curl.contains("/v1/%24%28touch%20x%29?a=%24%28id%29"), curl);
  }

  @Test
  void no_secret_is_on_it() throws Exception {
    call("POST", "/v1/apps/shown/secrets/DB_URL", "{\"value\": \"hush-1\"}");
    var machine =
        machine(
            "{\"image\": \"nginx\", \"env\": {\"API_TOKEN\": \"hush-2\", \"DSN\":"
                + " \"pg://u:hush-3@h\"}, \"init\": {\"cmd\": [\"run\", \"--password\", \"hush-4\","
                + " \"--token=hush-5\"]}, \"metadata\": {\"same\": \"hush-1 and hush-2\"},"
                + " \"files\": [{\"guest_path\": \"/k\", \"raw_value\": \"aHVzaC02\"}]}");
    send("GET", "/v1/apps/shown?access_token=hush-7", null, "Authorization", "Bearer hush-8");
    var query =
        "mutation { setSecrets(input: {secrets: [{key: \\\"A\\\", value: \\\"hush-9\\\"}]}) }";
    send(
        "POST",
        "/graphql",
        "{\"query\": \"" + query + "\"}",
        "Authorization",
        "Bearer " + sandbox.token());

    var open = "open=" + machine.path("id").asText();
    var world = event(open, "world", data -> data.contains("API_TOKEN"));
    var requests = event("requests", data -> data.contains("/graphql"));

    for (var shown : List.of(world, requests)) {
      assertFalse(shown.contains("hush"), shown);
      assertFalse(shown.contains("aHVzaC02"), shown);
      assertFalse(shown.contains(sandbox.token()), shown);
    }
    assertTrue(world.contains("DB_URL"), "names are no secret");
  }

  @Test
  void it_remembers_the_last_two_hundred_requests_and_of_a_large_body_its_size() throws Exception {
    for (int i = 0; i < 230; i++) call("GET", "/v1/apps/shown?n=" + i, null);
    var large = "x".repeat(20_000);
    machine("{\"image\": \"nginx\", \"env\": {\"LARGE\": \"" + large + "\"}}");
    Await.until(() -> event("requests", data -> true).contains("bytes)"));

    var all = Fly.JSON.readTree(event("requests", data -> true));

    assertEquals(200, all.size());
    var curl = all.get(199).path("curl").asText();
    assertTrue(curl.matches("(?s).*-d '\\(20\\d\\d\\d bytes\\)'"), curl);
  }

  @Test
  void only_so_many_look_at_once_and_the_next_one_takes_the_place_of_the_first() throws Exception {
    for (int i = 0; i < 40; i++) assertFalse(event("world", data -> true).isEmpty());
  }

  @Test
  void of_many_Machines_it_shows_the_newest_of_each_app_and_finds_the_others() throws Exception {
    var oldest = machine("{\"image\": \"nginx\"}").path("id").asText();
    for (int i = 0; i < 229; i++) machine("{\"image\": \"nginx\"}");
    call("POST", "/v1/apps", "{\"name\": \"other\", \"org_slug\": \"personal\"}");
    call("POST", "/v1/apps/other/machines", "{\"config\": {\"image\": \"my/web:2\"}}");

    var all = Fly.JSON.readTree(event("world", data -> true));
    var one = Fly.JSON.readTree(event("filter=" + oldest, "world", data -> true));
    var web = Fly.JSON.readTree(event("filter=MY/WEB", "world", data -> true));

    assertEquals(231, all.path("machine_count").asInt());
    assertEquals("other", all.at("/apps/0/name").asText());
    assertEquals(1, all.at("/apps/0/machines").size());
    assertEquals(199, all.at("/apps/1/machines").size());
    assertEquals(31, all.at("/apps/1/machines_left").asInt());
    assertEquals(230, all.at("/apps/1/states/created").asInt());
    assertFalse(all.toString().contains(oldest));
    assertEquals(List.of(oldest), one.at("/apps/0/machines").findValuesAsText("id"));
    assertEquals(231, one.path("machine_count").asInt());
    assertEquals("other", web.at("/apps/0/name").asText());
    assertEquals(1, web.path("apps").size());
  }

  // ---- In a browser

  @Test
  @Tag("slow")
  void a_browser_shows_it_live_and_asks_nobody_else(@TempDir Path folder) throws Exception {
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("document.body.innerText.includes('1 app, 0 Machines')");

      var id = machine("{\"image\": \"nginx\"}").path("id").asText();

      browser.await(
          "!!document.querySelector('[data-app=shown] [data-machine=\"%s\"]')".formatted(id));
      browser.await("document.body.innerText.includes('POST /v1/apps/shown/machines')");
      for (var address : browser.requested()) {
        assertTrue(address.startsWith(sandbox.url()) || address.startsWith("data:"), address);
      }
    }
  }

  @Test
  @Tag("slow")
  void what_does_not_change_stays_as_it_is_and_a_filter_leaves_what_is_wanted(@TempDir Path folder)
      throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      var first = "document.querySelector('[data-machine=\"%s\"]')".formatted(id);
      browser.await("!!" + first);
      browser.evaluate(
          "window.first = %s; getSelection().selectAllChildren(first)".formatted(first));

      var other = machine("{\"image\": \"other\"}").path("id").asText();

      browser.await("!!document.querySelector('[data-machine=\"%s\"]')".formatted(other));
      assertTrue(browser.evaluate(first + " === window.first").asBoolean());
      assertTrue(browser.evaluate("getSelection().toString()").asText().contains(id));

      browser.evaluate("document.getElementById('filter').focus()");
      browser.type(other);

      browser.await("document.querySelectorAll('[data-machine]').length == 1");
      assertFalse(browser.evaluate("!!" + first).asBoolean());
      browser.await("!document.querySelector('[data-request]:not([hidden])')");
    }
  }

  @Test
  @Tag("slow")
  void the_keyboard_is_enough(@TempDir Path folder) throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      var machine = "document.querySelector('[data-machine=\"%s\"]')".formatted(id);
      browser.await("!!" + machine);

      tabTo(browser, id + " power");
      browser.press("Enter");
      browser.await(machine + ".querySelector('.state').innerText == 'started'");
      assertEquals(id + " power", focused(browser), "the focus stays when the page changes");
      browser.evaluate("document.getElementById('filter').focus()");
      tabTo(browser, id + " details");
      browser.press("Enter");
      browser.await("!!document.querySelector('[data-details=\"%s\"] pre')".formatted(id));
      assertEquals(id + " details", focused(browser));

      browser.press("/");
      assertEquals("filter", browser.evaluate("document.activeElement.id").asText());
    }
  }

  @Test
  @Tag("slow")
  void the_guide_shows_what_is_done_and_the_next_step(@TempDir Path folder) throws Exception {
    var done = "[...document.querySelectorAll('#steps .done')].map(step => step.innerText).at(-1)";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await(done + " == 'Create your app'");
      browser.await("document.querySelector('#steps .next').innerText == 'Create IP addresses'");

      call("POST", "/v1/apps/shown/ip_assignments", "{\"type\": \"v6\"}");
      call("POST", "/v1/apps/shown/volumes", "{\"name\": \"data\", \"region\": \"iad\"}");

      browser.await("document.querySelector('#steps .next').innerText == 'Create a machine'");
      browser.await("document.querySelector('#step').innerText.includes('fly-create-machine')");
      for (var body : List.of("volume", "machine")) {
        var guide =
            Fly.JSON.readTree(Files.readString(Sh.ROOT.resolve("scripts/guide/" + body + ".json")));
        assertEquals(guide, browser.evaluate(body.toUpperCase(Locale.ROOT)));
      }
    }
  }

  @Test
  @Tag("slow")
  void it_creates_and_destroys_as_the_guide_does(@TempDir Path folder) throws Exception {
    call("DELETE", "/v1/apps/shown?force=true", null);
    var here = "document.querySelector('#step button.main')";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("!!document.querySelector('#step input[name=name]')");
      for (var step : List.of("Create your app", "Create IP addresses", "Create a volume")) {
        browser.evaluate(here + ".click()");
        var done = "[...document.querySelectorAll('#steps .done')].some(s => s.innerText == '%s')";
        browser.await(done.formatted(step));
        browser.await("!!" + here);
      }
      browser.evaluate(here + ".click()");
      browser.await("document.querySelectorAll('[data-machine]').length == 1");
      var app = browser.evaluate("document.querySelector('[data-app]').dataset.app").asText();
      var machine = call("GET", "/v1/apps/" + app + "/machines", null).get(0);
      assertEquals("flyio/mcp:latest", machine.at("/config/image").asText());
      assertEquals(2, call("GET", "/v1/apps/" + app + "/ip_assignments", null).at("/ips").size());

      var destroy = "document.querySelector('[data-focus=\"destroy %s\"]')".formatted(app);
      var once = "(b => { b.click(); return b.innerText; })(%s)".formatted(destroy);
      assertEquals("sure?", browser.evaluate(once).asText());
      assertEquals(1, call("GET", "/v1/apps/" + app + "/machines", null).size());
      browser.press("Escape");
      browser.evaluate("(b => { b.click(); b.click(); })(%s)".formatted(destroy));
      browser.await("document.body.innerText.includes('0 apps, 0 Machines')");
    }
  }

  @Test
  @Tag("slow")
  void the_guide_calls_the_MCP_server_and_shows_what_it_replied(@TempDir Path folder)
      throws Exception {
    var here = "document.querySelector('#step button.main')";
    var step =
        "[...document.querySelectorAll('#steps label')]"
            + ".find(label => label.innerText == 'Accessing the MCP')";
    call("POST", "/v1/apps/shown/machines", server(MCP));
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("document.querySelectorAll('[data-machine]').length == 1");
      browser.evaluate(step + ".click()");
      browser.await("document.querySelector('#step h3').innerText == 'Accessing the MCP'");

      browser.evaluate(here + ".click()");

      browser.await("document.getElementById('said').className == 'refused'");
      var said = browser.evaluate("document.getElementById('said').innerText").asText();
      assertTrue(said.contains("has no IP address"), said);

      call("POST", "/v1/apps/shown/ip_assignments", "{\"type\": \"v6\"}");
      browser.evaluate(here + ".click()");

      var reply = "document.getElementById('reply')?.innerText";
      browser.await(reply + "?.startsWith('small 1.0')");
      assertEquals(
          "small 1.0 has 7 tools: t1, t2, t3, t4, t5, t6 and 1 more.",
          browser.evaluate(reply).asText());
      browser.await(step + ".className == 'done'");
    }
  }

  /** A Machine whose stdio program stands behind flyctl's wrap. */
  private static String server(String program) throws Exception {
    return """
    {"config": {"image": "flyio/mcp:latest", "init": {"cmd": ["sh", "-c", %s]},
    "services": [{"protocol": "tcp", "internal_port": 8080, "autostart": true,
    "ports": [{"port": 443, "handlers": ["http", "tls"]}]}]}}\
    """
        .formatted(Fly.JSON.mapper().writeValueAsString(program));
  }

  private static final String MCP =
      """
      reply() { printf '{"jsonrpc": "2.0", "id": %s, "result": {%s}}\\n' "$1" "$2"; }
      while read -r line; do case $line in
        *'"initialize"'*) reply 0 '"serverInfo": {"name": "small", "version": "1.0"}' ;;
        *'"tools/list"'*)
          reply 1 '"tools": [{"name": "t1"}, {"name": "t2"}, {"name": "t3"}, {"name": "t4"},
            {"name": "t5"}, {"name": "t6"}, {"name": "t7"}]' | tr -d '\\n'; echo ;;
      esac; done
      """;

  @Test
  @Tag("slow")
  void three_hundred_Machines_are_a_bar_of_states_and_the_newest_ten(@TempDir Path folder)
      throws Exception {
    for (int i = 0; i < 300; i++) machine("{\"image\": \"nginx\"}");
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.width(1280);
      browser.await("document.querySelectorAll('[data-machine]').length == 10");
      browser.await("document.querySelector('.bar .created') != null");
      assertTrue(browser.evaluate("document.documentElement.scrollHeight < 1500").asBoolean());

      browser.evaluate("document.querySelector('[data-focus=\"all of shown\"]').click()");
      browser.await("document.querySelectorAll('[data-machine]').length == 200");
      browser.evaluate("document.querySelector('[data-focus=\"app shown\"]').click()");
      browser.await("document.querySelectorAll('[data-machine]').length == 0");
    }
  }

  @Test
  @Tag("slow")
  void a_refusal_stays_until_Escape_and_the_name_can_be_mended(@TempDir Path folder)
      throws Exception {
    call("DELETE", "/v1/apps/shown?force=true", null);
    var name = "document.querySelector('#step input[name=name]')";
    var said = "document.getElementById('said').innerText";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("!!" + name);
      browser.evaluate(name + ".select()");
      browser.type("Bad");
      browser.press("/");
      browser.press("Enter");

      browser.await(said + ".startsWith('Could not create the app: Validation failed')");
      browser.await(name + ".ariaInvalid == 'true'");
      assertEquals("Bad/", browser.evaluate(name + ".value").asText());
      assertEquals("Bad/", browser.evaluate("getSelection().toString()").asText());

      browser.press("Escape");
      assertEquals("", browser.evaluate(said).asText());
      browser.type("good");
      browser.press("Enter");
      browser.await("!!document.querySelector('[data-app=good]')");
      browser.await("document.activeElement == document.querySelector('#step button.main')");
    }
  }

  @Test
  @Tag("slow")
  void the_focus_goes_to_the_nearest_thing_that_is_left(@TempDir Path folder) throws Exception {
    machine("{\"image\": \"nginx\"}");
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    call("POST", "/v1/apps/shown/machines/" + id + "/start", "{}");
    var press = "(b => { b.focus(); b.click(); })(document.querySelector('[data-focus=\"%s\"]'))";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      var state = "document.querySelector('[data-machine=\"%s\"] .state')".formatted(id);
      browser.await(state + "?.innerText == 'started'");

      browser.evaluate(press.formatted(id + " suspend"));
      browser.await(state + ".innerText == 'suspended'");
      assertEquals(id + " details", focused(browser), "the button can no longer be pressed");

      var rows = "[...document.querySelectorAll('[data-machine]')].map(row => row.dataset.machine)";
      var both = browser.evaluate(rows);
      for (var row : both) {
        browser.evaluate(
            press.replace("b.click", "b.click(); b.click").formatted(row.asText() + " destroy"));
        browser.await("!%s.includes('%s')".formatted(rows, row.asText()));
        var last = row == both.get(1);
        assertEquals(last ? "app shown" : both.get(1).asText() + " details", focused(browser));
      }
    }
  }

  @Test
  @Tag("slow")
  void a_double_click_creates_once_and_destroys_nothing(@TempDir Path folder) throws Exception {
    call("POST", "/v1/apps/shown/ip_assignments", "{\"type\": \"v6\"}");
    call("POST", "/v1/apps/shown/volumes", "{\"name\": \"data\", \"region\": \"iad\"}");
    var twice =
        "(b => { b.click(); b.dispatchEvent(new MouseEvent('click', {bubbles: true, detail: 2}));"
            + " return b; })(%s)";
    var counting =
        "window.sent = 0; var real = fetch; fetch = (...a) => { sent++; return real(...a); }";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("document.querySelector('#steps .next')?.innerText == 'Create a machine'");

      browser.evaluate(counting);
      browser.evaluate(twice.formatted("document.querySelector('#step button.main')") + ".title");
      assertEquals(1, browser.evaluate("sent").asInt());
      browser.await("!!document.querySelector('[data-machine]')");

      var destroy = twice.formatted("document.querySelector('[data-focus=\"destroy shown\"]')");
      assertEquals("sure?", browser.evaluate(destroy + ".innerText").asText());
      assertEquals(1, browser.evaluate("sent").asInt());
      browser.press("Escape");
      assertFalse(browser.evaluate("!!document.querySelector('[data-sure]')").asBoolean());
      assertEquals(1, call("GET", "/v1/apps/shown/machines", null).size());
    }
  }

  @Test
  @Tag("slow")
  void a_page_says_that_its_sandbox_has_ended(@TempDir Path folder) throws Exception {
    var live = "document.getElementById('live').innerText";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await(live + " == 'live'");

      sandbox.close();

      browser.await(live + ".startsWith('The sandbox does not answer')");
      assertTrue(browser.evaluate("document.body.classList.contains('lost')").asBoolean());
    }
  }

  @Test
  @Tag("slow")
  void a_page_whose_cookie_another_sandbox_gave_says_how_to_open_a_new_one(@TempDir Path folder)
      throws Exception {
    var live = "document.getElementById('live').innerText";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await(live + " == 'live'");

      browser.clearCookies();
      browser.evaluate("connect()");

      browser.await(live + ".startsWith('Another sandbox runs here now: ./jbang fly-sandbox')");
    }
  }

  @Test
  @Tag("slow")
  void a_filter_that_nothing_matches_leaves_the_guide_as_it_is(@TempDir Path folder)
      throws Exception {
    var id = machine("{\"image\": \"nginx\"}").path("id").asText();
    call("POST", "/v1/apps/shown/machines/" + id + "/start", "{}");
    var guide = "document.getElementById('guide-app').innerText";
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("document.getElementById('log').children.length > 0");
      browser.await(guide + ".includes('for shown')");
      var before = browser.evaluate(guide).asText();
      browser.evaluate("document.getElementById('filter').focus()");
      browser.type("no such thing");

      browser.await("document.body.innerText.includes('Nothing here matches the filter.')");
      assertEquals(before, browser.evaluate(guide).asText());
      browser.await("document.getElementById('log').children.length == 0");
    }
  }

  private static void tabTo(Browser browser, String wanted) throws Exception {
    for (var i = 0; i < 30 && !focused(browser).equals(wanted); i++) browser.press("Tab");
    assertEquals(wanted, focused(browser));
  }

  private static String focused(Browser browser) throws Exception {
    return browser.evaluate("document.activeElement.getAttribute('data-focus') || ''").asText();
  }

  /** WCAG 2.2, 1.4.3: 4.5 to 1. */
  private static final String TOO_FAINT =
      """
      (() => {
        const rgb = text => text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = node => {
          for (; node; node = node.parentElement) {
            const colour = rgb(getComputedStyle(node).backgroundColor);
            if (colour.length < 4 || colour[3] > 0) return colour;
          }
          return [255, 255, 255];
        };
        return [...document.querySelectorAll('body *')]
          .filter(node => !node.matches(':disabled, script, style, .skip, noscript'))
          .filter(node => [...node.childNodes].some(c => c.nodeType == 3 && c.data.trim()))
          .map(node => {
            const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            return [ratio, node.className + ' ' + node.innerText.slice(0, 30)];
          })
          .filter(([ratio]) => ratio < 4.5)
          .map(([ratio, what]) => ratio.toFixed(2) + ' ' + what);
      })()\
      """;

  @Test
  @Tag("slow")
  void every_word_can_be_read_by_day_and_by_night_and_on_a_phone(@TempDir Path folder)
      throws Exception {
    machine("{\"image\": \"nginx\"}");
    call("POST", "/v1/apps/shown/secrets/KEY", "{\"value\": \"x\"}");
    send("GET", "/v1/none", null);
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("!!document.querySelector('[data-machine]')");
      for (var scheme : List.of("light", "dark")) {
        browser.prefer(scheme);
        for (var width : List.of(1280, 360)) {
          browser.width(width);
          assertEquals("[]", browser.evaluate(TOO_FAINT).toString(), scheme);
          var sideways = "document.documentElement.scrollWidth <= innerWidth";
          assertTrue(browser.evaluate(sideways).asBoolean(), "it scrolls sideways at " + width);
        }
      }
    }
  }

  @Test
  @Tag("slow")
  void what_an_app_says_is_text_and_no_page(@TempDir Path folder) throws Exception {
    var evil = "<img src=x onerror='document.title=1'><script>document.title=2</script>";
    var text = Fly.JSON.mapper().writeValueAsString(evil);
    var id =
        machine(
                "{\"image\": %s, \"metadata\": {\"note\": %s}, \"env\": {\"A\": %s}}"
                    .formatted(text, text, text))
            .path("id")
            .asText();
    try (var browser = new Browser(folder, sandbox.pageLink())) {
      browser.await("document.body.innerText.includes('onerror')");
      browser.evaluate(
          "document.querySelector('[data-focus=\"%s details\"]').click()".formatted(id));
      browser.await("document.body.innerText.includes('metadata')");

      assertEquals("fly-sandbox", browser.evaluate("document.title").asText());
      assertEquals(0, browser.evaluate("document.images.length").asInt());
    }
  }
}
