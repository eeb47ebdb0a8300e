import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import io.modelcontextprotocol.client.McpClient;
import io.modelcontextprotocol.client.McpSyncClient;
import io.modelcontextprotocol.client.transport.HttpClientStreamableHttpTransport;
import io.modelcontextprotocol.client.transport.ServerParameters;
import io.modelcontextprotocol.client.transport.StdioClientTransport;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.spec.McpClientTransport;
import io.modelcontextprotocol.spec.McpSchema;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The clients that people have, with npm's real servers behind our wrap, directly or through our
 * proxy in front of it.
 */
@Tag("slow")
class McpClientsTest {
  /** How a client gets to the server. */
  enum Way {
    WRAP,
    PROXY_AND_WRAP,
    /** As it would be with flyctl's own wrap in between. */
    PROXY_AND_WRAP_PROTOCOL
  }

  private static final String IN_EACH = "{displayName} ({0})";

  @TempDir Path folder;
  private final List<Process> processes = new ArrayList<>();
  private Path modules;

  @BeforeEach
  void packages() {
    modules = Npm.modules();
  }

  @AfterEach
  void nothingStays() throws Exception {
    var servers = processes.stream().flatMap(Process::descendants).toList();
    for (var process : processes) process.destroy();
    for (var process : processes) {
      Await.exit(process);
    }
    for (var server : servers) Await.value(server.onExit());
  }

  private List<String> everything() {
    return node("@modelcontextprotocol/server-everything/dist/index.js");
  }

  private List<String> files() {
    return node("@modelcontextprotocol/server-filesystem/dist/index.js", folder.toString());
  }

  private List<String> node(String file, String... args) {
    var words = new ArrayList<>(List.of(Npm.node(), modules.resolve(file).toString()));
    words.addAll(List.of(args));
    return words;
  }

  /** The wrap's address. */
  private String wrap(List<String> server) throws IOException {
    var command = Jvm.command("McpWrap", "-q", "--port", "0", "--");
    command.addAll(server);
    var process = new Sh().with("FLY_MCP_BEARER_TOKEN", null).start(command.toArray(String[]::new));
    processes.add(process);
    return new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
  }

  private List<String> proxy(Way way, String url) {
    var transport = way == Way.PROXY_AND_WRAP_PROTOCOL ? "wrap" : "auto";
    return Jvm.command("McpProxy", "-q", "--transport", transport, "--url", url);
  }

  // ---- The official Java SDK

  private McpClientTransport transport(Way way, List<String> server) throws IOException {
    var url = wrap(server);
    if (way == Way.WRAP) {
      return HttpClientStreamableHttpTransport.builder(url)
          .endpoint("/mcp")
          .jsonMapper(McpJsonDefaults.getMapper())
          .build();
    }
    var command = proxy(way, url);
    var parameters =
        ServerParameters.builder(command.get(0)).args(command.subList(1, command.size())).build();
    return new StdioClientTransport(parameters, McpJsonDefaults.getMapper());
  }

  private static McpClient.SyncSpec client(McpClientTransport transport) {
    return McpClient.sync(transport).requestTimeout(Await.LIMIT).initializationTimeout(Await.LIMIT);
  }

  private static String text(McpSchema.CallToolResult result) {
    return ((McpSchema.TextContent) result.content().get(0)).text();
  }

  private static String call(McpSyncClient client, String tool, Map<String, Object> arguments) {
    return text(client.callTool(request(tool, arguments)));
  }

  private static McpSchema.CallToolRequest request(String tool, Map<String, Object> arguments) {
    return McpSchema.CallToolRequest.builder(tool).arguments(arguments).build();
  }

  @ParameterizedTest(name = IN_EACH)
  @EnumSource
  void the_Java_SDK_and_server_filesystem_understand_each_other(Way way) throws Exception {
    Files.writeString(folder.resolve("notes.txt"), "the notes");

    try (var client = client(transport(way, files())).build()) {
      client.initialize();

      var tools = client.listTools().tools().stream().map(McpSchema.Tool::name).toList();
      var notes =
          call(client, "read_text_file", Map.of("path", folder.resolve("notes.txt").toString()));

      assertTrue(tools.contains("list_directory"), tools.toString());
      assertEquals("the notes", notes);
    }
  }

