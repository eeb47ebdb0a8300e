import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import fly.FlyException;
import fly.cli.Cli;
import fly.mcp.proxy.HttpSender;
import fly.mcp.wrap.WrapOptions;
import fly.mcp.wrap.WrapServer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The command fly-mcp-wrap, in JVMs of its own. */
@Tag("slow")
class McpWrapCommandTest extends WrapFixture {
  /** Prints its own environment and its parent's, and ends. */
  private static final String SPY =
      "env | sed 's/^/own /' >&2; tr '\\0' '\\n' </proc/$PPID/environ | sed 's/^/parent /' >&2;"
          + " sleep 0.2; exit 3";

  // ---- The command

  @Test
  void SIGTERM_ends_it_with_all_that_its_program_started() throws Exception {
    var marker = folder.resolve("eof");
    var program =
        "trap 'echo term >>$0' TERM; sleep 1000 & while read -r l; do :; done; echo eof >>$0; while"
            + " :; do sleep 0.05; done";
    var shell = new Sh().with("FLY_MCP_BEARER_TOKEN", "sesame");
    var wrap = shell.start(command("sh", "-c", program, marker.toString()));
    var stdout = reader(wrap.getInputStream());
    assertTrue(stdout.readLine().matches("http://127\\.0\\.0\\.1:\\d+/"));
    Await.until(() -> wrap.descendants().count() == 2);
    var family = wrap.descendants().toList();

    wrap.destroy();

    assertEquals(143, wrap.waitFor());
    assertEquals("eof\nterm\n", Files.readString(marker));
    Await.until(() -> family.stream().noneMatch(ProcessHandle::isAlive));
  }

  @Test
  void who_waits_for_a_reply_when_it_is_ended_hears_that_there_will_be_none() throws Exception {
    for (var i = 0; i < 5; i++) {
      wrapIn(24, Program.command());
      var session = initialize();
      var stderr = reader(command.getErrorStream());
      var open = threads.submit(() -> post(session, call(1, "wait", "0")));
      var replies = reader(getLines());
      lines(call(2, "wait", "0"));
      for (var waiting = 0; waiting < 2; ) if (stderr.readLine().equals("waiting")) waiting++;

      command.destroy();

      assertTrue(data(open.get()).contains("\"id\":1,\"error\""), open.get().body());
      var error = replies.readLine();
      assertTrue(error != null && error.contains("\"id\":2,\"error\""), error);
      assertNull(replies.readLine());
      command.waitFor();
    }
  }

  @Test
  void two_thousand_half_sent_heads_keep_nobody_else_out() throws Exception {
    wrapIn(32, Program.command());
    var half = "POST / HTTP/1.1\r\nHost: local".getBytes(StandardCharsets.US_ASCII);
    var sockets = new ArrayList<Socket>();
    try {
      for (var i = 0; i < 2000; i++) {
        var socket = new Socket();
        sockets.add(socket);
        socket.connect(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), port), Await.LIMIT_MS);
        socket.getOutputStream().write(half);
      }

