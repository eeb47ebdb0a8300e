import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.Fly;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** fly-mcp-proxy as a client starts it: a process of its own. */
@Tag("slow")
class McpProxyTest {
  private static final String SECRET = "s3cret-t0ken";

  private final FakeMcp server = new FakeMcp();
  private final Sh shell = new Sh();
  private final List<Process> processes = new ArrayList<>();

  @BeforeEach
  void settings() {
    Script.settings(server.url(), FakeFly.TOKEN);
    for (var variable : List.of("APP_NAME", "FLY_EDGE_URL", "FLY_MCP_BEARER_TOKEN")) {
      shell.with(variable, null);
    }
  }

  @AfterEach
  void stop() {
    processes.forEach(Process::destroyForcibly);
    server.close();
  }

  private Process start(String... args) {
    return startWith(List.of(), args);
  }

  private Process startWith(List<String> jvm, String... args) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvm);
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), "McpProxy"));
    command.addAll(List.of(args));
    var process = shell.start(command.toArray(String[]::new));
    processes.add(process);
    return process;
  }

  private static void say(Process process, String... lines) throws IOException {
    for (var line : lines) {
      process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }
    process.getOutputStream().flush();
  }

  private static BufferedReader lines(InputStream stream) {
    return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
  }

  private static String all(InputStream stream) throws IOException {
    return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void it_serves_its_client_and_leaves_with_it() throws Exception {
    var proxy = start("--url", server.url());
    say(proxy, Bridge.INITIALIZE, Bridge.INITIALIZED);
    var out = lines(proxy.getInputStream());

    assertTrue(out.readLine().contains("serverInfo"));
    proxy.getOutputStream().close();
    assertNull(out.readLine());
    assertEquals(0, Await.exit(proxy));
    assertEquals(1, server.some("DELETE").size());
    assertTrue(all(proxy.getErrorStream()).startsWith("Serving " + server.url()));
  }

  @Test
  void the_address_comes_from_your_settings() throws Exception {
    shell.with("FLY_EDGE_URL", "http://127.0.0.1:" + server.port() + "/edge/{app}/");
    shell.with("APP_NAME", "mcp-demo");

    var proxy = start();
    say(proxy, Bridge.INITIALIZE);

    assertTrue(lines(proxy.getInputStream()).readLine().contains("serverInfo"));
    assertEquals("/edge/mcp-demo/", server.requests.get(0).uri().getPath());
  }

  @Test
  void a_signal_ends_it_and_the_session() throws Exception {
    var proxy = start("--url", server.url());
    say(proxy, Bridge.INITIALIZE, Bridge.INITIALIZED);
    lines(proxy.getInputStream()).readLine();
    Await.until(() -> !server.streams.isEmpty());

    proxy.destroy();

    Await.exit(proxy);
    assertEquals(1, server.some("DELETE").size());
    assertEquals(0, proxy.descendants().count());
  }

  /** More than a pipe holds. */
  private static final String LARGE = "\"" + "x".repeat(300_000) + "\"";

  @Test
  void a_client_that_reads_slowly_gets_every_reply_though_it_has_said_its_last_word()
      throws Exception {
    server.always("tools/call", request -> request.reply(LARGE));
    var proxy = start("--url", server.url());
    say(proxy, Bridge.INITIALIZE, Bridge.INITIALIZED);
    for (int id = 1; id <= 20; id++) say(proxy, call(id));
    proxy.getOutputStream().close();

    Await.until(() -> server.all("tools/call").size() == 20);
    assertFalse(proxy.waitFor(4, TimeUnit.SECONDS), "it has left before it was heard");
    var replies = lines(proxy.getInputStream()).lines().toList();

    assertEquals(21, replies.size());
    for (var reply : replies) assertTrue(Fly.JSON.readTree(reply).has("result"));
    assertEquals(0, Await.exit(proxy));
  }

  @Test
  void a_signal_ends_it_even_if_its_client_reads_no_more() throws Exception {
    server.always("tools/call", request -> request.reply(LARGE));
    server.always("forever", request -> Thread.sleep(20_000));
    var proxy = start("--url", server.url());
    say(proxy, Bridge.INITIALIZE, Bridge.INITIALIZED, call(1));
    say(proxy, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"forever\"}");
    Await.until(() -> server.methods().containsAll(List.of("tools/call", "forever")));

    proxy.destroy();

    Await.exit(proxy);
    assertEquals(1, server.some("DELETE").size());
  }

  @Test
  void a_client_that_closes_its_end_of_stdout_has_left() throws Exception {
    var proxy = start("--url", server.url());
    say(proxy, Bridge.INITIALIZE, Bridge.INITIALIZED);
    var first = new byte[20];
    assertEquals(20, proxy.getInputStream().readNBytes(first, 0, 20));
    proxy.getInputStream().close();

    say(proxy, call(1));

    assertEquals(0, Await.exit(proxy));
    assertEquals(1, server.some("DELETE").size());
  }

  private static String call(int id) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":\"tools/call\",\"params\":{}}";
  }

  @Test
  void a_thousand_calls_at_once_do_not_fill_a_heap_of_24() throws Exception {
    var many = new CountDownLatch(50);
    server.always(
        "tools/call",
        request -> {
          many.countDown();
          many.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
          request.reply("{}");
        });
    var proxy = startWith(List.of("-Xmx24m"), "--url", server.url());
    var sender =
        new Thread(
            () -> {
              try {
                say(proxy, Bridge.INITIALIZE, Bridge.INITIALIZED);
                var large = "\"params\":{\"x\":" + "\"" + "x".repeat(60_000) + "\"}";
                for (int id = 1; id <= 1000; id++) {
                  say(proxy, call(id).replace("\"params\":{}", large));
                }
                proxy.getOutputStream().close();
              } catch (IOException e) {
                // it shows in the replies
              }
            });
    sender.start();

    var replies = lines(proxy.getInputStream()).lines().filter(line -> line.contains("result"));

    assertEquals(1001, replies.distinct().count());
    sender.join();
  }

  @Test
  void a_token_comes_from_the_environment_or_a_file_and_is_seen_nowhere(@TempDir Path folder)
      throws Exception {
    var file = Files.writeString(folder.resolve("token"), SECRET + "\n");
    var log = folder.resolve("log");
    for (var fromFile : List.of(true, false)) {
      server.requests.clear();
      var args = new ArrayList<>(List.of("--url", server.url(), "-v", "--log", log.toString()));
      if (fromFile) args.addAll(List.of("--bearer-token-file", file.toString()));
      else shell.with("FLY_MCP_BEARER_TOKEN", SECRET);
      server.once(
          "tools/list",
          request -> request.answer(403, "text/plain", "no: " + request.header("Authorization")));

      var proxy = start(args.toArray(String[]::new));
      say(proxy, Bridge.INITIALIZE, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
      var out = lines(proxy.getInputStream());
      out.readLine();
      var refused = out.readLine();
      var commandLine = proxy.info().commandLine().orElse("");
      proxy.getOutputStream().close();

      Await.exit(proxy);
      assertEquals("Bearer " + SECRET, server.requests.get(0).header("Authorization"));
      assertTrue(refused.contains("HTTP 403"), refused);
      assertFalse((refused + commandLine).contains(SECRET));
      assertFalse(all(proxy.getErrorStream()).contains(SECRET));
    }
    var logged = Files.readString(log);
    assertFalse(logged.contains(SECRET));
    assertTrue(logged.contains("tools/list 1 -> 403"), logged);
  }

  @Test
  void user_and_password_are_sent_as_such(@TempDir Path folder) throws Exception {
    var file = Files.writeString(folder.resolve("password"), "pass word\n");

    var proxy = start("--url", server.url(), "--user", "me", "--password-file", file.toString());
    say(proxy, Bridge.INITIALIZE);
    lines(proxy.getInputStream()).readLine();

    var expected = Base64.getEncoder().encodeToString("me:pass word".getBytes());
    assertEquals("Basic " + expected, server.requests.get(0).header("Authorization"));
  }

  @Test
  void a_refused_token_is_exit_code_4_and_says_what_to_do() throws Exception {
    server.always("initialize", request -> request.answer(401, "text/plain", "who are you?"));

    var proxy = start("--url", server.url());
    say(proxy, Bridge.INITIALIZE);

    assertEquals(4, Await.exit(proxy));
    var out = lines(proxy.getInputStream()).readLine();
    assertTrue(Fly.JSON.readTree(out).at("/error/message").asText().contains("who are you?"), out);
    var err = all(proxy.getErrorStream());
    assertTrue(err.contains("error: the MCP server asks for a token"), err);
    assertTrue(err.contains("try: export FLY_MCP_BEARER_TOKEN="), err);
  }

  @Test
  void what_may_be_secret_in_the_address_is_not_shown() throws Exception {
    var proxy =
        start("--url", server.url().replace("//", "//me:" + SECRET + "@") + "?key=" + SECRET);
    say(proxy, Bridge.INITIALIZE);
    lines(proxy.getInputStream()).readLine();
    proxy.getOutputStream().close();

    var told = all(proxy.getErrorStream());
    assertTrue(told.startsWith("Serving http://127.0.0.1:") && !told.contains(SECRET), told);
    assertEquals("key=" + SECRET, server.requests.get(0).uri().getQuery());
  }

  @Test
  void a_host_that_gets_its_name_later_is_waited_for(@TempDir Path folder) throws Exception {
    var hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.1 somebody-else.test\n");
    var url = "http://late.test:" + server.port() + "/mcp";
    var proxy = startWith(List.of("-Djdk.net.hosts.file=" + hosts), "-v", "--url", url);
    say(proxy, Bridge.INITIALIZE);
    var err = lines(proxy.getErrorStream());
    var line = err.readLine();
    while (!line.contains("no such host: late.test")) line = err.readLine();

    Files.writeString(hosts, "127.0.0.1 late.test\n");
    while (err.ready()) err.readLine(); // it has tried meanwhile

    assertTrue(lines(proxy.getInputStream()).readLine().contains("serverInfo"));
    // Java itself would have looked again after 10 s, where it has tried some 20 times.
    proxy.getOutputStream().close();
    var more = err.lines().filter(each -> each.contains("no such host")).count();
    assertTrue(more < 10, "tried " + more + " more times");
  }

  @Test
  void a_token_does_not_travel_in_the_clear() {
    System.setProperty("FLY_MCP_BEARER_TOKEN", SECRET);
    try {
      var result = Script.run(new McpProxy(), "--url", "http://mcp.example.com/");

      assertEquals(2, result.exit());
      assertTrue(result.err().contains("in the clear to mcp.example.com"), result.err());
      assertFalse(result.err().contains(SECRET));
    } finally {
      System.clearProperty("FLY_MCP_BEARER_TOKEN");
    }
  }

  @Test
  void a_wrong_command_line_is_told_before_anything_is_sent(@TempDir Path folder) {
    for (var args :
        List.of(
            List.of("--url", "ftp://x/"),
            List.of("--url", server.url(), "--header", "nonsense"),
            List.of("--url", server.url(), "--header", "X: two\nlines"),
            List.of("--url", server.url(), "--user", "me"),
            List.of("--url", server.url(), "--transport", "pigeon"),
            List.of("--url", server.url(), "--bearer-token-file", folder + "/none"))) {
      var result = Script.run(new McpProxy(), args.toArray(String[]::new));

      assertEquals(2, result.exit(), args.toString());
      assertTrue(result.err().contains("error: "), result.err());
    }
    assertTrue(server.requests.isEmpty());
  }

  @Test
  void the_inspector_is_started_on_it_and_gets_secrets_in_a_file(@TempDir Path folder)
      throws Exception {
    var npx = folder.resolve("npx");
    Files.writeString(
        npx, "#!/bin/sh\necho \"$@\"\nwhile [ $# -gt 1 ]; do shift; done\ncat \"$1\"\n");
    assumeTrue(npx.toFile().setExecutable(true) && Files.exists(Path.of("/bin/sh")));
    shell.with("PATH", folder + java.io.File.pathSeparator + System.getenv("PATH"));
    shell.with("FLY_MCP_BEARER_TOKEN", SECRET);

    var proxy = start("--url", server.url(), "--inspect", "--instance", "m1");

    var out = lines(proxy.getInputStream());
    var command = out.readLine();
    assertTrue(command.startsWith("-y @modelcontextprotocol/inspector@2.12.0 -- "), command);
    assertTrue(command.contains(" McpProxy --url " + server.url()), command);
    assertTrue(command.contains(" --instance m1 --bearer-token-file "), command);
    assertFalse(command.contains(SECRET));
    assertEquals(SECRET, out.readLine());
    Await.exit(proxy);
    assertFalse(Files.exists(Path.of(command.substring(command.lastIndexOf(' ') + 1))));
  }

  @Test
  void messages_of_64_MiB_pass_both_ways_through_a_heap_of_24() throws Exception {
    var size = 64 << 20;
    server.always(
        "tools/call",
        request -> {
          var sse = request.message.at("/params/sse").asBoolean();
          request
              .exchange
              .getResponseHeaders()
              .set("Content-Type", sse ? "text/event-stream" : "application/json");
          request.exchange.sendResponseHeaders(200, 0);
          try (var out = request.exchange.getResponseBody()) {
            if (sse) out.write("data: ".getBytes());
            out.write(
                ("{\"jsonrpc\":\"2.0\",\"id\":" + request.id() + ",\"result\":\"").getBytes());
            fill(out, size);
            out.write("\"}\n\n".getBytes());
          }
        });
    server.always("large", request -> request.reply("" + request.body.length()));

    var proxy = startWith(List.of("-Xmx24m"), "--url", server.url());
    say(proxy, Bridge.INITIALIZE);
    var out = proxy.getInputStream();
    skipLine(out);
    for (var sse : List.of(false, true)) {
      say(
          proxy,
          "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"sse\":"
              + sse
              + "}}");
      assertTrue(skipLine(out) > size);
    }
    proxy
        .getOutputStream()
        .write("{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"large\",\"params\":\"".getBytes());
    fill(proxy.getOutputStream(), 16 << 20);
    say(proxy, "\"}");

    var last = new byte[200];
    var n = out.read(last);
    assertTrue(new String(last, 0, n).contains("\"result\":167"), new String(last, 0, n));
  }

  private static void fill(OutputStream out, int size) throws IOException {
    var block = "x".repeat(1 << 16).getBytes();
    for (int written = 0; written < size; written += block.length) out.write(block);
  }

  private static long skipLine(InputStream in) throws IOException {
    var buffer = new byte[1 << 16];
    long length = 0;
    while (true) {
      var n = in.read(buffer);
      if (n < 0) throw new IOException("no whole line");
      length += n;
      if (buffer[n - 1] == '\n') return length;
    }
  }
}