  @ParameterizedTest(name = IN_EACH)
  @EnumSource
  void the_Java_SDK_is_asked_by_server_everything_and_answers(Way way) throws Exception {
    var progress = new AtomicInteger();
    var logged = new CountDownLatch(1);
    var spec =
        client(transport(way, everything()))
            .capabilities(
                McpSchema.ClientCapabilities.builder().roots(true).sampling().elicitation().build())
            .roots(McpSchema.Root.builder("file:///my/root").name("my root").build())
            .sampling(
                request ->
                    McpSchema.CreateMessageResult.builder(
                            McpSchema.Role.ASSISTANT,
                            "sampled: " + request.messages().get(0).content(),
                            "none")
                        .build())
            .elicitation(
                asked ->
                    McpSchema.ElicitResult.builder(McpSchema.ElicitResult.Action.ACCEPT)
                        .content(Map.of("name", "Ada"))
                        .build())
            .loggingConsumer(
                told -> {
                  // Not what it says about the roots.
                  if (String.valueOf(told.data()).matches("\\w+[- ]level[- ]message.*")) {
                    logged.countDown();
                  }
                })
            .progressConsumer(told -> progress.incrementAndGet());
    try (var client = spec.build()) {
      client.initialize();

      var sampled = call(client, "trigger-sampling-request", Map.of("prompt", "why?"));
      var elicited = client.callTool(request("trigger-elicitation-request", Map.of()));
      var roots = call(client, "get-roots-list", Map.of());
      call(client, "toggle-simulated-logging", Map.of());
      client.callTool(
          McpSchema.CallToolRequest.builder("trigger-long-running-operation")
              .arguments(Map.of("duration", 0.4, "steps", 4))
              .progressToken("my token")
              .build());

      assertTrue(sampled.contains("sampled: ") && sampled.contains("why?"), sampled);
      assertTrue(elicited.toString().contains("- Name: Ada"), elicited.toString());
      assertTrue(roots.contains("file:///my/root"), roots);
      Await.open(logged);
      // The SDK tells of them on threads of its own, after the reply perhaps.
      Await.until(() -> progress.get() >= 4);
      assertEquals(4, progress.get());
    }
  }

  // ---- The official TypeScript SDK

  @ParameterizedTest(name = IN_EACH)
  @EnumSource
  void the_TypeScript_SDK_and_server_everything_use_all_that_they_have(Way way) throws Exception {
    var url = wrap(everything());
    var command =
        new ArrayList<>(
            List.of(
                Npm.node(), Sh.ROOT.resolve("tests/support/clients/typescript.mjs").toString()));
    if (way == Way.WRAP) command.addAll(List.of("http", url));
    else command.add("stdio");
    if (way != Way.WRAP) command.addAll(proxy(way, url));

    var result = new Sh().with("NODE_PATH", modules).run(command.toArray(String[]::new));

    assertEquals(0, result.exit(), result.err());
    var lines = result.out();
    assertTrue(lines.contains("server mcp-servers/everything\n"), lines);
    assertTrue(lines.contains(" trigger-sampling-request "), lines);
    assertTrue(lines.contains("echo Echo: hello\n"), lines);
    assertTrue(lines.contains("sampled: "), lines);
    assertTrue(lines.contains("User declined"), lines);
    assertTrue(lines.contains("\nprogress 4\n"), lines);
    assertTrue(lines.contains("file:///my/root"), lines);
  }

  // ---- The inspector, on its command line

  @ParameterizedTest(name = IN_EACH)
  @EnumSource
  void the_inspector_lists_and_calls(Way way) throws Exception {
    Files.writeString(folder.resolve("notes.txt"), "the notes");
    var url = wrap(files());

    var tools = inspect(way, url, "tools/list");
    var notes =
        inspect(
            way,
            url,
            "tools/call",
            "--tool-name",
            "read_text_file",
            "--tool-arg",
            "path=" + folder.resolve("notes.txt"));

    assertTrue(tools.toString().contains("list_directory"), tools.toString());
    assertTrue(notes.toString().contains("the notes"), notes.toString());
  }

