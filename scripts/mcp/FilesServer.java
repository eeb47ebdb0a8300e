///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION An MCP server for the files of one folder: run it, or copy it to start your own.
//DEPS io.modelcontextprotocol.sdk:mcp-core:2.1.0
//DEPS io.modelcontextprotocol.sdk:mcp-json-jackson2:2.1.0
//DEPS org.slf4j:slf4j-nop:2.0.20
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.server.McpServer;
import io.modelcontextprotocol.server.McpServerFeatures.SyncToolSpecification;
import io.modelcontextprotocol.server.transport.StdioServerTransportProvider;
import io.modelcontextprotocol.spec.McpSchema;
import java.io.BufferedReader;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * An MCP server on stdin and stdout, in one file to copy. Its tools are named as those of npm's
 * {@code @modelcontextprotocol/server-filesystem}, and see nothing outside of one folder.
 */
record FilesServer(Path folder) {
  public static void main(String... args) throws Exception {
    if (args.length != 1 || !Files.isDirectory(Path.of(args[0]))) {
      System.err.println("error: " + (args.length == 1 ? "no folder " + args[0] : "which folder?"));
      System.err.println("  try: jbang FilesServer.java FOLDER");
      System.exit(2);
    }
    new FilesServer(Path.of(args[0]).toRealPath()).serve();
  }

  private void serve() throws Exception {
    var json = McpJsonDefaults.getMapper();
    var requests = new PipedOutputStream();
    var pipe = new PipedInputStream(requests, 1 << 16);
    var given = new Semaphore(0);
    var replies =
        new FilterOutputStream(System.out) {
          @Override
          public void write(byte[] bytes, int from, int length) throws IOException {
            out.write(bytes, from, length);
            out.flush();
            for (var i = from; i < from + length; i++) if (bytes[i] == '\n') given.release();
          }
        };
    McpServer.sync(new StdioServerTransportProvider(json, pipe, replies))
        .serverInfo("FilesServer", "1.0.0")
        .capabilities(McpSchema.ServerCapabilities.builder().tools(false).build())
        .tools(
            tool("list_directory", "List a folder.", "path"),
            tool("read_text_file", "Read a file as text.", "path"),
            tool("write_file", "Write a file, in place of what was there.", "path", "content"),
            tool("create_directory", "Create a folder, and those above it.", "path"),
            tool("get_file_info", "Tell a file's size and time.", "path"),
            tool("list_allowed_directories", "Tell which folder this server serves."))
        .build();
    System.err.println("FilesServer serves " + folder + " on stdin and stdout");
    var due = 0;
    var stdin = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (var line = stdin.readLine(); line != null; line = stdin.readLine()) {
      try {
        var message = McpSchema.deserializeJsonRpcMessage(json, line);
        if (message instanceof McpSchema.JSONRPCRequest request) {
          due++;
          // The SDK answers only after "initialized", which the guide's script never sends.
          if (request.method().equals("initialize"))
            line += "\n{\"jsonrpc\": \"2.0\", \"method\": \"notifications/initialized\"}";
        }
      } catch (IOException | IllegalArgumentException e) {
        continue; // a blank line, or no JSON-RPC: the SDK would read no more
      }
      requests.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      requests.flush();
    }
    given.tryAcquire(due, 10, TimeUnit.SECONDS); // the SDK drops them at the end of stdin
    System.exit(0);
  }

  /** A tool whose parameters are all strings, and needed. */
  private SyncToolSpecification tool(String name, String description, String... parameters) {
    var properties = new LinkedHashMap<String, Object>();
    for (var parameter : parameters) properties.put(parameter, Map.of("type", "string"));
    var schema =
        Map.<String, Object>of("type", "object", "properties", properties, "required", parameters);
    return SyncToolSpecification.builder()
        .tool(McpSchema.Tool.builder(name, schema).description(description).build())
        .callHandler((exchange, request) -> call(name, request.arguments()))
        .build();
  }

  /** Runs a tool; a failure is a text for the model. */
  private McpSchema.CallToolResult call(String tool, Map<String, Object> arguments) {
    var result = McpSchema.CallToolResult.builder();
    try {
      return result.addTextContent(run(tool, arguments)).isError(false).build();
    } catch (IOException | RuntimeException e) {
      return result.addTextContent("Error: " + e.getMessage()).isError(true).build();
    }
  }

  private String run(String tool, Map<String, Object> arguments) throws IOException {
    if (tool.equals("list_allowed_directories")) return "Allowed directories:\n" + folder;
    var path = (String) arguments.get("path");
    var file = inside(path);
    switch (tool) {
      case "list_directory":
        try (var entries = Files.list(file).sorted()) {
          return entries.map(FilesServer::entry).collect(Collectors.joining("\n"));
        }
      case "write_file":
        Files.writeString(file, (String) arguments.get("content"));
        return "Wrote " + path;
      case "create_directory":
        Files.createDirectories(file);
        return "Created " + path;
      case "get_file_info":
        return "size: %d\nmodified: %s\nisDirectory: %s"
            .formatted(Files.size(file), Files.getLastModifiedTime(file), Files.isDirectory(file));
      default:
        return Files.readString(file);
    }
  }

  private static String entry(Path path) {
    return (Files.isDirectory(path, NOFOLLOW_LINKS) ? "[DIR] " : "[FILE] ") + path.getFileName();
  }

  /** Target of a path, with all symlinks followed; a relative path starts in the folder. */
  private Path inside(String path) throws IOException {
    var asked = folder.resolve(path).normalize();
    var there = asked;
    while (Files.notExists(there, NOFOLLOW_LINKS)) there = there.getParent();
    var real = there.toRealPath().resolve(there.relativize(asked)).normalize();
    if (real.startsWith(folder)) return real;
    throw new IOException(path + ": access denied, it is not inside " + folder);
  }
}
