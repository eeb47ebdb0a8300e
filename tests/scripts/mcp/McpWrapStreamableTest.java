import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import fly.mcp.http.AccessGuard;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Streamable HTTP: sessions, streams and their resumption. */
class McpWrapStreamableTest extends WrapFixture {
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
  @Tag("slow")
  void messages_of_64_MiB_pass_in_bounded_memory() throws Exception {
    wrapIn(24, Program.command());
    var body = folder.resolve("body");
    Files.writeString(body, call(1, "echo", "\"" + "x".repeat(64 << 20) + "\""));
    var request = json(initialize()).POST(BodyPublishers.ofFile(body)).build();

    var reply = client.send(request, BodyHandlers.ofFile(folder.resolve("reply"))).body();

    assertTrue(Files.size(reply) > 64 << 20);
    try (var in = Files.newInputStream(reply)) {
      var start = new String(in.readNBytes(200), StandardCharsets.US_ASCII);
      var event = start.replaceFirst("^(:\n\n)+", ""); // heartbeats of a busy machine
      var expected = "id: 2-1\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"xxxxx";
      assertTrue(event.startsWith(expected), event);
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
    Await.until(() -> log.contains("waiting"));

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
    Await.until(() -> log.contains("waiting"));

    var asking = threads.submit(() -> post(session, call(1, "ask", "0")));
    Await.until(() -> log.contains("asked"));
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
    Await.until(() -> log.contains("asked"));
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
    Await.until(() -> log.contains("waiting"));

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
        endless.setSoTimeout(Await.LIMIT_MS);
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

    Await.until(() -> programs().isEmpty());
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

    Await.until(() -> programs().isEmpty());

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
    Await.until(() -> post(session, call(1, "echo", "1")).statusCode() == 404);

    bridge.close();

    assertEquals(List.of(), programs());
  }

  @Test
  void a_quiet_stream_has_a_heartbeat() throws Exception {
    heartbeat = Duration.ofMillis(50);
    wrap(Program.command());
    var session = initialize();

    Await.until(() -> post(session, call(1, "sleep", "300")).body().contains(":\n\n:\n\n"));
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
      threads.submit(() -> passOnUntilIdle(cutter, 3_000));
      try (var get = new Socket(cutter.getInetAddress(), cutter.getLocalPort())) {
        get.getOutputStream().write(get(session, null).getBytes(StandardCharsets.US_ASCII));
        var lines = reader(get.getInputStream());
        assertEquals("HTTP/1.1 200 OK", lines.readLine());

        post(session, call(1, "sleep", "4500"));
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

  @Test
  @Tag("slow")
  void two_thousand_half_sent_heads_leave_it_alive_and_are_closed() throws Exception {
    wrap(SHELL_PROGRAM);
    var open = new ArrayList<Socket>();
    try {
      for (var i = 0; i < 2_000; i++) open.add(raw("POST / HTTP/1.1\r\nHost: loc"));

      assertEquals(200, healthz("GET").statusCode());

      open.get(0).setSoTimeout(Await.LIMIT_MS);
      assertEquals(-1, open.get(0).getInputStream().read());
    } finally {
      for (var socket : open) socket.close();
    }
    assertEquals(200, healthz("GET").statusCode());
  }

  @Test
  void a_private_server_refuses_clients_from_outside_the_private_network() throws Exception {
    guard = new AccessGuard(null, null, null, true, true, Set.of(), Set.of());
    wrap(SHELL_PROGRAM);

    assertEquals(403, send(json(null).header("Fly-Client-IP", "203.0.113.9").GET()).statusCode());
    assertEquals(403, send(json(null).header("Fly-Client-IP", "fdaa.example").GET()).statusCode());
    for (var ours : List.of("fdaa:0:18:a7b::3", "FDAA:0:18:a7b::3")) {
      var request = json(null).header("Fly-Client-IP", ours);
      assertEquals(200, send(request.POST(BodyPublishers.ofString(INITIALIZE))).statusCode());
    }
  }
}