  private JsonNode inspect(Way way, String url, String method, String... options) throws Exception {
    var inspector = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";
    var command = node(inspector, "--cli", "--method", method);
    command.addAll(List.of(options));
    if (way == Way.WRAP) {
      command.addAll(List.of("--transport", "http", "--server-url", url));
    } else {
      // Its own options end where the server's command begins; a file keeps them apart.
      var proxy = proxy(way, url);
      var server = Fly.JSON.createObjectNode();
      var entry = server.putObject("mcpServers").putObject("ours");
      entry.put("command", proxy.get(0));
      proxy.stream().skip(1).forEach(entry.putArray("args")::add);
      var config = folder.resolve("inspector.json");
      Files.writeString(config, server.toString());
      command.addAll(List.of("--config", config.toString(), "--server", "ours"));
    }
    var result = new Sh().with("HOME", folder).run(command.toArray(String[]::new));
    assertEquals(0, result.exit(), result.out() + result.err());
    return Fly.JSON.readTree(result.out());
  }

  @Test
  void the_proxy_starts_the_inspector_with_a_command_that_works() throws Exception {
    var port = Ports.free();
    var shell =
        new Sh()
            .in(modules.getParent()) // npx takes what is installed there
            .with("npm_config_offline", "true")
            .with("PATH", Path.of(Npm.node()).getParent() + ":" + System.getenv("PATH"))
            .with("HOME", folder)
            .with("MCP_AUTO_OPEN_ENABLED", "false")
            .with("MCP_INSPECTOR_API_TOKEN", "token")
            .with("CLIENT_PORT", port)
            .with("SERVER_PORT", "0");
    var command = Jvm.command("McpProxy", "-q", "--url", wrap(everything()), "--inspect");
    var proxy = shell.start(command.toArray(String[]::new));
    processes.add(proxy);
    var lines = new BufferedReader(new InputStreamReader(proxy.getInputStream()));
    var line = lines.readLine();
    while (line != null && !line.contains("http://127.0.0.1:" + port)) line = lines.readLine();
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/config"))
            .header("X-MCP-Remote-Auth", "Bearer token");
    var answer = Http.CLIENT.send(request.build(), BodyHandlers.ofString());
    var config = Fly.JSON.readTree(answer.body());
    var args = new ArrayList<String>();
    config.path("defaultArgs").forEach(arg -> args.add(arg.asText()));
    var started = ServerParameters.builder(config.path("defaultCommand").asText()).args(args);

    var transport = new StdioClientTransport(started.build(), McpJsonDefaults.getMapper());
    try (var client = client(transport).build()) {
      client.initialize();

      assertEquals("Echo: hi", call(client, "echo", Map.of("message", "hi")));
    } finally {
      // The web server would outlive the npx that started it.
      proxy.descendants().forEach(ProcessHandle::destroy);
    }
  }

  // ---- What the guide shows

  @Test
  void the_guides_shell_script_is_answered_by_the_wrap_as_by_flyctls() throws Exception {
    assumeTrue(new Sh().run("sh", "-c", "command -v curl").exit() == 0, "no curl here");
    var url = wrap(files());
    Script.settings("http://127.0.0.1:9", FakeFly.TOKEN);
    var asked = new String[] {"--url", url, "--transport", "wrap", "--list", "tools"};
    var warm =
        Script.run(new CallMcp(), asked); // a cold program is too slow for the guide's sleeps
    assertEquals(0, warm.exit(), warm.err());
    var script = Script.run(new CallMcp(), "-n", "--url", url, "--list", "tools").out();

    // On a busy machine curl itself may need more than a second.
    var replies = new Sh().run("sh", "-c", script.replace("sleep 1\n", "sleep 5\n"));

    assertTrue(replies.out().contains("HTTP/1.1 202 Accepted"), replies.toString());
    assertTrue(replies.out().contains("\"name\":\"list_directory\""), replies.toString());
  }
}
