///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION An MCP server for the files of one folder: run it, or copy it to start your own.
//DEPS io.modelcontextprotocol.sdk:mcp-core:2.1.0
//DEPS io.modelcontextprotocol.sdk:mcp-json-jackson2:2.1.0
//DEPS org.slf4j:slf4j-nop:2.0.20
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8

import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.json.McpJsonMapper;
import io.modelcontextprotocol.server.McpServer;
import io.modelcontextprotocol.server.McpServerFeatures.SyncToolSpecification;
import io.modelcontextprotocol.server.transport.StdioServerTransportProvider;
import io.modelcontextprotocol.spec.McpSchema;
import io.modelcontextprotocol.spec.McpSchema.CallToolResult;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCRequest;
import io.modelcontextprotocol.spec.McpSchema.ServerCapabilities;
import io.modelcontextprotocol.spec.McpSchema.Tool;
import java.io.BufferedReader;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * An MCP server on stdin and stdout. Its tools are named as those of npm's
 * {@code @modelcontextprotocol/server-filesystem}, and see nothing outside of one folder. All of it
 * is in this one file, so that people can copy it; that is why it is longer than other scripts.
 */
class FilesServer {
  private static final McpJsonMapper JSON = McpJsonDefaults.getMapper();

  private static final String INITIALIZED =
      "\n{\"jsonrpc\": \"2.0\", \"method\": \"notifications/initialized\"}";

  private final Path folder;

  private FilesServer(Path folder) throws IOException {
    this.folder = folder.toRealPath();
  }

  public static void main(String... args) throws Exception {
    if (args.length != 1 || !Files.isDirectory(Path.of(args[0]))) {
      System.err.println("error: " + (args.length == 1 ? "no folder " + args[0] : "which folder?"));
      System.err.println("  try: jbang FilesServer.java FOLDER");
      System.exit(2);
    }
    new FilesServer(Path.of(args[0])).serve();
  }

  private void serve() throws Exception {
    var requests = new PipedOutputStream();
    var replies = new Replies();
    serve(new PipedInputStream(requests, 1 << 16), replies);
    System.err.println("FilesServer serves " + folder + " on stdin and stdout");
    var due = 0;
    var stdin = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (var line = stdin.readLine(); line != null; line = stdin.readLine()) {
      try {
        var message = McpSchema.deserializeJsonRpcMessage(JSON, line);
        if (message instanceof JSONRPCRequest request) {
          due++;
          // The SDK answers only after "initialized", which the guide's script never sends.
          if (request.method().equals("initialize")) line += INITIALIZED;
        }
      } catch (IOException | IllegalArgumentException e) {
        continue; // a blank line, or no JSON-RPC: the SDK would read no more
      }
      requests.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      requests.flush();
    }
    replies.given.tryAcquire(due, 10, TimeUnit.SECONDS); // the SDK drops them at the end of stdin
    System.exit(0);
  }

  /** Each tool: its name, what it is for, what it takes, what it does. */
  private void serve(InputStream in, OutputStream out) {
    McpServer.sync(new StdioServerTransportProvider(JSON, in, out))
        .serverInfo("FilesServer", "1.0.0")
        .capabilities(ServerCapabilities.builder().tools(false).build())
        .tools(
            tool("list_directory", "List a folder.", List.of("path"), this::list),
            tool("read_text_file", "Read a file as text.", List.of("path"), this::read),
            tool(
                "write_file",
                "Write a file, in place of what was there.",
                List.of("path", "content"),
                this::write),
            tool(
                "create_directory",
                "Create a folder, and those above it.",
                List.of("path"),
                this::create),
            tool("get_file_info", "Tell a file's size and time.", List.of("path"), this::info),
            tool(
                "list_allowed_directories",
                "Tell which folder this server serves.",
                List.of(),
                arguments -> "Allowed directories:\n" + folder))
        .build();
  }

  private String list(Map<String, String> arguments) throws IOException {
    try (var entries = Files.list(inside(arguments.get("path")))) {
      return entries
          .sorted()
          .map(
              entry ->
                  (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS) ? "[DIR] " : "[FILE] ")
                      + entry.getFileName())
          .collect(Collectors.joining("\n"));
    }
  }

  private String read(Map<String, String> arguments) throws IOException {
    return Files.readString(inside(arguments.get("path")));
  }

  private String write(Map<String, String> arguments) throws IOException {
    Files.writeString(inside(arguments.get("path")), arguments.get("content"));
    return "Wrote " + arguments.get("path");
  }

  private String create(Map<String, String> arguments) throws IOException {
    Files.createDirectories(inside(arguments.get("path")));
    return "Created " + arguments.get("path");
  }

  private String info(Map<String, String> arguments) throws IOException {
    var file = inside(arguments.get("path"));
    return "size: %d\nmodified: %s\nisDirectory: %s"
        .formatted(Files.size(file), Files.getLastModifiedTime(file), Files.isDirectory(file));
  }

  /**
   * Target of a path, with all symlinks followed; a relative path starts in the folder.
   *
   * @throws IOException if the target is outside of the folder
   */
  private Path inside(String path) throws IOException {
    var asked = folder.resolve(path).normalize();
    var there = asked;
    while (Files.notExists(there, LinkOption.NOFOLLOW_LINKS)) there = there.getParent();
    var real = there.toRealPath().resolve(there.relativize(asked)).normalize();
    if (!real.startsWith(folder)) {
      throw new FileSystemException(path, null, "access denied, it is not inside " + folder);
    }
    return real;
  }

  /** Stdout, with its lines counted. */
  private static final class Replies extends FilterOutputStream {
    final Semaphore given = new Semaphore(0);

    Replies() {
      super(System.out);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      out.write(bytes, from, length);
      out.flush();
      for (var i = from; i < from + length; i++) if (bytes[i] == '\n') given.release();
    }
  }

  private interface Action {
    String run(Map<String, String> arguments) throws IOException;
  }

  /** A tool whose parameters are all strings, and needed; what fails, it tells the model. */
  private static SyncToolSpecification tool(
      String name, String description, List<String> parameters, Action action) {
    var properties = new LinkedHashMap<String, Object>();
    for (var parameter : parameters) properties.put(parameter, Map.of("type", "string"));
    var schema =
        Map.<String, Object>of("type", "object", "properties", properties, "required", parameters);
    return SyncToolSpecification.builder()
        .tool(Tool.builder(name, schema).description(description).build())
        .callHandler(
            (exchange, request) -> {
              var arguments = new LinkedHashMap<String, String>();
              if (request.arguments() != null) {
                request.arguments().forEach((key, value) -> arguments.put(key, "" + value));
              }
              try {
                return result(action.run(arguments), false);
              } catch (IOException | RuntimeException e) {
                return result("Error: " + e.getMessage(), true);
              }
            })
        .build();
  }

  private static CallToolResult result(String text, boolean error) {
    return CallToolResult.builder().addTextContent(text).isError(error).build();
  }
}
