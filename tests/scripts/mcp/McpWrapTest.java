import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.sun.net.httpserver.HttpServer;
import fly.Fly;
import fly.mcp.http.AccessGuard;
import fly.mcp.http.JdkServer;
import fly.mcp.wrap.BridgeConfig;
import fly.mcp.wrap.HttpBridge;
import fly.mcp.wrap.ProgramEnvironment;
import fly.mcp.wrap.StdioProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class McpWrapTest {
  private static final String INITIALIZE =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
          + "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}";

  /** Answers every request at once; costs no JVM. */
  private static final List<String> SHELL_PROGRAM =
      List.of(
          "sh",
          "-c",
          "while read -r line; do id=${line#*\\\"id\\\":}; id=${id%%[,\\}]*};"
              + " echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":$id,\\\"result\\\":{}}\"; done");

  @TempDir Path folder;
  private final HttpClient client = Http.CLIENT;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<String> log = Collections.synchronizedList(new ArrayList<>());
  private final List<String> traced = Collections.synchronizedList(new ArrayList<>());
  private AccessGuard guard = new AccessGuard(null, null, null, true, Set.of(), Set.of());
  private BridgeConfig.Protocol protocol = BridgeConfig.Protocol.AUTO;
  private Duration idle = Duration.ofMinutes(10);
  private Duration heartbeat = Duration.ofMinutes(10);
  private boolean shared;
  private boolean restart = true;
  private long bodyLimit = 100 << 20;
  private HttpBridge bridge;
  private HttpServer server;
  private Process command;
  private int port;

  @AfterEach
  void nothingStays() throws InterruptedException {
    if (command != null) {
      command.destroy();
      command.waitFor();
    }
    if (bridge != null) bridge.close();
    if (server != null) server.stop(0);
    threads.shutdownNow();
    assertEquals(List.of(), programs());
  }

  // ---- The wrap protocol

  @Test
  void a_reply_waits_until_a_GET_comes() throws Exception {
    wrap(Program.command());
    assertEquals(202, lines(call(1, "echo", "1")).statusCode());
    Thread.sleep(200);

    var replies = getLines();

    assertEquals(200, replies.statusCode());
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}", reader(replies).readLine());
  }

  @Test
  void the_guides_lines_are_answered_on_the_open_GET() throws Exception {
    wrap(Program.command());
    var replies = reader(getLines());

    lines("\n" + INITIALIZE + "\n" + call(1, "echo", "{\"a\":1e2}") + "\n" + call(2, "echo", "2"));

    assertTrue(replies.readLine().contains("\"serverInfo\""));
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1e2}}", replies.readLine());
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}", replies.readLine());
  }

  /** What flyctl sends: internal/command/mcp/proxy/passthru.go. */
  @Test
  void fly_mcp_proxy_of_flyctl_is_answered_as_by_flyctls_wrap() throws Exception {
    wrap(Program.command());
    var both = "application/json, text/event-stream";

    assertEquals(202, send(flyctl(both).POST(BodyPublishers.ofString(""))).statusCode());
    var get = flyctl("application/json").GET().build();
    var replies = client.send(get, BodyHandlers.ofInputStream());
    for (var line : List.of(INITIALIZE, call(1, "echo", "1"))) {
      var answer = send(flyctl(both).POST(BodyPublishers.ofString(line + "\n")));
      assertEquals(202, answer.statusCode());
      assertEquals("", answer.body());
    }

    assertEquals(200, replies.statusCode());
    var lines = reader(replies);
    assertTrue(lines.readLine().contains("\"serverInfo\""));
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}", lines.readLine());
  }

  @Test
  void a_second_GET_is_told_at_once_and_one_that_went_leaves_its_place() throws Exception {
    wrap(Program.command());
    try (var slow = raw("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")) {
      slow.getInputStream().read();
      lines(call(1, "burst", "200000"));
      Thread.sleep(200);

      assertEquals(409, getLines().statusCode());
    }

    assertEquals(200, getLines().statusCode());
  }

  @Test
  void that_messages_are_lost_which_nobody_reads_is_told_once() throws Exception {
    wrap(Program.command());
    lines(call(1, "burst", "200000"));
    lines(call(2, "echo", "2"));

    while (log.isEmpty()) Thread.sleep(20);
    var replies = reader(getLines());
    for (var line = ""; !line.contains("\"id\":2"); ) line = replies.readLine();

    assertEquals(
        List.of("more than 12 MiB wait to be read: the oldest messages are dropped"),
        List.copyOf(log));
  }

  @Test
  void clients_that_go_in_the_middle_of_a_burst_never_block_it() throws Exception {
    wrap(Program.command());
    for (var i = 0; i < 20; i++) {
      try (var leaving = raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
        var lines = reader(leaving.getInputStream());
        assertEquals("HTTP/1.1 200 OK", lines.readLine());
        lines(call(i, "burst", "20000"));
        for (var n = 0; n < 20; n++) lines.readLine();
      }
    }

    var replies = reader(getLines());
    lines(call(99, "echo", "99"));

    var line = replies.readLine();
    while (!line.contains("\"id\":99")) line = replies.readLine();
  }

  @Test
  void concurrent_and_slow_POSTs_are_never_mixed() throws Exception {
    wrap(Program.command());
    var replies = reader(getLines());
    try (var slow =
        raw(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n")) {
      chunk(slow, "{\"jsonrpc\":\"2.0\",\"id\":999,");
      var posts = new ArrayList<CompletableFuture<Void>>();
      for (var thread = 0; thread < 8; thread++) {
        posts.add(
            CompletableFuture.runAsync(
                () -> {
                  for (var i = 0; i < 500; i++) quietly(() -> lines(call(id(), "echo", "1")));
                },
                threads));
      }
      posts.forEach(CompletableFuture::join);
      chunk(slow, "\"method\":\"echo\",\"params\":1}");
      chunk(slow, "");

      var seen = new HashSet<String>();
      for (var i = 0; i < 4001; i++) {
        var reply = Fly.JSON.readTree(replies.readLine());
        assertEquals(1, reply.path("result").asInt(), reply.toString());
        seen.add(reply.path("id").asText());
      }

      assertEquals(4001, seen.size());
    }
    assertEquals(List.of(), log);
  }

  private int ids = 1000;

  private synchronized int id() {
    return ids++;
  }

  @Test
  void a_program_that_ends_answers_what_is_open_and_the_next_call_starts_it_again()
      throws Exception {
    wrap(Program.command());
    var replies = reader(getLines());
    lines(call(1, "wait", "1") + "\n" + call(2, "exit", "3"));

    for (var id : List.of(1, 2)) {
      var error = Fly.JSON.readTree(replies.readLine());
      assertEquals(id, error.path("id").asInt());
      assertEquals(
          "the MCP server has ended (exit code 3): waiting; going",
          error.at("/error/message").asText());
    }
    assertNull(replies.readLine());

    replies = reader(getLines());
    lines(call(3, "echo", "3"));
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":3}", replies.readLine());
  }

  @Test
  void a_program_has_ended_even_if_what_it_started_holds_its_stdout() throws Exception {
    wrap(List.of("sh", "-c", "sleep 1000 & echo $! >&2; read -r line; exit 3"));
    var replies = reader(getLines());

    lines(call(1, "echo", "1"));

    var error = replies.readLine();
    var holder = ProcessHandle.of(Long.parseLong(log.get(0))).orElseThrow();
    try {
      assertTrue(holder.isAlive());
      assertTrue(error.contains("\"id\":1,\"error\"") && error.contains("exit code 3"), error);
    } finally {
      holder.destroy();
      holder.onExit().join();
    }
  }

  @Test
  void a_program_that_ends_at_once_leaves_no_request_without_an_answer() throws Exception {
    wrap(List.of("sh", "-c", "echo nope >&2; exit 9"));

    for (var i = 0; i < 20; i++) {
      var answer = post(null, INITIALIZE);

      assertEquals(200, answer.statusCode());
      assertTrue(data(answer).contains("has ended (exit code 9): nope"), answer.body());
    }
  }

  @Test
  void a_program_that_only_closes_its_stdout_has_ended_too() throws Exception {
    wrap(List.of("sh", "-c", "while read -r line; do exec >&-; done; sleep 1000"));

    var answer = post(null, INITIALIZE);

    assertTrue(data(answer).contains("the MCP server has ended"), answer.body());
    assertEquals(List.of(), programs());
  }

  @Test
  void without_restart_its_exit_code_is_passed_on() throws Exception {
    restart = false;
    wrap(Program.command());

    lines(call(1, "exit", "3"));

    assertEquals(3, bridge.await());
    assertEquals(502, lines(call(2, "echo", "2")).statusCode());
  }

  @Test
  void a_banner_is_no_message() throws Exception {
    wrap(Program.command());
    var replies = reader(getLines());

    lines(call(1, "garbage", "\"Welcome!\"") + "\n" + call(2, "echo", "2"));

    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":0}", replies.readLine());
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}", replies.readLine());
    assertTrue(log.contains("ignored, no message: Welcome!"), log.toString());
  }

  // ---- Streamable HTTP

  @Test
  void bytes_pass_unchanged() throws Exception {
    wrap(Program.command());
    var session = initialize();

    for (var params :
        List.of(
            "12345678901234567890123",
            "1.0",
            "{\"z\":1,\"a\":{\"x-unknown\":null},\"u\":\"\\u00e4\\ud83d\\ude00\"}",
            "[1E2,-0.0,1e400]")) {
      for (var id : List.of("7", "\"seven\"", "9007199254740993", "18446744073709551616", "1.5")) {
        var reply = post(session, call(id, "echo", params));

        assertEquals(
            "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + params + "}", data(reply));
      }
    }
  }

  @Test
  void a_body_on_several_lines_is_one_message() throws Exception {
    wrap(Program.command());

    var reply = post(initialize(), call(1, "echo", "{\r\n  \"a\": 1\n}"));

    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{    \"a\": 1 }}", data(reply));
  }

  @Test
  void messages_of_64_MiB_pass_in_bounded_memory() throws Exception {
    wrapIn(24, Program.command());
    var body = folder.resolve("body");
    Files.writeString(body, call(1, "echo", "\"" + "x".repeat(64 << 20) + "\""));
    var request = json(initialize()).POST(BodyPublishers.ofFile(body)).build();

    var reply = client.send(request, BodyHandlers.ofFile(folder.resolve("reply"))).body();

    assertTrue(Files.size(reply) > 64 << 20);
    try (var in = Files.newInputStream(reply)) {
      var start = new String(in.readNBytes(53), StandardCharsets.US_ASCII);
      assertEquals("id: 2-1\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"xxxxx", start);
    }
  }

  @Test
  void many_small_messages_in_one_POST_take_no_more_memory_than_one() throws Exception {
    wrapIn(24, List.of("sh", "-c", "cat >/dev/null"));
    var body = folder.resolve("body");
    Files.writeString(body, "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n".repeat(100_000));
    var request = request().header("Content-Type", "application/json");

    var answer =
        client.send(request.POST(BodyPublishers.ofFile(body)).build(), BodyHandlers.ofString());

    assertEquals(202, answer.statusCode(), answer.body());
  }

  @Test
  void two_sessions_with_the_same_ids_are_never_mixed() throws Exception {
    wrap(Program.command());
    var sessions = List.of(initialize(), initialize());
    assertNotEquals(sessions.get(0), sessions.get(1));

    var calls = new ArrayList<CompletableFuture<Void>>();
    for (var session : sessions) {
      calls.add(
          CompletableFuture.runAsync(
              () -> {
                for (var id = 1; id <= 100; id++) {
                  var call = call(id, "echo", "\"" + session + "\"");
                  quietly(() -> assertTrue(data(post(session, call)).contains(session)));
                }
              },
              threads));
    }
    calls.forEach(CompletableFuture::join);
  }

  @Test
  void a_shared_program_is_one_and_still_mixes_nothing() throws Exception {
    shared = true;
    wrap(Program.command());
    var sessions = List.of(initialize(), initialize());

    var calls = new ArrayList<CompletableFuture<Void>>();
    for (var session : sessions) {
      calls.add(
          CompletableFuture.runAsync(
              () -> {
                for (var id = 1; id <= 100; id++) {
                  var n = id;
                  var call = call(id, "echo", "\"" + session + "\"");
                  quietly(
                      () ->
                          assertEquals(
                              "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":\"%s\"}"
                                  .formatted(n, session),
                              data(post(session, call))));
                }
              },
              threads));
    }
    calls.forEach(CompletableFuture::join);
    assertEquals(1, programs().size());
    var delete = request().header("Mcp-Session-Id", sessions.get(0)).DELETE().build();
    assertEquals(204, client.send(delete, BodyHandlers.ofString()).statusCode());
    assertEquals(200, post(sessions.get(1), call(1, "echo", "1")).statusCode());
  }

  @Test
  void in_a_shared_program_a_slow_reader_holds_up_only_itself() throws Exception {
    shared = true;
    wrap(Program.command());
    var slow = initialize();
    var other = initialize();
    try (var socket = new Socket()) {
      socket.setReceiveBufferSize(4096);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      ask(socket, get(slow, null));
      assertEquals('H', socket.getInputStream().read());

      // More than the connection's buffers hold.
      assertEquals(200, post(other, call(1, "burst", "150000")).statusCode());
      assertEquals("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}", data(echo(other, 2)));
    }
  }

  private HttpResponse<String> echo(String session, int id) throws Exception {
    return post(session, call(id, "echo", String.valueOf(id)));
  }

  @Test
  void in_a_shared_program_progress_and_cancelling_stay_with_their_session() throws Exception {
    shared = true;
    wrap(Program.command());
    var session = initialize();
    var other = initialize();
    var open = threads.submit(() -> post(other, call(1, "wait", "0")));
    while (log.stream().noneMatch("waiting"::equals)) Thread.sleep(5);

    var progress =
        post(
            session,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"progress\",\"params\":{\"_meta\":"
                + "{\"progressToken\":\"p1\"}}}");
    post(
        session,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");

    assertTrue(
        progress.body().contains("\"progressToken\":\"p1\",\"progress\":1"), progress.body());
    assertFalse(open.isDone());
    post(other, call(2, "exit", "3"));
    assertTrue(data(open.get()).contains("has ended (exit code 3)"), open.get().body());
  }

  @Test
  void what_a_shared_program_asks_goes_to_the_session_that_called_it_last() throws Exception {
    shared = true;
    wrap(Program.command());
    var session = initialize();
    var other = initialize();
    var waiting = threads.submit(() -> post(other, call(1, "wait", "0")));
    while (log.stream().noneMatch("waiting"::equals)) Thread.sleep(5);

    var asking = threads.submit(() -> post(session, call(1, "ask", "0")));
    while (log.stream().noneMatch("asked"::equals)) Thread.sleep(5);
    post(session, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":\"a\"}");

    var asked = asking.get().body();
    assertTrue(asked.contains("\"id\":\"q\",\"method\":\"roots/list\""), asked);
    assertTrue(asked.contains("\"id\":1,\"result\":\"answered\""), asked);
    post(other, call(2, "exit", "3"));
    assertFalse(waiting.get().body().contains("roots/list"), waiting.get().body());
  }

  @Test
  void the_first_bytes_of_a_reply_can_be_resumed_from() throws Exception {
    wrap(Program.command());

    var answer = post(null, INITIALIZE);

    assertEquals("text/event-stream", answer.headers().firstValue("content-type").orElse(""));
    assertTrue(answer.body().startsWith("id: 1-0\nretry: 1000\ndata:\n\nid: 1-1\ndata: {"));
  }

  @Test
  void a_client_that_loses_its_stream_again_and_again_misses_nothing() throws Exception {
    wrap(Program.command());
    var session = initialize();
    var expected = 0;
    var last = "0-0";
    for (var connection = 0; connection < 20; connection++) {
      try (var socket = raw(get(session, last))) {
        var lines = reader(socket.getInputStream());
        if (connection == 0) {
          assertEquals("HTTP/1.1 200 OK", lines.readLine());
          post(session, "{\"jsonrpc\":\"2.0\",\"method\":\"burst\",\"params\":20000}");
        }
        for (var read = 0; read < 20; read++) {
          var line = lines.readLine();
          while (!line.startsWith("data: ")) {
            if (line.startsWith("id: ")) last = line.substring(4);
            line = lines.readLine();
          }
          assertEquals(expected++, Fly.JSON.readTree(line.substring(6)).at("/params/n").asInt());
        }
      }
    }
  }

  @Test
  void a_broken_POST_stream_is_resumed_with_its_reply() throws Exception {
    wrap(Program.command());
    var session = initialize();
    var call = call(5, "sleep", "400");
    try (var broken =
        raw(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Accept: application/json, text/event-stream\r\nMcp-Session-Id: "
                + session
                + "\r\nMCP-Protocol-Version: 2025-11-25\r\nContent-Length: "
                + call.length()
                + "\r\n\r\n"
                + call)) {
      var lines = reader(broken.getInputStream());
      var line = lines.readLine();
      while (!line.equals("id: 2-0")) line = lines.readLine();
    }

    var request = request().header("Mcp-Session-Id", session).header("Last-Event-ID", "2-0");
    var resumed = request.header("Accept", "text/event-stream").GET().build();

    var answer = client.send(resumed, BodyHandlers.ofString());
    var events = answer.body().replaceAll("(?m)^:\n\n", ""); // a heartbeat may come between
    assertEquals("id: 2-1\ndata: {\"jsonrpc\":\"2.0\",\"id\":5,\"result\":400}\n\n", events);
  }

  @Test
  void what_the_server_says_and_asks_goes_to_the_GET_and_else_to_the_open_request()
      throws Exception {
    wrap(Program.command());
    var session = initialize();
    var alone = threads.submit(() -> post(session, call(1, "ask", "0")));
    while (log.stream().noneMatch("asked"::equals)) Thread.sleep(5);
    assertEquals(
        202, post(session, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":\"a\"}").statusCode());
    assertTrue(alone.get().body().contains("\"method\":\"roots/list\""), alone.get().body());
    assertTrue(alone.get().body().contains("\"id\":1,\"result\":\"answered\""), alone.get().body());

    try (var get = raw(get(session, null))) {
      var lines = reader(get.getInputStream());
      lines.readLine();
      threads.submit(() -> post(session, call(2, "ask", "0")));

      var line = lines.readLine();
      while (!line.startsWith("data: ")) line = lines.readLine();
      assertTrue(line.contains("\"method\":\"roots/list\""), line);
    }
  }

  @Test
  void progress_goes_to_the_request_that_asked_for_it() throws Exception {
    wrap(Program.command());
    var session = initialize();
    try (var get = raw(get(session, null))) {
      get.getInputStream().read();

      var answer =
          post(
              session,
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"progress\",\"params\":{\"_meta\":"
                  + "{\"progressToken\":\"p1\"}}}");

      assertTrue(answer.body().contains("\"progressToken\":\"p1\",\"progress\":1"), answer.body());
    }
  }

  /** MCP 2025-03-26, base protocol: a server must take them. */
  @Test
  void the_messages_of_a_batch_are_passed_on_one_by_one_and_answered_on_one_stream()
      throws Exception {
    wrap(Program.command());
    var session = initialize();
    var note = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/n\"}";

    var answer =
        post(
            session,
            "[" + call(1, "echo", "{\"a\": 1e2}") + ", " + note + "," + call(2, "echo", "2") + "]");
    var notes = post(session, "[" + note + "," + note + "]");

    assertEquals(
        List.of(
            "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\": 1e2}}",
            "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}"),
        answer.body().lines().filter(line -> line.startsWith("data:")).toList());
    assertEquals(202, notes.statusCode());
  }

  @Test
  void a_batch_with_one_bad_message_and_one_of_a_later_revision_are_refused_whole()
      throws Exception {
    wrap(Program.command());
    var session = initialize();
    var one = call(1, "echo", "1");

    refused(400, -32600, json(session), "[" + one + ",3]");
    refused(400, -32600, json(session), "[" + one + "," + one + "]");
    refused(400, -32000, json(null), "[" + INITIALIZE + "]");
    refused(
        400, -32600, json(session).header("MCP-Protocol-Version", "2025-06-18"), "[" + one + "]");

    assertTrue(post(session, one).body().contains("\"result\":1"));
  }

  @Test
  void a_batch_on_one_line_of_the_wrap_protocol_is_answered_by_lines() throws Exception {
    wrap(Program.command());
    var replies = reader(getLines());

    lines("[" + call(1, "echo", "1") + "," + call(2, "echo", "2") + "]");

    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}", replies.readLine());
    assertEquals("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}", replies.readLine());
  }

  @Test
  void a_cancelled_request_ends_without_a_reply() throws Exception {
    wrap(Program.command());
    var session = initialize();
    var open = threads.submit(() -> post(session, call(1, "wait", "0")));
    while (log.stream().noneMatch("waiting"::equals)) Thread.sleep(5);

    post(
        session,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");

    assertFalse(open.get().body().contains("\"id\":1"), open.get().body());
  }

  @Test
  void a_session_whose_program_ends_tells_it_and_is_over() throws Exception {
    wrap(Program.command());
    var session = initialize();

    var reply = post(session, call(1, "exit", "3"));

    assertTrue(data(reply).contains("has ended (exit code 3): going"), reply.body());
    assertEquals(404, post(session, call(2, "echo", "2")).statusCode());
    assertNotNull(initialize());
  }

  @Test
  void what_is_wrong_is_told_by_status_and_JSON_RPC_error() throws Exception {
    bodyLimit = 1000;
    wrap(SHELL_PROGRAM);
    var session = initialize();
    var good = call(1, "echo", "1");

    refused(415, -32000, streamable(session).header("Content-Type", "text/plain"), good);
    refused(415, -32000, request().header("Content-Type", "text/plain"), good);
    refused(415, -32000, json(session).header("Content-Encoding", "gzip"), good);
    refused(
        406,
        -32000,
        request()
            .header("Mcp-Session-Id", session)
            .header("Content-Type", "application/json")
            .header("Accept", "text/html"),
        good);
    refused(400, -32700, json(session), "{not json");
    refused(400, -32600, json(session), "[]");
    refused(400, -32600, json(session), "{\"id\":1}");
    refused(400, -32700, request().header("Content-Type", "application/json"), "{not json");
    refused(400, -32000, json(null), good);
    refused(404, -32000, json("unknown"), good);
    refused(413, -32600, json(session), call(1, "echo", "\"" + "x".repeat(1000) + "\""));
    var lines = request().header("Content-Type", "application/json");
    refused(413, -32600, lines, call(1, "echo", "\"" + "x".repeat(1000) + "\""));
    refused(400, -32000, json(session).header("MCP-Protocol-Version", "1999-01-01"), good);
    refused(400, -32600, json(session), INITIALIZE);
    assertEquals(200, post(session, good).statusCode());
  }

  @Test
  void a_body_without_length_or_end_is_refused_as_soon_as_it_is_too_long() throws Exception {
    bodyLimit = 1000;
    wrap(SHELL_PROGRAM);
    var head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    for (var accept : List.of("*/*", "application/json, text/event-stream")) {
      try (var endless =
          raw(head + "Accept: " + accept + "\r\nTransfer-Encoding: chunked\r\n\r\n")) {
        endless.setSoTimeout(20_000);
        chunk(endless, "x".repeat(1001));

        var answer = reader(endless.getInputStream()).readLine();

        assertTrue(answer.startsWith("HTTP/1.1 413"), answer);
      }
    }
  }

  @Test
  void a_deleted_session_is_over_and_its_program_gone() throws Exception {
    wrap(SHELL_PROGRAM);
    var session = initialize();
    var delete = request().header("Mcp-Session-Id", session).DELETE().build();

    assertEquals(204, client.send(delete, BodyHandlers.ofString()).statusCode());

    assertEquals(404, post(session, call(1, "echo", "1")).statusCode());
    assertEquals(List.of(), programs());
  }

  @Test
  void abandoned_sessions_are_reaped_with_their_programs() throws Exception {
    idle = Duration.ofMillis(500);
    wrap(SHELL_PROGRAM);
    for (var i = 0; i < 50; i++) initialize();

    for (var i = 0; i < 500 && !programs().isEmpty(); i++) Thread.sleep(20);

    assertEquals(List.of(), programs());
  }

  /** Takes no notice of the end of its input, nor of SIGTERM. */
  private static List<String> stubborn() {
    var program = SHELL_PROGRAM.get(2);
    return List.of("sh", "-c", "trap '' TERM; " + program + "; while :; do sleep 0.05; done");
  }

  @Test
  void stubborn_programs_of_abandoned_sessions_do_not_wait_for_each_other() throws Exception {
    idle = Duration.ofMillis(300);
    wrap(stubborn());
    for (var i = 0; i < 50; i++) initialize();
    var begin = System.nanoTime();

    while (!programs().isEmpty()) Thread.sleep(20);

    // One after the other they would take 50 times twice the grace.
    var took = Duration.ofNanos(System.nanoTime() - begin);
    assertTrue(took.toMillis() < 50 * 400, "they took " + took);
  }

  @Test
  void the_program_of_a_session_that_is_just_being_deleted_is_not_left_behind() throws Exception {
    wrap(stubborn());
    var session = initialize();
    var delete = request().header("Mcp-Session-Id", session).DELETE().build();
    client.sendAsync(delete, BodyHandlers.ofString());
    while (post(session, call(1, "echo", "1")).statusCode() != 404) Thread.sleep(5);

    bridge.close();

    assertEquals(List.of(), programs());
  }

  @Test
  void a_quiet_stream_has_a_heartbeat() throws Exception {
    heartbeat = Duration.ofMillis(50);
    wrap(Program.command());
    var session = initialize();

    var slow = post(session, call(1, "sleep", "300")).body();

    assertTrue(slow.contains(":\n\n:\n\n"), slow);
    try (var get = raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
      var lines = reader(get.getInputStream());
      var blanks = 0;
      while (blanks < 3) if (lines.readLine().equals(" ")) blanks++;
    }
  }

  @Test
  void a_quiet_stream_outlives_what_cuts_idle_connections() throws Exception {
    heartbeat = Duration.ofMillis(100);
    wrap(Program.command());
    var session = initialize();
    try (var cutter = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      threads.submit(() -> passOnUntilIdle(cutter, 1_000));
      try (var get = new Socket(cutter.getInetAddress(), cutter.getLocalPort())) {
        get.getOutputStream().write(get(session, null).getBytes(StandardCharsets.US_ASCII));
        var lines = reader(get.getInputStream());
        assertEquals("HTTP/1.1 200 OK", lines.readLine());

        post(session, call(1, "sleep", "2500"));
        post(session, call(2, "burst", "1"));

        var line = lines.readLine();
        while (line != null && !line.startsWith("data: ")) line = lines.readLine();
        assertTrue(line != null && line.contains("notifications/n"), "it was cut");
      }
    }
  }

  /** One connection to the wrap, which ends where the wrap says nothing for so long. */
  private Void passOnUntilIdle(ServerSocket from, int idleMillis) throws IOException {
    try (var client = from.accept();
        var wrap = raw("")) {
      threads.submit(() -> client.getInputStream().transferTo(wrap.getOutputStream()));
      wrap.setSoTimeout(idleMillis);
      wrap.getInputStream().transferTo(client.getOutputStream());
    }
    return null;
  }

  // ---- Who may come in

  @Test
  void pages_of_other_origins_and_other_names_for_us_are_refused() throws Exception {
    guard =
        new AccessGuard(null, null, null, true, Set.of("https://app.example"), Set.of("mcp.test"));
    wrap(SHELL_PROGRAM);

    assertEquals(403, status("Host: localhost\r\nOrigin: http://evil.example"));
    assertEquals(403, status("Host: localhost\r\nOrigin: null"));
    assertEquals(403, status("Host: evil.example"));
    assertEquals(200, status("Host: localhost\r\nOrigin: http://localhost:3000"));
    assertEquals(200, status("Host: 127.0.0.1:1234\r\nOrigin: https://app.example"));
    assertEquals(200, status("Host: mcp.test"));
  }

  @Test
  void a_page_that_may_come_is_let_in_by_its_browser_too() throws Exception {
    guard =
        new AccessGuard(
            "sesame", null, null, true, Set.of("https://app.example"), Set.of("mcp.test"));
    wrap(SHELL_PROGRAM);

    var asked =
        answer(
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
                + "Access-Control-Request-Method: POST\r\n"
                + "Access-Control-Request-Headers: authorization,mcp-session-id\r\n\r\n");
    assertEquals("HTTP/1.1 204 No Content", asked.get(0));
    assertTrue(asked.contains("Access-control-allow-origin: https://app.example"), asked + "");
    assertTrue(asked.contains("Access-control-allow-methods: GET, POST, DELETE"), asked + "");
    assertTrue(
        asked.contains("Access-control-allow-headers: authorization,mcp-session-id"), asked + "");

    var head = "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: ";
    var refused = answer(head + "https://app.example\r\n\r\n");
    assertEquals("HTTP/1.1 401 Unauthorized", refused.get(0));
    assertTrue(refused.contains("Access-control-allow-origin: https://app.example"), refused + "");
    assertTrue(refused.toString().contains("expose-headers: Mcp-Session-Id"), refused + "");

    var other = answer(head + "https://evil.example\r\n\r\n");
    assertEquals("HTTP/1.1 403 Forbidden", other.get(0));
    assertFalse(other.toString().contains("Access-control"), other + "");
  }

  /** Status line and headers. */
  private List<String> answer(String request) throws IOException {
    try (var socket = raw(request)) {
      var lines = reader(socket.getInputStream());
      var head = new ArrayList<String>();
      for (var line = lines.readLine(); !line.isEmpty(); line = lines.readLine()) head.add(line);
      return head;
    }
  }

  @Test
  void a_browser_is_told_what_this_is_and_takes_no_place() throws Exception {
    wrap(SHELL_PROGRAM);
    for (var accept : List.of("text/html,application/xml;q=0.9,*/*;q=0.8", "image/webp,*/*")) {
      var visit = request().header("Accept", accept).GET().build();

      var answer = client.send(visit, BodyHandlers.ofString());

      assertEquals(200, answer.statusCode());
      assertTrue(answer.body().startsWith("An MCP server"), answer.body());
    }
    assertEquals(200, getLines().statusCode());
  }

  @Test
  void either_credential_lets_in_and_none_reaches_the_program() throws Exception {
    guard = new AccessGuard("sesame", "ali", "baba", true, Set.of(), Set.of());
    wrap(SHELL_PROGRAM);

    for (var right : List.of("Bearer sesame", "bearer  sesame", "basic YWxpOmJhYmE=")) {
      assertEquals(200, status("Host: localhost\r\nAuthorization: " + right));
    }
    for (var wrong :
        List.of("Bearer x", "Basic x", "Basic sesame", "sesame", "Bearer YWxpOmJhYmE=")) {
      assertEquals(401, status("Host: localhost\r\nAuthorization: " + wrong));
    }
    var answer = client.send(request().GET().build(), BodyHandlers.ofString());
    assertEquals(
        "Bearer, Basic realm=\"MCP\", charset=\"UTF-8\"",
        answer.headers().firstValue("www-authenticate").orElse(""));
  }

  @Test
  void the_health_is_that_of_the_program_and_takes_no_slot() throws Exception {
    wrap(Program.command());

    assertEquals(200, healthz("GET").statusCode());
    assertEquals(200, healthz("HEAD").statusCode());
    assertEquals(200, getLines().statusCode());
    lines(call(1, "exit", "3"));
    var sick = healthz("GET");
    for (var i = 0; i < 200 && sick.statusCode() == 200; i++) {
      Thread.sleep(10);
      sick = healthz("GET");
    }
    assertEquals(503, sick.statusCode());
    assertTrue(sick.body().contains("(exit code 3): going"), sick.body());
  }

  @Test
  void the_last_words_of_a_program_are_not_for_everybody() throws Exception {
    guard = new AccessGuard("sesame", null, null, true, Set.of(), Set.of());
    restart = false;
    wrap(List.of("sh", "-c", "echo a secret >&2; exit 3"));
    bridge.await();

    var health = healthz("GET");

    assertEquals(503, health.statusCode());
    assertFalse(health.body().contains("secret"), health.body());
    assertTrue(log.toString().contains("a secret"), log.toString());
  }

  @Test
  void what_clients_say_and_hear_can_be_watched() throws Exception {
    wrap(SHELL_PROGRAM);

    post(initialize(), call(7, "tools/call", "{\"name\":\"echo\",\"x\":\"secret\"}"));
    lines(call(8, "ping", "{}"));

    assertEquals(
        List.of(
            "-> initialize 0",
            "POST /: 200",
            "-> tools/call echo 7",
            "POST /: 200",
            "-> ping 8",
            "POST /: 202"),
        traced);
  }

  @Test
  void other_methods_are_answered_sanely() throws Exception {
    wrap(SHELL_PROGRAM);
    for (var method : List.of("HEAD", "PUT", "OPTIONS")) {
      var request = request().method(method, BodyPublishers.noBody()).build();
      var answer = client.send(request, BodyHandlers.ofString());

      assertEquals(method.equals("OPTIONS") ? 204 : 405, answer.statusCode());
      assertEquals("GET, POST, DELETE", answer.headers().firstValue("allow").orElse(""));
    }
  }

  @Test
  void each_request_tells_its_protocol() throws Exception {
    wrap(SHELL_PROGRAM);
    var ping = call(1, "ping", "{}");

    // Streamable HTTP, which misses the session.
    for (var accept :
        List.of(
            "application/json, text/event-stream",
            "text/event-stream;q=0.5,application/json;q=0.9")) {
      assertEquals(400, asked(BodyPublishers.ofString(ping), "Accept", accept));
    }
    assertEquals(400, asked(null, "Accept", "text/event-stream"));
    assertEquals(404, asked(BodyPublishers.ofString(ping), "Mcp-Session-Id", "x", "Accept", "*/*"));
    assertEquals(
        400,
        asked(
            BodyPublishers.ofString(ping), "MCP-Protocol-Version", "2025-06-18", "Accept", "*/*"));

    // The wrap's.
    for (var accept : List.of("*/*", "application/json", "text/event-stream", "text/plain")) {
      assertEquals(202, asked(BodyPublishers.ofString(ping), "Accept", accept));
    }
    for (var accept : List.of("*/*", "application/json", "application/json, text/event-stream")) {
      assertEquals(200, asked(null, "Accept", accept));
    }
  }

  /** The status of a POST, or without a body of a GET. */
  private int asked(HttpRequest.BodyPublisher body, String... headers)
      throws IOException, InterruptedException {
    var request = request().headers(headers);
    if (body != null) request.header("Content-Type", "application/json").POST(body);
    var answer = client.send(request.build(), BodyHandlers.ofInputStream());
    answer.body().close();
    return answer.statusCode();
  }

  @Test
  void one_protocol_can_be_forced() throws Exception {
    protocol = BridgeConfig.Protocol.STREAMABLE;
    wrap(SHELL_PROGRAM);

    assertEquals(406, getLines().statusCode());
    assertEquals(406, lines(call(1, "echo", "1")).statusCode());
  }

  // ---- The command

  @Test
  @Tag("slow")
  void SIGTERM_ends_it_with_all_that_its_program_started() throws Exception {
    var marker = folder.resolve("eof");
    var program =
        "trap 'echo term >>$0' TERM; sleep 1000 & while read -r l; do :; done; echo eof >>$0; while"
            + " :; do sleep 0.05; done";
    var shell = new Sh().with("FLY_MCP_BEARER_TOKEN", "sesame");
    var wrap = shell.start(command("sh", "-c", program, marker.toString()));
    var stdout = reader(wrap.getInputStream());
    assertTrue(stdout.readLine().matches("http://127\\.0\\.0\\.1:\\d+/"));
    var family = wrap.descendants().toList();
    assertEquals(2, family.size());

    wrap.destroy();

    assertEquals(143, wrap.waitFor());
    assertEquals("eof\nterm\n", Files.readString(marker));
    assertTrue(family.stream().noneMatch(ProcessHandle::isAlive));
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

  private static void ask(Socket socket, String text) throws IOException {
    socket.setSoTimeout(20_000);
    socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
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
  @Tag("slow")
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
  @Tag("slow")
  void its_program_does_not_get_its_credentials() throws Exception {
    var shell = new Sh().with("FLY_MCP_BEARER_TOKEN", "sesame");
    shell.with("FLY_MCP_USER", "ali").with("FLY_MCP_PASSWORD", "baba");

    var result = shell.run(command("sh", "-c", "env >&2; exit 4"));

    assertEquals(4, result.exit());
    assertTrue(result.err().contains("PATH="), result.err());
    assertFalse(result.err().matches("(?s).*(sesame|=ali|baba).*"), result.err());
  }

  @Test
  @Tag("slow")
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
  @Tag("slow")
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
  @Tag("slow")
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
  @Tag("slow")
  void a_port_that_is_taken_is_an_error() throws Exception {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var busy = String.valueOf(taken.getLocalPort());

      var result = Script.run(new McpWrap(), "--port", busy, "--", "cat");

      assertEquals(1, result.exit());
      assertEquals("", result.out());
      assertTrue(result.err().contains("cannot listen on 127.0.0.1:" + busy), result.err());
    }
  }

  /** A stdio program whose methods do what a test needs. */
  static final class Program {
    /** In a file: Linux tells command lines of up to a page only, and so is the program found. */
    private static final Path CLASS_PATH = classPath();

    private static Path classPath() {
      try {
        var file = Files.createTempFile("class-path", null);
        file.toFile().deleteOnExit();
        var path = System.getProperty("java.class.path").replace("\\", "\\\\");
        return Files.writeString(file, "-cp \"" + path + "\"");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    static List<String> command() {
      return List.of(
          java(),
          "-XX:TieredStopAtLevel=1",
          "-XX:+UseSerialGC",
          "-Dfile.encoding=UTF-8",
          "@" + CLASS_PATH,
          Program.class.getName());
    }

    public static void main(String... args) throws Exception {
      var in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
      String asked = null;
      for (var line = in.readLine(); line != null; line = in.readLine()) {
        var method = after(line, "\"method\":", ",");
        var id = after(line, "\"id\":", ",");
        if (method == null) {
          reply(asked, "\"answered\"");
          continue;
        }
        var at = line.indexOf("\"params\":");
        var params = at < 0 ? "null" : line.substring(at + 9, line.length() - 1);
        switch (method.replace("\"", "").replace("}", "")) {
          case "initialize" ->
              reply(id, "{\"protocolVersion\":\"2025-11-25\",\"serverInfo\":{\"name\":\"t\"}}");
          case "echo" -> reply(id, params);
          case "sleep" -> {
            Thread.sleep(Long.parseLong(params));
            reply(id, params);
          }
          case "burst" -> {
            for (var n = 0; n < Integer.parseInt(params); n++) {
              say(
                  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/n\",\"params\":{\"n\":"
                      + n
                      + "}}");
            }
            if (id != null) reply(id, "0");
          }
          case "progress" -> {
            say(
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                    + "{\"progressToken\":"
                    + after(line, "\"progressToken\":", "}")
                    + ",\"progress\":1}}");
            reply(id, "0");
          }
          case "ask" -> {
            asked = id;
            say("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}");
            System.err.println("asked");
          }
          case "garbage" -> {
            say(params.replace("\"", ""));
            reply(id, "0");
          }
          case "wait" -> System.err.println("waiting");
          case "exit" -> {
            System.err.println("going");
            System.exit(Integer.parseInt(params));
          }
          default -> {}
        }
      }
    }

    private static String after(String line, String key, String end) {
      var at = line.indexOf(key);
      if (at < 0) return null;
      var to = line.indexOf(end, at);
      return line.substring(at + key.length(), to < 0 ? line.length() : to);
    }

    private static void reply(String id, String result) throws IOException {
      say("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + result + "}");
    }

    private static void say(String line) throws IOException {
      System.out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      System.out.flush();
    }
  }

  private void wrap(List<String> command) throws IOException {
    bridge =
        new HttpBridge(
            new BridgeConfig(
                protocol,
                guard,
                bodyLimit,
                idle,
                heartbeat,
                Duration.ofMillis(200),
                shared,
                restart,
                log::add,
                traced::add),
            StdioProgram.source(command, ProgramEnvironment.inherited(), log::add));
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = JdkServer.serve(address, bridge::handle);
    port = server.getAddress().getPort();
  }

  /** As {@link #wrap}, by the command, in a JVM of its own with a heap of so many MB. */
  private void wrapIn(int heap, List<String> program) throws IOException {
    var words = new ArrayList<>(List.of(command(program.toArray(String[]::new))));
    words.add(1, "-Xmx" + heap + "m");
    words.addAll(words.indexOf("--"), List.of("--max-body", String.valueOf(bodyLimit)));
    command = new Sh().with("FLY_MCP_BEARER_TOKEN", null).start(words.toArray(String[]::new));
    port = URI.create(reader(command.getInputStream()).readLine()).getPort();
  }

  private static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  private static String[] command(String... program) {
    return Stream.concat(
            Stream.of(
                java(),
                "-cp",
                System.getProperty("java.class.path"),
                "McpWrap",
                "--port",
                "0",
                "--"),
            Stream.of(program))
        .toArray(String[]::new);
  }

  private List<String> programs() {
    return ProcessHandle.current()
        .children()
        .filter(ProcessHandle::isAlive)
        .map(process -> process.info().commandLine().orElse(""))
        .filter(line -> line.contains("McpWrapTest$Program") || line.contains("while read -r line"))
        .toList();
  }

  private HttpRequest.Builder request() {
    var url = "http://localhost:" + port + "/";
    return HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60));
  }

  private HttpRequest.Builder flyctl(String accept) {
    return request()
        .header("User-Agent", "mcp-bridge-client")
        .header("Content-Type", "application/json")
        .header("Accept", accept);
  }

  private HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private HttpRequest.Builder streamable(String session) {
    var request = request().header("Accept", "application/json, text/event-stream");
    return session == null ? request : request.header("Mcp-Session-Id", session);
  }

  private HttpRequest.Builder json(String session) {
    return streamable(session).header("Content-Type", "application/json");
  }

  private String initialize() throws IOException, InterruptedException {
    var answer = post(null, INITIALIZE);
    assertEquals(200, answer.statusCode(), answer.body());
    return answer.headers().firstValue("mcp-session-id").orElseThrow();
  }

  private HttpResponse<String> post(String session, String body)
      throws IOException, InterruptedException {
    var request = json(session).POST(BodyPublishers.ofString(body)).build();
    return client.send(request, BodyHandlers.ofString());
  }

  private void refused(int status, int code, HttpRequest.Builder request, String body)
      throws IOException, InterruptedException {
    var answer =
        client.send(request.POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
    assertEquals(status, answer.statusCode(), answer.body());
    var error = Fly.JSON.readTree(answer.body());
    assertEquals(code, error.at("/error/code").asInt(), answer.body());
    assertTrue(error.path("id").isNull() && error.has("jsonrpc"), answer.body());
  }

  private HttpResponse<String> lines(String lines) throws IOException, InterruptedException {
    var request = request().header("Content-Type", "application/json");
    return client.send(
        request.POST(BodyPublishers.ofString(lines)).build(), BodyHandlers.ofString());
  }

  private HttpResponse<InputStream> getLines() throws IOException, InterruptedException {
    var request = request().header("Accept", "application/json").GET().build();
    return client.send(request, BodyHandlers.ofInputStream());
  }

  private HttpResponse<String> healthz(String method) throws IOException, InterruptedException {
    var url = URI.create("http://localhost:" + port + "/healthz");
    var request = HttpRequest.newBuilder(url).method(method, BodyPublishers.noBody()).build();
    return client.send(request, BodyHandlers.ofString());
  }

  private static String get(String session, String lastEvent) {
    return "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: "
        + session
        + (lastEvent == null ? "" : "\r\nLast-Event-ID: " + lastEvent)
        + "\r\n\r\n";
  }

  private Socket raw(String head) throws IOException {
    var socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private int status(String headers) throws IOException {
    var body = INITIALIZE;
    try (var socket =
        raw(
            "POST / HTTP/1.1\r\n"
                + headers
                + "\r\nContent-Type: application/json\r\nAccept: application/json,"
                + " text/event-stream\r\nContent-Length: "
                + body.length()
                + "\r\n\r\n"
                + body)) {
      return Integer.parseInt(reader(socket.getInputStream()).readLine().split(" ")[1]);
    }
  }

  private static void chunk(Socket socket, String text) throws IOException {
    var chunk = Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
    socket.getOutputStream().write(chunk.getBytes(StandardCharsets.US_ASCII));
  }

  private static String call(Object id, String method, String params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\",\"params\":%s}"
        .formatted(id, method, params);
  }

  /** The last event's. */
  private static String data(HttpResponse<String> answer) {
    var body = answer.body();
    return body.substring(body.lastIndexOf("data: ") + 6).stripTrailing();
  }

  private static BufferedReader reader(HttpResponse<InputStream> response) {
    return reader(response.body());
  }

  private static BufferedReader reader(InputStream stream) {
    return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
  }

  private interface Action {
    void run() throws Exception;
  }

  private static void quietly(Action action) {
    try {
      action.run();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
