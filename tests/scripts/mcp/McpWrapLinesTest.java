import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.Fly;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** The wrap protocol: lines in by POST, lines out on one GET. */
class McpWrapLinesTest extends WrapFixture {
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

    assertEquals(200, getLinesAfterAnother().statusCode());
  }

  @Test
  void that_messages_are_lost_which_nobody_reads_is_told_once() throws Exception {
    wrap(Program.command());
    lines(call(1, "burst", "200000"));
    lines(call(2, "echo", "2"));

    Await.until(() -> !log.isEmpty());
    var replies = reader(getLines());
    for (var line = ""; !line.contains("\"id\":2"); ) line = replies.readLine();

    assertEquals(
        List.of("more than 12 MiB wait to be read: the oldest messages are dropped"),
        List.copyOf(log));
  }

  @Test
  void clients_that_go_in_the_middle_of_a_burst_never_block_it() throws Exception {
    wrap(Program.command());
    for (var i = 0; i < 20; ) {
      try (var leaving = raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
        var lines = reader(leaving.getInputStream());
        var status = lines.readLine();
        if (status.contains("409")) continue; // the last one has not been missed yet
        assertEquals("HTTP/1.1 200 OK", status);
        lines(call(i++, "burst", "20000"));
        for (var n = 0; n < 20; n++) lines.readLine();
      }
    }

    var replies = reader(getLinesAfterAnother());
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
    Await.until(() -> !log.isEmpty());
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
}
