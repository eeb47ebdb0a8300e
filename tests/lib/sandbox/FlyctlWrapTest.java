import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.mcp.http.JdkServer;
import fly.sandbox.runtime.FlyctlWrap;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FlyctlWrapTest {
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpClient client = Http.CLIENT;

  /** Reads of the program's stdout, the waiting one included. */
  private final AtomicInteger reads = new AtomicInteger();

  private Process program;
  private JdkServer server;
  private FlyctlWrap wrap;

  @AfterEach
  void end() {
    nothingStays();
    threads.shutdownNow();
  }

  private void nothingStays() {
    wrap.close();
    program.descendants().forEach(ProcessHandle::destroyForcibly);
    program.destroyForcibly();
    server.close();
  }

  @Test
  void a_POST_is_answered_with_202_and_what_the_program_says_comes_on_the_GET() throws Exception {
    wrap("cat");
    var replies = get();

    var answer = post("{\"id\":1}\n{\"id\":2}\n");

    assertEquals(202, answer.statusCode());
    assertEquals("", answer.body());
    assertEquals(200, replies.statusCode());
    assertEquals("text/event-stream", replies.headers().firstValue("content-type").orElse(""));
    var lines = lines(replies.body());
    assertEquals("{\"id\":1}", lines.readLine());
    assertEquals("{\"id\":2}", lines.readLine());
  }

  @Test
  void each_line_comes_as_the_program_says_it() throws Exception {
    wrap("sh", "-c", "while read line; do echo before; read next; echo after; done");
    var lines = lines(get().body());

    post("one");
    assertEquals("before", lines.readLine());
    post("two");
    assertEquals("after", lines.readLine());
  }

  @Test
  void the_last_line_gets_the_newline_that_it_lacks() throws Exception {
    wrap("sh", "-c", "while read line; do echo \"[$line]\"; done");
    var lines = lines(get().body());

    post("one\ntwo");

    assertEquals("[one]", lines.readLine());
    assertEquals("[two]", lines.readLine());
  }

  @Test
  void an_empty_POST_says_nothing_to_the_program() throws Exception {
    wrap("sh", "-c", "while read line; do echo \"[$line]\"; done");
    var lines = lines(get().body());

    assertEquals(202, post("").statusCode());
    post("one");

    assertEquals("[one]", lines.readLine());
  }

  @Test
  void what_the_program_says_while_no_GET_is_open_is_lost_as_flyctl_loses_it() throws Exception {
    wrap("sh", "-c", "while read line; do echo $line; echo $line >&2; done");
    post("lost");
    assertEquals("lost", lines(program.getErrorStream()).readLine());
    Await.until(() -> reads.get() > 1); // it has dropped the line, and asks for the next

    var lines = lines(get().body());
    post("kept");

    assertEquals("kept", lines.readLine());
  }

  @Test
  void a_second_GET_is_refused_and_the_first_one_goes_on() throws Exception {
    wrap("cat");
    var lines = lines(get().body());

    var second = client.send(request("").GET().build(), BodyHandlers.ofString());

    assertEquals(409, second.statusCode());
    assertTrue(second.body().startsWith("{\"error\": \"another client"), second.body());
    post("{\"id\":1}");
    assertEquals("{\"id\":1}", lines.readLine().strip());
  }

  @Test
  void a_client_that_went_without_a_word_leaves_its_place_to_the_next() throws Exception {
    wrap("cat");
    try (var first = rawGet()) {
      assertEquals("HTTP/1.1 200 OK", lines(first.getInputStream()).readLine());
    }

    var replies = getAfterAnother();

    assertEquals(200, replies.statusCode());
    post("{\"id\":1}");
    assertEquals("{\"id\":1}", lines(replies.body()).readLine());
  }

  @Test
  void clients_that_go_in_the_middle_of_a_burst_never_block_it() throws Exception {
    wrap("sh", "-c", "while read line; do seq 1 20000; echo end; done");
    for (var i = 0; i < 20; i++) {
      try (var leaving = rawGet()) {
        var lines = lines(leaving.getInputStream());
        while (!lines.readLine().isEmpty()) {}
        post("go");
        for (var read = 0; read < 10; read++) lines.readLine();
      }
    }

    var replies = getAfterAnother();
    var lines = lines(replies.body());
    post("go");

    var line = lines.readLine();
    while (line != null && !line.strip().equals("20000")) line = lines.readLine();
    assertEquals("end", lines.readLine());
  }

  @Test
  void a_client_that_does_not_read_holds_up_nobody_elses_requests() throws Exception {
    wrap("sh", "-c", "read line; yes; sleep 1000");
    try (var slow = rawGet()) {
      lines(slow.getInputStream()).readLine();
      post("go");
      Thread.sleep(300);

      assertEquals(409, getAnswer().statusCode());
      assertEquals(202, post("{\"id\":1}").statusCode());
    }
  }

  @Test
  void lines_of_concurrent_POSTs_are_never_mixed() throws Exception {
    wrap("cat");
    var lines = lines(get().body());
    var payload = "x".repeat(5000);

    var posts = new ArrayList<CompletableFuture<Void>>();
    for (var thread = 0; thread < 8; thread++) {
      var name = thread;
      posts.add(
          CompletableFuture.runAsync(
              () -> {
                for (var i = 0; i < 100; i++) quietly(() -> post(name + payload + name));
              },
              threads));
    }

    for (var i = 0; i < 800; i++) {
      var line = lines.readLine();
      assertEquals(payload.length() + 2, line.length());
      assertEquals(line.charAt(0), line.charAt(line.length() - 1));
    }
    posts.forEach(CompletableFuture::join);
  }

  @Test
  void a_slow_POST_neither_holds_up_nor_spoils_a_fast_one() throws Exception {
    wrap("cat");
    var lines = lines(get().body());
    try (var slow = rawPost()) {
      chunk(slow, "{\"slow\":");

      post("{\"fast\":1}");
      assertEquals("{\"fast\":1}", lines.readLine());

      chunk(slow, "1}");
      chunk(slow, "");
      assertEquals("HTTP/1.1 202 Accepted", lines(slow.getInputStream()).readLine());
      assertEquals("{\"slow\":1}", lines.readLine());
    }
  }

  @Test
  void a_POST_that_breaks_off_never_reaches_the_program() throws Exception {
    wrap("cat");
    var lines = lines(get().body());
    for (var size : List.of(10, 3_000_000)) {
      try (var broken = rawPost()) {
        chunk(broken, "x".repeat(size));
      }
    }

    post("{\"id\":1}");

    assertEquals("{\"id\":1}", lines.readLine());
  }

  @Test
  void a_line_of_more_than_10_MiB_is_the_end_as_it_is_of_flyctls() throws Exception {
    wrap("cat");
    var lines = lines(get().body());
    var long_ = "x".repeat(9 << 20);

    var answer = threads.submit(() -> post(long_ + "\nshort"));

    assertEquals(long_.length(), lines.readLine().length());
    assertEquals("short", lines.readLine());
    assertEquals(202, answer.get().statusCode());

    post("x".repeat(11 << 20));

    assertNull(lines.readLine());
    var refusal = post("{\"id\":1}");
    assertEquals(502, refusal.statusCode());
    assertTrue(refusal.body().contains("no line of more than 10 MiB"), refusal.body());
  }

  @Test
  void a_bearer_token_is_asked_for_where_there_is_one() throws Exception {
    wrapFor("sesame", null, null, "cat");

    for (var wrong : List.of("", "Bearer wrong", "Basic sesame", "bearer sesame", "Bearer ")) {
      var request = request("").GET();
      if (!wrong.isEmpty()) request.header("Authorization", wrong);
      var answer = client.send(request.build(), BodyHandlers.ofString());

      assertEquals(401, answer.statusCode(), wrong);
      assertEquals("Bearer", answer.headers().firstValue("www-authenticate").orElse(""));
      assertTrue(answer.body().startsWith("{\"error\": \""), answer.body());
      assertFalse(answer.body().contains("sesame"), answer.body());
    }
    for (var right : List.of("Bearer sesame", "Bearer  sesame ")) {
      var request = request("").header("Authorization", right).POST(BodyPublishers.ofString("x"));
      assertEquals(202, client.send(request.build(), BodyHandlers.ofString()).statusCode());
    }
  }

  @Test
  void user_and_password_are_asked_for_where_there_is_no_token() throws Exception {
    var right = "Basic YWxpOmJhYmE="; // ali:baba
    for (var token : new String[] {null, "sesame"}) {
      wrapFor(token, "ali", "baba", "cat");

      var asked = token == null ? "Basic realm=\"MCP\", charset=\"UTF-8\"" : "Bearer";
      var stranger = client.send(request("").GET().build(), BodyHandlers.ofString());
      assertEquals(401, stranger.statusCode());
      assertEquals(asked, stranger.headers().firstValue("www-authenticate").orElse(""));
      var request = request("").header("Authorization", right).POST(BodyPublishers.ofString("x"));
      var answer = client.send(request.build(), BodyHandlers.ofString());
      assertEquals(token == null ? 202 : 401, answer.statusCode());
      if (token == null) nothingStays();
    }
  }

  @Test
  void a_browser_is_greeted_and_takes_no_place() throws Exception {
    wrap("cat");
    var visit = request("").header("Accept", "text/html,*/*;q=0.8").GET().build();

    var answer = client.send(visit, BodyHandlers.ofString());

    assertEquals("MCP Server", answer.body());
    assertEquals(200, get().statusCode());
  }

  @Test
  void other_methods_are_told_which_ones_there_are() throws Exception {
    wrap("cat");
    for (var method : List.of("PUT", "DELETE", "OPTIONS")) {
      var request = request("").method(method, BodyPublishers.noBody()).build();

      var answer = client.send(request, BodyHandlers.ofString());

      assertEquals(405, answer.statusCode());
      assertEquals("GET, POST", answer.headers().firstValue("allow").orElse(""));
    }
  }

  @Test
  void the_end_of_the_program_ends_the_GET_and_is_told_to_who_comes_later() throws Exception {
    wrap("sh", "-c", "read line; echo $line; exit 3");
    var lines = lines(get().body());

    post("{\"id\":1}");

    assertEquals("{\"id\":1}", lines.readLine());
    assertNull(lines.readLine());
    for (var answer : List.of(post("{\"id\":2}"), getAnswer())) {
      assertEquals(502, answer.statusCode());
      assertEquals("application/json", answer.headers().firstValue("content-type").orElse(""));
      assertEquals("{\"error\": \"the MCP server has ended: it had no folder\"}\n", answer.body());
    }
  }

  @Test
  void a_wrap_that_is_closed_ends_its_GET() throws Exception {
    wrap("cat");
    var lines = lines(get().body());

    wrap.close();

    assertNull(lines.readLine());
    assertEquals(502, post("{\"id\":1}").statusCode());
  }

  @Test
  void all_paths_are_one() throws Exception {
    wrap("cat");
    var lines = lines(get().body());

    client.send(
        request("mcp?session=1").POST(BodyPublishers.ofString("{\"id\":1}")).build(),
        BodyHandlers.ofString());

    assertEquals("{\"id\":1}", lines.readLine());
  }

  @Test
  void replies_of_many_POSTs_all_come() throws Exception {
    wrap("cat");
    var lines = lines(get().body());

    threads.submit(() -> quietly(() -> post(String.join("\n", numbers(0, 50_000)))));
    var seen = new HashSet<String>();
    for (var i = 0; i < 50_000; i++) seen.add(lines.readLine().strip());

    assertEquals(50_000, seen.size());
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(String::valueOf).toList();
  }

  private void wrap(String... command) throws IOException {
    wrapFor(null, null, null, command);
  }

  private void wrapFor(String token, String user, String password, String... command)
      throws IOException {
    program = new ProcessBuilder(command).start();
    wrap =
        new FlyctlWrap(
            program.getOutputStream(),
            counted(program.getInputStream()),
            token,
            user,
            password,
            false,
            () -> "it had no folder");
    server =
        JdkServer.serve(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), wrap::handle);
  }

  private InputStream counted(InputStream stdout) {
    return new FilterInputStream(stdout) {
      @Override
      public int read(byte[] target, int start, int count) throws IOException {
        reads.incrementAndGet();
        return super.read(target, start, count);
      }
    };
  }

  private URI url(String path) {
    return URI.create("http://127.0.0.1:" + server.port() + "/" + path);
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(url(path)).timeout(Await.LIMIT);
  }

  private HttpResponse<String> post(String lines) throws IOException, InterruptedException {
    return client.send(
        request("").POST(BodyPublishers.ofString(lines)).build(), BodyHandlers.ofString());
  }

  private HttpResponse<InputStream> get() throws IOException, InterruptedException {
    return client.send(request("").GET().build(), BodyHandlers.ofInputStream());
  }

  /** The stream, once the wrap has noticed that its last reader has left. */
  private HttpResponse<InputStream> getAfterAnother() throws IOException, InterruptedException {
    var replies = get();
    while (replies.statusCode() == 409) replies = get();
    return replies;
  }

  private HttpResponse<String> getAnswer() throws IOException, InterruptedException {
    return client.send(request("").GET().build(), BodyHandlers.ofString());
  }

  private Socket rawGet() throws IOException {
    return raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  private Socket rawPost() throws IOException {
    return raw("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  }

  private Socket raw(String head) throws IOException {
    var socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private static void chunk(Socket socket, String text) throws IOException {
    var chunk = Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
    socket.getOutputStream().write(chunk.getBytes(StandardCharsets.US_ASCII));
  }

  private static BufferedReader lines(InputStream stream) {
    return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
  }

  private interface Action {
    Object run() throws Exception;
  }

  private static void quietly(Action action) {
    try {
      action.run();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
