import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class FilesServerTest {
  private static final String INITIALIZE =
      "{\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{},"
          + "\"clientInfo\":{\"name\":\"claude-ai\",\"version\":\"0.1.0\"}},\"jsonrpc\":\"2.0\",\"id\":0}";

  @TempDir Path home;
  private Path folder;

  @BeforeEach
  void aFolder() throws IOException {
    folder = Files.createDirectory(home.resolve("served"));
  }

  @Test
  void it_answers_the_guides_lines_which_never_say_initialized() throws Exception {
    Files.createDirectory(folder.resolve("lost+found"));

    var replies =
        talk(
            "",
            INITIALIZE,
            "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"id\":1}",
            call(2, "list_directory", Map.of("path", folder.toString())));

    assertEquals("2024-11-05", replies.get(0).at("/result/protocolVersion").asText());
    assertEquals("FilesServer", replies.get(0).at("/result/serverInfo/name").asText());
    assertEquals("[DIR] lost+found", text(replies.get(2)));
  }

  @Test
  void a_client_that_says_initialized_is_served_too() throws Exception {
    var replies =
        talk(
            INITIALIZE,
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
            call(1, "list_allowed_directories", Map.of()));

    assertEquals("Allowed directories:\n" + folder.toRealPath(), text(replies.get(1)));
  }

  @Test
  void its_tools_are_named_as_those_of_npms_server() throws Exception {
    var tools = talk(INITIALIZE, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"id\":1}").get(1);

    assertEquals(
        List.of(
            "list_directory",
            "read_text_file",
            "write_file",
            "create_directory",
            "get_file_info",
            "list_allowed_directories"),
        tools.at("/result/tools").findValuesAsText("name"));
    assertEquals(
        Fly.JSON.readTree(
            "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"},"
                + "\"content\":{\"type\":\"string\"}},\"required\":[\"path\",\"content\"]}"),
        tools.at("/result/tools/2/inputSchema"));
  }

  @Test
  void it_lists_a_folder_in_the_words_of_npms_server() throws Exception {
    var server = "@modelcontextprotocol/server-filesystem/dist/index.js";
    var npm = Npm.modules().resolve(server).toString();
    Files.createDirectory(folder.resolve("a folder"));
    Files.writeString(folder.resolve("b.txt"), "b");
    Files.createSymbolicLink(folder.resolve("c"), folder.resolve("a folder"));
    Files.createDirectory(folder.resolve("lost+found"));
    var list = call(1, "list_directory", Map.of("path", folder.toString()));

    var ours = text(talk(INITIALIZE, list).get(1));
    var npms =
        new Sh().input(INITIALIZE + "\n" + list + "\n").run(Npm.node(), npm, folder.toString());

    assertEquals("[DIR] a folder\n[FILE] b.txt\n[FILE] c\n[DIR] lost+found", ours);
    assertEquals(
        ours.lines().toList(), text(replies(npms).get(1)).lines().sorted(BY_NAME).toList());
  }

  private static final java.util.Comparator<String> BY_NAME =
      java.util.Comparator.comparing(line -> line.substring(line.indexOf(' ')));

  @Test
  void what_it_writes_it_reads_again() throws Exception {
    var text = "line 1\n\"line\" 2 \u00e4\n";
    Files.writeString(folder.resolve("old.txt"), text);

    var replies =
        talk(
            INITIALIZE,
            call(1, "create_directory", Map.of("path", "notes/2026")),
            call(2, "read_text_file", Map.of("path", "old.txt")),
            call(3, "get_file_info", Map.of("path", "old.txt")));
    var written =
        talk(
            INITIALIZE,
            call(1, "write_file", Map.of("path", folder + "/notes/2026/a.txt", "content", text)));

    assertEquals("Created notes/2026", text(replies.get(1)));
    assertEquals(text, text(replies.get(2)));
    assertTrue(text(replies.get(3)).startsWith("size: 19\n"), text(replies.get(3)));
    assertFalse(written.get(1).at("/result/isError").asBoolean(), written.toString());
    assertEquals(text, Files.readString(folder.resolve("notes/2026/a.txt")));
  }

  @Test
  void nothing_outside_of_the_folder_is_read_written_or_listed() throws Exception {
    var outside = Files.createDirectory(home.resolve("served-not"));
    Files.writeString(outside.resolve("secret.txt"), "sesame");
    Files.createSymbolicLink(folder.resolve("link"), outside);
    Files.createSymbolicLink(folder.resolve("dangling"), outside.resolve("new.txt"));
    var requests = new ArrayList<>(List.of(INITIALIZE));
    for (var path :
        List.of(
            "../served-not",
            "notes/../../served-not",
            outside.toString(),
            "/",
            "link",
            folder + "/link",
            folder + "/../served-not")) {
      requests.add(call(requests.size(), "list_directory", Map.of("path", path)));
    }
    for (var path : List.of("../served-not/secret.txt", "link/secret.txt", "/etc/passwd")) {
      requests.add(call(requests.size(), "read_text_file", Map.of("path", path)));
      requests.add(call(requests.size(), "get_file_info", Map.of("path", path)));
    }
    for (var path : List.of("../served-not/new.txt", "link/new.txt", "dangling", "/tmp/new.txt")) {
      var arguments = Map.of("path", path, "content", "x");
      requests.add(call(requests.size(), "write_file", arguments));
      requests.add(call(requests.size(), "create_directory", Map.of("path", path)));
    }

    var replies = talk(requests.toArray(String[]::new));

    for (var id = 1; id < requests.size(); id++) {
      assertTrue(replies.get(id).at("/result/isError").asBoolean(), requests.get(id));
      assertFalse(replies.get(id).toString().contains("sesame"), requests.get(id));
    }
    assertEquals(
        "Error: ../served-not: access denied, it is not inside " + folder.toRealPath(),
        text(replies.get(1)));
    try (var left = Files.list(outside)) {
      assertEquals(1, left.count());
    }
  }

  @Test
  void what_fails_is_told_and_the_next_call_is_served() throws Exception {
    var replies =
        talk(
            INITIALIZE,
            call(1, "read_text_file", Map.of("path", "nowhere.txt")),
            call(2, "read_text_file", Map.of()),
            call(3, "no_such_tool", Map.of()),
            "no JSON",
            "{\"json\": \"no RPC\"}",
            call(4, "list_directory", Map.of("path", ".")));

    assertTrue(replies.get(1).at("/result/isError").asBoolean(), replies.toString());
    assertTrue(text(replies.get(1)).contains("nowhere.txt"), replies.toString());
    assertTrue(replies.get(2).toString().contains("path"), replies.toString());
    assertTrue(replies.get(3).has("error"), replies.toString());
    assertEquals("", text(replies.get(4)));
  }

  @Test
  void without_its_folder_it_does_not_start() {
    for (var args : List.of(List.of(), List.of(home.resolve("nowhere").toString()))) {
      var result = new Sh().run(server(args));

      assertEquals(2, result.exit());
      assertEquals("", result.out());
      assertTrue(result.err().startsWith("error: "), result.err());
      assertTrue(result.err().contains("try: jbang FilesServer.java FOLDER"), result.err());
    }
  }

  /** Sends the lines, and gives back what came, by id. */
  private Map<Integer, JsonNode> talk(String... lines) throws IOException {
    var input = String.join("\n", lines) + "\n";
    var result = new Sh().input(input).run(server(List.of(folder.toString())));
    assertEquals(0, result.exit(), result.err());
    return replies(result);
  }

  private static Map<Integer, JsonNode> replies(Sh.Result result) throws IOException {
    var replies = new HashMap<Integer, JsonNode>();
    for (var line : result.out().lines().toList()) {
      var reply = Fly.JSON.readTree(line);
      replies.put(reply.path("id").asInt(), reply);
    }
    return replies;
  }

  private static String[] server(List<?> args) {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var classPath = System.getProperty("java.class.path");
    return Stream.concat(
            Stream.of(
                java,
                "-XX:TieredStopAtLevel=1",
                "-Dfile.encoding=UTF-8",
                "-cp",
                classPath,
                "FilesServer"),
            args.stream().map(Object::toString))
        .toArray(String[]::new);
  }

  private static String call(int id, String tool, Map<String, String> arguments) {
    var call = Fly.JSON.createObjectNode().put("jsonrpc", "2.0").put("method", "tools/call");
    call.putObject("params")
        .put("name", tool)
        .set("arguments", Fly.JSON.mapper().valueToTree(arguments));
    return call.put("id", id).toString();
  }

  private static String text(JsonNode reply) {
    return reply.at("/result/content/0/text").asText();
  }
}
