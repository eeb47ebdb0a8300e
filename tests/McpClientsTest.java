import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The clients that people have, with npm's real servers behind our wrap, directly or through our
 * proxy in front of it.
 */
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
  private Path classPath;

  @BeforeEach
  void packages() throws IOException {
    modules = Npm.modules();
    classPath = folder.resolve("class-path");
    Files.writeString(classPath, "-cp \"" + System.getProperty("java.class.path") + "\"");
  }

  @AfterEach
  void nothingStays() throws InterruptedException {
    for (var process : processes) process.destroy();
    for (var process : processes) {
      if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly();
    }
  }

  private List<String> java(String main, String... args) {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var command = new ArrayList<>(List.of(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    command.addAll(List.of("@" + classPath, main));
    command.addAll(List.of(args));
    return command;
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
    var command = java("McpWrap", "-q", "--port", "0", "--");
    command.addAll(server);
    var process =
        new Shell().with("FLY_MCP_BEARER_TOKEN", null).start(command.toArray(String[]::new));
    processes.add(process);
    return new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
  }

  private List<String> proxy(Way way, String url) {
    var transport = way == Way.PROXY_AND_WRAP_PROTOCOL ? "wrap" : "auto";
    return java("McpProxy", "-q", "--transport", transport, "--url", url);
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

  private static String text(McpSchema.CallToolResult result) {
    return ((McpSchema.TextContent) result.content().get(0)).text();
  }

  private static String call(McpSyncClient client, String tool, Map<String, Object> arguments) {
    return text(client.callTool(new McpSchema.CallToolRequest(tool, arguments)));
  }

  @ParameterizedTest(name = IN_EACH)
  @EnumSource
  void the_Java_SDK_and_server_filesystem_understand_each_other(Way way) throws Exception {
    Files.writeString(folder.resolve("notes.txt"), "the notes");

    try (var client = McpClient.sync(transport(way, files())).build()) {
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
    var spec =
        McpClient.sync(transport(way, everything()))
            .requestTimeout(Duration.ofSeconds(30))
            .capabilities(McpSchema.ClientCapabilities.builder().roots(true).sampling().build())
            .roots(McpSchema.Root.builder("file:///my/root").name("my root").build())
            .sampling(
                request ->
                    McpSchema.CreateMessageResult.builder(
                            McpSchema.Role.ASSISTANT,
                            "sampled: " + request.messages().get(0).content(),
                            "none")
                        .build())
            .progressConsumer(told -> progress.incrementAndGet());
    try (var client = spec.build()) {
      client.initialize();

      var sampled = call(client, "trigger-sampling-request", Map.of("prompt", "why?"));
      var roots = call(client, "get-roots-list", Map.of());
      client.callTool(
          McpSchema.CallToolRequest.builder("trigger-long-running-operation")
              .arguments(Map.of("duration", 0.4, "steps", 4))
              .progressToken("my token")
              .build());

      assertTrue(sampled.contains("sampled: ") && sampled.contains("why?"), sampled);
      assertTrue(roots.contains("file:///my/root"), roots);
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
            List.of(Npm.node(), Shell.ROOT.resolve("tests/clients/typescript.mjs").toString()));
    if (way == Way.WRAP) command.addAll(List.of("http", url));
    else command.add("stdio");
    if (way != Way.WRAP) command.addAll(proxy(way, url));

    var result = new Shell().with("NODE_PATH", modules).run(command.toArray(String[]::new));

    assertEquals(0, result.exit(), result.err());
    var lines = result.out();
    assertTrue(lines.contains("server mcp-servers/everything\n"), lines);
    assertTrue(lines.contains(" trigger-sampling-request "), lines);
    assertTrue(lines.contains("echo Echo: hello\n"), lines);
    assertTrue(lines.contains("sampled: "), lines);
    assertTrue(lines.contains("User declined"), lines);
    assertTrue(lines.contains("progress 4\n"), lines);
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
    var result = new Shell().with("HOME", folder).run(command.toArray(String[]::new));
    assertEquals(0, result.exit(), result.out() + result.err());
    return Fly.JSON.readTree(result.out());
  }
}
