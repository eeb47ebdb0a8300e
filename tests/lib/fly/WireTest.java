import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Deadline;
import fly.Fly;
import fly.FlyException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WireTest {
  private static final JsonNode BODY = Fly.JSON.createObjectNode().put("a", 1);
  private static final Duration GRACE = Duration.ofSeconds(15); // on a busy machine

  /** Answers a request that was read whole. */
  private interface Reply {
    void to(Socket socket, OutputStream out) throws Exception;
  }

  private final List<String> received = new CopyOnWriteArrayList<>();
  private final List<String> verbose = new CopyOnWriteArrayList<>();
  private ServerSocket server;
  private volatile Reply reply;
  private volatile boolean keepsAlive;
  private final AtomicInteger connections = new AtomicInteger();
  private Duration budget = Duration.ofMinutes(1);

  @BeforeEach
  void serve() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Script.settings("http://127.0.0.1:" + server.getLocalPort(), FakeFly.TOKEN);
    Deadline.clock(new FastClock());
    var thread = new Thread(this::accept);
    thread.setDaemon(true);
    thread.start();
  }

  @AfterEach
  void end() throws IOException {
    server.close();
    Deadline.clock(null);
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        var socket = server.accept();
        connections.incrementAndGet();
        var thread = new Thread(() -> answer(socket));
        thread.setDaemon(true);
        thread.start();
      } catch (IOException e) {
        return;
      }
    }
  }

  private void answer(Socket socket) {
    try (socket) {
      do {
        received.add(request(socket.getInputStream()));
        reply.to(socket, socket.getOutputStream());
      } while (keepsAlive);
    } catch (Exception e) {
      // the client has left
    }
  }

  private static String request(InputStream in) throws IOException {
    var head = new ByteArrayOutputStream();
    while (!head.toString().endsWith("\r\n\r\n")) {
      var next = in.read();
      if (next < 0) throw new IOException("no request");
      head.write(next);
    }
    var text = head.toString();
    var length = text.replaceFirst("(?is).*content-length: (\\d+).*", "$1");
    if (length.matches("\\d+")) in.readNBytes(Integer.parseInt(length));
    return text;
  }

  private static Reply text(String text) {
    return (socket, out) -> out.write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static Reply json(String body) {
    return text("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s".formatted(body.length(), body));
  }

  private Fly fly() {
    return Fly.connect(null, verbose::add, (format, args) -> {}).within(Deadline.after(budget));
  }

  private long sent() {
    return verbose.stream().filter(line -> line.startsWith("> ")).count();
  }

  private void call(String method) {
    switch (method) {
      case "GET" -> fly().get("/v1/apps/a/machines");
      case "POST" -> fly().post("/v1/apps/a/machines", BODY);
      case "PUT" -> fly().put("/v1/x", BODY);
      default -> fly().delete("/v1/x");
    }
  }

  private FlyException fails(String method) {
    var start = Deadline.clock().nanos();
    var e = assertThrows(FlyException.class, () -> call(method));
    var took = Duration.ofNanos(Deadline.clock().nanos() - start);
    assertTrue(took.compareTo(budget.plus(GRACE)) < 0, took::toString);
    assertFalse(e.tryNext.isEmpty(), e::toString);
    return e;
  }

  @Test
  void a_server_that_reads_and_then_closes_sees_each_request_once_only() {
    for (var reset : List.of(false, true)) {
      reply = (socket, out) -> socket.setSoLinger(reset, 0);
      for (var method : List.of("GET", "POST", "PUT", "DELETE")) {
        received.clear();
        verbose.clear();

        fails(method);

        assertEquals(sent(), received.size(), method + " " + verbose);
      }
    }
  }

  @Test
  void what_may_be_repeated_goes_over_a_connection_that_was_kept() {
    keepsAlive = true;
    reply = json("[]");
    var fly = fly();

    for (int i = 0; i < 5; i++) fly.list("/v1/apps/a/machines");

    assertEquals(5, received.size());
    assertEquals(1, connections.get());
    assertFalse(received.get(0).contains("Wire"), received.get(0));
  }

  @Test
  void what_must_not_be_repeated_has_a_connection_of_its_own() {
    keepsAlive = true;
    reply = json("{\"id\":\"a\"}");
    var fly = fly();

    for (int i = 0; i < 3; i++) fly.post("/v1/apps/a/machines", BODY);

    assertEquals(3, connections.get());
  }

  @Test
  void a_kept_connection_that_its_server_has_closed_is_replaced_unseen() {
    reply = json("[]");
    var fly = fly();

    for (int i = 0; i < 3; i++) fly.list("/v1/apps/a/machines");

    assertEquals(3, received.size());
    assertEquals(3, sent());
  }

  @Test
  void a_server_that_reads_from_a_kept_connection_and_closes_gets_the_request_on_a_new_one() {
    keepsAlive = true;
    reply =
        (socket, out) -> {
          if (received.size() == 2) socket.close();
          else json("[]").to(socket, out);
        };
    var fly = fly();

    for (int i = 0; i < 2; i++) fly.list("/v1/apps/a/machines");

    assertEquals(3, received.size());
    assertEquals(2, sent());
  }

  @Test
  void an_answer_to_nothing_is_not_taken_for_the_next_ones() {
    keepsAlive = true;
    reply =
        (socket, out) -> {
          var state = received.size() == 1 ? "first" : "second";
          var one = "{\"id\":\"a\",\"state\":\"%s\"}";
          var answer = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s";
          var body = one.formatted(state);
          var stray = one.formatted("stray");
          var both =
              answer.formatted(body.length(), body) + answer.formatted(stray.length(), stray);
          out.write(both.getBytes(StandardCharsets.ISO_8859_1));
        };
    var fly = fly();

    assertEquals("first", fly.machine("a", "a").state());
    assertEquals("second", fly.machine("a", "a").state());
  }

  @Test
  void a_POST_whose_answer_is_lost_is_sent_once_and_may_have_happened() {
    for (var reset : List.of(false, true)) {
      received.clear();
      reply = (socket, out) -> socket.setSoLinger(reset, 0);

      var e = fails("POST");

      assertEquals(FlyException.AMBIGUOUS, e.exitCode);
      assertEquals(1, received.size());
    }
  }

  private void neverASuccess(Reply reply) {
    this.reply = reply;
    received.clear();

    assertEquals(FlyException.REFUSED, fails("GET").exitCode);
    received.clear();
    assertEquals(FlyException.AMBIGUOUS, fails("POST").exitCode);
    assertEquals(1, received.size());
  }

  @Test
  void a_body_below_its_length_is_not_an_answer() {
    neverASuccess(text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]"));
  }

  @Test
  void a_body_without_its_last_chunk_is_not_an_answer() {
    neverASuccess(text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"));
  }

  @Test
  void a_head_that_is_cut_is_not_an_answer() {
    neverASuccess(text("HTTP/1.1 200 OK\r\nContent-Le"));
  }

  @Test
  void broken_gzip_is_not_an_answer() {
    neverASuccess(
        text(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
                + "\u001f\u008b\b\0\0"));
  }

  @Test
  void null_a_text_and_nothing_are_not_a_list() {
    for (var body : List.of("null", "\"ok\"", "", "{}")) neverASuccess(json(body));
  }

  @Test
  void a_list_is_not_an_object() {
    reply = json("[]");

    assertThrows(FlyException.class, () -> fly().get("/v1/apps/{app}", "a"));
    assertThrows(FlyException.class, () -> fly().apps("personal"));
    assertEquals(FlyException.AMBIGUOUS, fails("POST").exitCode);
  }

  @Test
  void a_list_without_length_and_chunks_proves_no_absence() {
    reply = text("HTTP/1.1 200 OK\r\n\r\n[]");

    assertEquals(FlyException.REFUSED, fails("GET").exitCode);
  }

  @Test
  void an_answer_of_gigabytes_is_refused_before_it_is_read() {
    neverASuccess(text("HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n["));
  }

  @Test
  void silence_and_a_byte_at_a_time_end_at_the_deadline() {
    budget = Duration.ofSeconds(3);
    neverASuccess((socket, out) -> socket.getInputStream().read()); // until the client has gone
    neverASuccess(
        (socket, out) -> {
          out.write("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n[".getBytes());
          for (int i = 0; i < 89; i++) {
            out.write(' ');
            TimeUnit.MILLISECONDS.sleep(250);
          }
        });
  }

  @Test
  void a_token_that_an_answer_repeats_is_in_no_message() {
    var text = "no access for Bearer " + FakeFly.TOKEN + " nor fm2_AAAABBBBCCCC\\/DDDD";
    var body = "{\"error\":\"%s\"}".formatted(text);
    for (var answer : List.of(body, text, "x".repeat(180) + FakeFly.TOKEN)) {
      reply =
          text(
              "HTTP/1.1 400 Bad\r\nfly-request-id: %s\r\nContent-Length: %d\r\n\r\n%s"
                  .formatted(FakeFly.TOKEN, answer.length(), answer));

      var told = fails("POST") + " " + verbose;

      assertTrue(told.contains("***"), told);
      assertFalse(told.contains(FakeFly.TOKEN.substring(0, 14)), told);
      assertFalse(told.contains("fm2_AAAA") || told.contains("DDDD"), told);
    }
  }

  @Test
  void a_token_that_a_GraphQL_error_repeats_is_in_no_message() {
    reply = json("{\"errors\":[{\"message\":\"bad token %s\"}]}".formatted(FakeFly.TOKEN));

    var e = assertThrows(FlyException.class, () -> fly().graphql("query { x }", BODY));

    assertFalse(e.toString().contains(FakeFly.TOKEN), e::toString);
    assertTrue(e.toString().contains("bad token ***"), e::toString);
  }
}
