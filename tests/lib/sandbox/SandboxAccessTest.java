import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import fly.FlyException;
import fly.sandbox.SandboxConfig;
import fly.sandbox.SandboxServer;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.store.PrivateFolder;
import fly.sandbox.store.SandboxFile;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Control and page are for the user who started the sandbox, not for everybody on its computer. */
class SandboxAccessTest {
  private static final List<String> CONTROL =
      List.of(
          "GET /sandbox", "GET /sandbox/trouble", "POST /sandbox/trouble", "POST /sandbox/stop");

  private static final List<String> PAGE =
      List.of("GET /", "GET /sandbox/events", "POST /v1/apps/shop/machines/m/start");

  private SandboxServer sandbox;

  @BeforeEach
  void start() {
    sandbox = SandboxServer.start(SandboxConfig.onPort(0));
  }

  @AfterEach
  void stop() {
    sandbox.close();
  }

  private HttpResponse<InputStream> send(String request, String... headers) throws Exception {
    var words = request.split(" ");
    var builder =
        HttpRequest.newBuilder(URI.create(sandbox.url() + words[1]))
            .method(words[0], HttpRequest.BodyPublishers.ofString("{}"))
            .header("Fly-Sandbox", "test")
            .timeout(Await.LIMIT);
    if (headers.length > 0) builder.headers(headers);
    var answer = Http.CLIENT.send(builder.build(), HttpResponse.BodyHandlers.ofInputStream());
    answer.body().close(); // the page's events have no end
    return answer;
  }

  private String cookie() throws Exception {
    var opened = send("GET " + sandbox.pageLink().substring(sandbox.url().length()));
    assertEquals(200, opened.statusCode());
    return opened.headers().firstValue("Set-Cookie").orElseThrow();
  }

  private String bearer() {
    return "Bearer " + sandbox.token();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Bearer sandbox-0123456789abcdef0123456789abcdef", "sandbox"})
  void without_the_token_it_neither_reports_nor_obeys(String authorization) throws Exception {
    for (var requests : List.of(CONTROL, PAGE)) {
      for (var request : requests) {
        assertEquals(401, send(request, "Authorization", authorization).statusCode(), request);
      }
    }
    assertEquals(200, send("GET /sandbox", "Authorization", bearer()).statusCode());
  }

  @Test
  void a_start_link_opens_the_page_once_and_leaves_a_cookie_that_no_script_can_read()
      throws Exception {
    var link = "GET " + sandbox.pageLink().substring(sandbox.url().length());

    var opened = send(link);
    var again = send(link);

    var cookie = opened.headers().firstValue("Set-Cookie").orElseThrow();
    assertTrue(
        cookie.matches(
            "fly-sandbox-%d=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Strict"
                .formatted(sandbox.port())),
        cookie);
    assertFalse(link.contains(cookie.replaceAll(".*=([0-9a-f]{32});.*", "$1")), cookie);
    assertEquals(401, again.statusCode());
    assertTrue(again.headers().firstValue("Set-Cookie").isEmpty());
    assertEquals(401, send("GET /?start=").statusCode());
  }

  @Test
  void the_cookie_opens_the_page_and_is_no_token() throws Exception {
    var cookie = cookie().split(";")[0];

    assertEquals(200, send("GET /", "Cookie", cookie).statusCode());
    assertEquals(200, send("GET /sandbox/events", "Cookie", cookie).statusCode());
    var acted = send(PAGE.get(2), "Cookie", cookie, "Origin", sandbox.url());
    assertEquals(404, acted.statusCode(), "there is no such app");
    assertEquals(401, send(PAGE.get(2), "Cookie", cookie).statusCode(), "no Origin");
    assertEquals(401, send(PAGE.get(2), "Origin", sandbox.url()).statusCode(), "no cookie");
    for (var request : CONTROL) {
      assertEquals(401, send(request, "Cookie", cookie).statusCode(), request);
    }
    assertEquals(401, send("GET /v1/apps?org_slug=personal", "Cookie", cookie).statusCode());
  }

  @Test
  void a_web_page_of_another_origin_gets_nothing_by_the_cookie() throws Exception {
    var cookie = cookie().split(";")[0];

    for (var origin : List.of("http://evil.example", "http://localhost:1", "null")) {
      for (var request : PAGE.subList(1, 3)) {
        var status = send(request, "Cookie", cookie, "Origin", origin).statusCode();
        assertTrue(status == 403 || status == 401, request + " " + status);
      }
    }
  }

  @Test
  void another_user_can_neither_stop_it_nor_read_its_file() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "not root: cannot become another");
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")), "no setpriv here");
    sandbox.publish(JsonNodes.object(), null);
    var script =
        "exec 3<>/dev/tcp/127.0.0.1/%d; printf 'POST /sandbox/stop HTTP/1.1\\r"
            + "\\n"
            + "Host: 127.0.0.1\\r"
            + "\\n"
            + "Connection: close\\r"
            + "\\n"
            + "Content-Length: 0\\r"
            + "\\n"
            + "\\r"
            + "\\n"
            + "' >&3; head -n 1 <&3; id -u; cat %s/*/%d.json";
    var all = Path.of(System.getProperty("java.io.tmpdir"));

    var result =
        new Sh()
            .run(
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "bash",
                "-c",
                script.formatted(sandbox.port(), all, sandbox.port()));

    assertTrue(result.out().startsWith("HTTP/1.1 401"), result.out());
    assertEquals("65534", result.out().strip().lines().skip(1).findFirst().orElse(""));
    assertFalse(result.out().contains("token"), result.out());
    assertEquals(200, send("GET /sandbox", "Authorization", bearer()).statusCode());
  }

  @Test
  void its_file_is_for_its_owner_alone_and_is_removed_with_it() throws Exception {
    sandbox.publish(JsonNodes.object(), null);

    var found = SandboxFile.find(sandbox.port()).orElseThrow();

    assertEquals(sandbox.url(), found.url());
    assertEquals(sandbox.token(), found.token());
    assertEquals(ProcessHandle.current(), found.process());
    sandbox.close();
    assertTrue(SandboxFile.find(sandbox.port()).isEmpty());
  }

  @Test
  void a_file_of_a_process_that_has_ended_counts_for_nothing() throws Exception {
    var process = new ProcessBuilder("sleep", "300").start();
    var entry = new SandboxFile.Entry(process.toHandle(), "http://127.0.0.1:1", "secret", null);
    try (var file = SandboxFile.write(sandbox.port(), entry)) {
      assertTrue(SandboxFile.find(sandbox.port()).isPresent());

      process.destroyForcibly().waitFor();

      assertTrue(SandboxFile.find(sandbox.port()).isEmpty());
    }
  }

  @Test
  void a_folder_that_is_another_users_or_a_link_is_refused(@TempDir Path folder) throws Exception {
    var open = Files.createDirectory(folder.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    var file = PrivateFolder.at(open).write("4280.json", "{}");
    assertEquals("rwx------", permissions(open));
    assertEquals("rw-------", permissions(file));

    var link = Files.createSymbolicLink(folder.resolve("link"), open);
    assertThrows(FlyException.class, () -> PrivateFolder.at(link));

    assumeTrue("root".equals(System.getProperty("user.name")), "not root: cannot give it away");
    Files.setOwner(
        open, open.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
    var refused = assertThrows(FlyException.class, () -> PrivateFolder.at(open));
    assertEquals(open + " is not yours", refused.what);
  }

  private static String permissions(Path path) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