      assertEquals(200, healthz(), "while they are there");
    } finally {
      for (var socket : sockets) socket.close();
    }
    assertEquals(200, healthz(), "after they have left");
    assertTrue(command.isAlive());
  }

  private int healthz() throws Exception {
    var url = URI.create("http://127.0.0.1:%d/healthz".formatted(port));
    return HttpSender.statusOfGet(url, Await.LIMIT_MS);
  }

  private static final String GO = "{\"jsonrpc\":\"2.0\",\"method\":\"go\"}";
  private static final String GO_LENGTH =
      "Content-Type: application/json\r\nContent-Length: " + GO.length() + "\r\n";

  @Test
  void a_reader_that_is_slow_costs_no_memory_and_nobody_elses_time() throws Exception {
    var line =
        "{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":\"%s\"}".formatted("a".repeat(1000));
    var program = "read -r asked; yes '" + line + "' | head -n 200000";
    wrapIn(24, List.of("sh", "-c", program));
    try (var slow = new Socket()) {
      slow.setReceiveBufferSize(4096);
      slow.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      ask(slow, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      var lines = reader(slow.getInputStream());
      assertEquals("HTTP/1.1 200 OK", lines.readLine());
      assertEquals("HTTP/1.1 202 Accepted", answer(port, "POST / HTTP/1.1", GO_LENGTH, GO));

      for (var i = 0; i < 20; i++) {
        assertEquals("HTTP/1.1 409 Conflict", answer(port, "GET / HTTP/1.1", "", ""));
        assertEquals("HTTP/1.1 200 OK", answer(port, "GET /healthz HTTP/1.1", "", ""));
        Thread.sleep(20);
      }

      var whole = 0;
      for (var next = lines.readLine(); whole < 10_000; next = lines.readLine()) {
        if (next.strip().equals(line)) whole++; // between the chunks' lengths
      }
    }
  }

  /** The status line. */
  private static String answer(int port, String request, String header, String body)
      throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      ask(
          socket,
          request + "\r\nHost: localhost\r\nConnection: close\r\n" + header + "\r\n" + body);
      return reader(socket.getInputStream()).readLine();
    }
  }

  @Test
  void it_listens_on_this_machine_only_unless_it_is_told_to() throws Exception {
    var others =
        NetworkInterface.networkInterfaces()
            .flatMap(NetworkInterface::inetAddresses)
            .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
            .toList();
    assumeFalse(others.isEmpty(), "this machine has no address but the loopback's");
    var words = new ArrayList<>(List.of(command("cat")));
    for (var everybody : List.of(false, true)) {
      if (everybody) words.addAll(words.indexOf("--"), List.of("--host", "0.0.0.0"));
      var wrap = new Sh().with("FLY_MCP_BEARER_TOKEN", null).start(words.toArray(String[]::new));
      try (var socket = new Socket()) {
        var port = URI.create(reader(wrap.getInputStream()).readLine()).getPort();
        var address = new InetSocketAddress(others.get(0), port);
        if (everybody) socket.connect(address, 20_000);
        else assertThrows(ConnectException.class, () -> socket.connect(address, 20_000));
      } finally {
        wrap.toHandle().destroy();
        wrap.waitFor();
      }
      var told = new String(wrap.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(
          everybody, told.contains("warning: anybody who reaches this port may use"), told);
    }
  }

  @Test
  void its_program_does_not_get_its_credentials() throws Exception {
    var shell = new Sh().with("FLY_MCP_BEARER_TOKEN", "sesame");
    shell.with("FLY_MCP_USER", "ali").with("FLY_MCP_PASSWORD", "baba");

    var result = shell.run(command("sh", "-c", "env >&2; exit 4"));

    assertEquals(4, result.exit());
    assertTrue(result.err().contains("PATH="), result.err());
    assertFalse(result.err().matches("(?s).*(sesame|=ali|baba).*"), result.err());
  }

  @Test
  void a_command_that_is_not_there_is_an_error() {
    var result = new Sh().run(command("no-such-command"));

    assertEquals(1, result.exit());
    assertTrue(result.err().contains("error: the program cannot be started"), result.err());
    assertTrue(result.err().contains("no-such-command"), result.err());
  }

  @Test
  void a_user_needs_a_password() {
    var result = Script.run(new McpWrap(), "--user", "ali", "--", "cat");

    assertEquals(2, result.exit());
    assertTrue(result.err().contains("the user ali has no password"), result.err());
  }

  @Test
  void an_empty_password_is_none_and_one_without_a_user_would_keep_nobody_out() {
    var empty = new Sh().with("FLY_MCP_PASSWORD", "").with("FLY_MCP_USER", "ali");
    var alone = new Sh().with("FLY_MCP_PASSWORD", "baba").with("FLY_MCP_USER", null);

    var noPassword = empty.run(command("cat"));
    var noUser = alone.run(command("cat"));

    assertEquals(2, noPassword.exit());
    assertTrue(noPassword.err().contains("the user ali has no password"), noPassword.err());
    assertEquals(2, noUser.exit());
    assertTrue(noUser.err().contains("has no user"), noUser.err());
    assertFalse(noUser.err().contains("baba"), noUser.err());
  }

  @Test
  void a_wrong_command_line_leaves_nothing_of_the_program_behind() {
    var sleep = "sleep " + System.nanoTime();
    var words = new ArrayList<>(List.of(command("sh", "-c", sleep + "; :")));
    words.add(words.indexOf("--"), "--no-such-option");

    var result = new Sh().run(words.toArray(String[]::new));

    assertEquals(2, result.exit(), result.err());
    var left =
        ProcessHandle.allProcesses()
            .filter(process -> process.info().commandLine().orElse("").endsWith(sleep))
            .toList();
    left.forEach(ProcessHandle::destroy);
    assertEquals(List.of(), left);
  }

  @Test
  void a_port_that_is_taken_is_an_error() throws Exception {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var busy = String.valueOf(taken.getLocalPort());

      var result = Script.run(new McpWrap(), "--port", busy, "--", "cat");

      assertEquals(1, result.exit());
      assertEquals("", result.out());
      assertTrue(result.err().contains("cannot listen on 127.0.0.1:" + busy), result.err());
    }
  }

  @Test
  void its_program_sees_no_token_of_Fly_io_and_no_credentials_of_the_wrap() throws Exception {
    for (var clean : List.of(false, true)) {
      var words = new ArrayList<>(List.of(command("sh", "-c", SPY)));
      if (clean) words.addAll(words.indexOf("--"), List.of("--clean-env", "--env", "MINE"));
      var wrap =
          new Sh()
              .with("FLY_API_TOKEN", "FlyV1 fm2_secret")
              .with("FLY_ACCESS_TOKEN", "fm2_secret")
              .with("FLY_MCP_BEARER_TOKEN", "secret")
              .with("MINE", "needed")
              .with("OTHER", "listed")
              .run(words.toArray(String[]::new));

      assertFalse(wrap.err().contains("secret"), wrap.err());
      assertTrue(wrap.err().contains("own MINE=needed"), wrap.err());
      assertEquals(!clean, wrap.err().contains("own OTHER=listed"), wrap.err());
    }
  }

  @Test
  void a_switch_for_privacy_that_is_not_understood_keeps_it_from_starting() {
    var wrap = new Sh().with("FLY_MCP_PRIVATE", "perhaps").run(command("cat"));

    assertEquals(2, wrap.exit(), wrap.err());
    assertTrue(wrap.err().contains("error: FLY_MCP_PRIVATE=perhaps is neither"), wrap.err());
  }

  @Test
  void the_command_has_the_options_of_the_program_that_is_shipped() {
    var spec = Cli.commandLine(new McpWrap()).getCommandSpec();

    var documented = new TreeSet<>(spec.optionsMap().keySet());

    documented.removeAll(Set.of("-h", "--help", "-V", "--version", "--as")); // of every command
    assertEquals(documented, new TreeSet<>(new WrapOptions().names()));
  }

  @Test
  void a_port_that_does_not_exist_is_a_wrong_command_line() {
    var started = new WrapOptions();
    started.port = 65_536;

    var refused =
        assertThrows(FlyException.class, () -> new WrapServer(x -> {}, x -> {}).run(started));

    assertEquals("there is no port 65536", refused.what);
    assertEquals(FlyException.USAGE, refused.exitCode);
  }
}
