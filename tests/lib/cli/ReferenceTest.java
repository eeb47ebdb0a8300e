import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands started by JBang itself, which tells a script nothing of its catalog. */
@Tag("slow")
class ReferenceTest {
  private static final String URL = "https://mcp-demo-0123456789ab.fly.dev/";

  @TempDir Path home;
  private Path own;
  private Path elsewhere;

  @BeforeEach
  void folders() throws IOException {
    home = home.toRealPath();
    own = Files.createDirectories(home.resolve(".jbang"));
    elsewhere = Files.createDirectories(home.resolve("elsewhere"));
    FakeJBang.in(home.resolve("bin"));
  }

  private void catalogs(String catalogs) throws IOException {
    Files.writeString(own.resolve("jbang-catalog.json"), "{\"catalogs\": {" + catalogs + "}}");
  }

  private static String entry(String name, Object reference, String more) {
    return "\"%s\": {\"catalog-ref\": \"%s\"%s}".formatted(name, reference, more);
  }

  private static Path ours() {
    return Sh.ROOT.toAbsolutePath().resolve("jbang-catalog.json");
  }

  private Sh.Result run(String command, String... args) {
    return new Sh()
        .in(elsewhere)
        .with("HOME", home)
        .with("JBANG_DIR", null)
        .with("FLY_JBANG", null)
        .with("PATH", home.resolve("bin") + ":" + System.getenv("PATH"))
        .run(Jvm.command(command, args).toArray(String[]::new));
  }

  private String hint(String... args) {
    var result = run("NameApp", args);
    assertEquals(0, result.exit(), result.err());
    return result.err().replaceFirst("(?s).* Next: ", "").strip();
  }

  private Sh.Result configure(String... more) {
    var args = new ArrayList<>(List.of("--client", "cursor", "--url", URL));
    args.addAll(List.of(more));
    return run("McpConfig", args.toArray(String[]::new));
  }

  private List<String> written() throws IOException {
    var server =
        Fly.JSON
            .readTree(Files.readAllBytes(home.resolve(".cursor/mcp.json")))
            .at("/mcpServers/mcp-demo-0123456789ab");
    var words = new ArrayList<>(List.of(server.path("command").asText()));
    server.path("args").forEach(word -> words.add(word.asText()));
    return words;
  }

  @Test
  void a_hint_says_CATALOG_if_no_catalog_of_the_reader_lists_the_command() throws Exception {
    assertEquals("jbang fly-create-app@CATALOG", hint());

    Files.writeString(home.resolve("other.json"), "{\"aliases\": {\"x\": {}}}");
    catalogs(entry("other", home.resolve("other.json"), ""));
    assertEquals("jbang fly-create-app@CATALOG", hint());
  }

  @Test
  void a_hint_names_the_one_catalog_that_lists_the_command() throws Exception {
    catalogs(entry("mine", ours(), ""));
    assertEquals("jbang fly-create-app@mine", hint());

    catalogs(entry("mine", ours(), ", \"import\": true"));
    assertEquals("jbang fly-create-app", hint());
  }

  @Test
  void a_catalog_by_URL_is_read_in_the_copy_that_JBang_keeps() throws Exception {
    var url = "https://fly.example/jbang-catalog.json";
    var sum = MessageDigest.getInstance("SHA-256").digest(url.getBytes(StandardCharsets.UTF_8));
    var copy = own.resolve("cache/urls").resolve(HexFormat.of().formatHex(sum));
    Files.createDirectories(copy);
    Files.copy(ours(), copy.resolve("jbang-catalog.json"));

    catalogs(entry("mine", url, ""));

    assertEquals("jbang fly-create-app@mine", hint());
  }

  @Test
  void of_several_catalogs_none_is_guessed() throws Exception {
    catalogs(entry("mine", ours(), "") + "," + entry("yours", ours(), ""));

    assertEquals("jbang fly-create-app@CATALOG", hint());
    var result = configure();
    assertEquals(2, result.exit());
    assertTrue(result.err().contains("why: several JBang catalogs list it: @mine @yours"));
    assertTrue(result.err().contains("try: the same with --as fly-mcp-proxy@CATALOG"));
    assertFalse(Files.exists(home.resolve(".cursor/mcp.json")));
  }

  @Test
  void the_reader_can_say_by_which_reference_it_was_called() throws Exception {
    assertEquals("jbang fly-create-app@his", hint("--as", "fly-name-app@his"));
    assertEquals("jbang fly-create-app", hint("--as", "fly-name-app"));
    assertEquals(
        "jbang fly-create-app@https://fly.example/jbang-catalog.json",
        hint("--as", "fly-name-app@https://fly.example/jbang-catalog.json"));

    assertEquals(0, configure("--as", "fly-mcp-config@his").exit());
    assertEquals("fly-mcp-proxy@his", written().get(3));
  }

  @Test
  void a_clients_entry_is_built_first_and_asks_no_host_when_it_starts() throws Exception {
    catalogs(entry("mine", ours(), ""));

    var result = configure();

    assertEquals(0, result.exit(), result.err());
    var jbang = home.resolve("bin/jbang").toString();
    assertEquals(List.of(jbang, "run", "--offline", "fly-mcp-proxy@mine", "--url", URL), written());
    assertEquals("build fly-mcp-proxy@mine\n", Files.readString(home.resolve("bin/asked")));
  }

  @Test
  void a_catalog_of_this_folder_alone_is_written_by_its_path() throws Exception {
    Files.copy(ours(), elsewhere.resolve("jbang-catalog.json"));

    assertEquals("jbang fly-create-app", hint());
    assertEquals(0, configure().exit());

    assertEquals("fly-mcp-proxy@" + elsewhere.resolve("jbang-catalog.json"), written().get(3));
  }

  @Test
  void what_JBang_cannot_build_is_not_written() throws Exception {
    catalogs(entry("mine", ours(), ""));
    FakeJBang.in(home.resolve("bin"), "echo '[jbang] [ERROR] the host is gone' >&2; exit 1");

    var result = configure();

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("why: [jbang] [ERROR] the host is gone"), result.err());
    assertFalse(Files.exists(home.resolve(".cursor/mcp.json")));
  }
}
