import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** fly-mcp-proxy in front of a server that is not there, not yet, or not any more. */
class McpProxyWaitingTest {
  private final FakeMcp server = new FakeMcp();

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void a_server_that_comes_late_is_waited_for() throws Exception {
    server.stop();

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE);
      assertTrue(bridge.isQuiet(1500));
      server.start();

      assertTrue(bridge.next().has("result"));
      assertEquals(List.of("initialize"), server.methods().subList(0, 1));
      assertEquals(1, server.all("initialize").size());
    }
  }

  @Test
  void a_503_or_502_at_the_start_is_waited_out() throws Exception {
    server.once("initialize", request -> request.retryAfter(503, "1"));
    server.once("initialize", request -> request.retryAfter(502, null));
    server.once(
        "initialize",
        request -> request.answer(503, "application/json", "{\"error\":\"not awake yet\"}"));

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE);

      assertTrue(bridge.next().has("result"));
      assertEquals(4, server.all("initialize").size());
    }
  }

  @Test
  void a_connection_that_is_cut_before_the_handshake_is_answered_is_tried_again() throws Exception {
    server.once("initialize", FakeMcp.Request::cut);

    try (var bridge = Bridge.to(server.url())) {
      assertTrue(bridge.send(Bridge.INITIALIZE).next().has("result"));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404, 409})
  void a_refusal_at_the_start_is_told_with_its_reason_and_ends_the_proxy(int status)
      throws Exception {
    for (var method : List.of("initialize", "GET")) {
      server.always(method, request -> request.answer(status, "text/plain", "because of it"));
    }

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE);

      var error = bridge.next();
      assertEquals(0, error.path("id").asInt());
      var message = error.at("/error/message").asText();
      assertTrue(message.contains("HTTP " + status) && message.contains("because of it"), message);
      assertEquals(status == 401 || status == 403 ? 4 : 1, bridge.ended().exitCode);
    }
  }

  @Test
  void a_host_that_does_not_exist_is_told_within_the_time_allowed() throws Exception {
    try (var bridge = Bridge.to("http://nowhere.invalid/", Duration.ofSeconds(3))) {
      bridge.send(Bridge.INITIALIZE);

      var message = bridge.next().at("/error/message").asText();
      assertTrue(message.contains("no such host: nowhere.invalid"), message);
    }
  }

  @Test
  void a_server_that_speaks_no_TLS_is_told_at_once() throws Exception {
    try (var plain = new RawServer("HTTP/1.1 400 Bad Request\r\n\r\n");
        var bridge = Bridge.to("https://127.0.0.1:" + plain.port() + "/")) {
      bridge.send(Bridge.INITIALIZE);

      var message = bridge.next().at("/error/message").asText();
      assertTrue(message.contains("TLS"), message);
    }
  }

  @Test
  @Tag("slow")
  void a_certificate_that_nobody_vouches_for_is_told_at_once(@TempDir Path folder)
      throws Exception {
    var server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(selfSigned(folder)));
    server.start();
    try (var bridge = Bridge.to("https://127.0.0.1:" + server.getAddress().getPort() + "/")) {
      bridge.send(Bridge.INITIALIZE);

      var message = bridge.next().at("/error/message").asText();
      assertTrue(message.contains("TLS") && message.contains("certification path"), message);
    } finally {
      server.stop(0);
    }
  }

  private static SSLContext selfSigned(Path folder) throws Exception {
    var file = folder.resolve("keys");
    var made =
        new Sh()
            .run(
                (System.getProperty("java.home")
                        + "/bin/keytool -genkeypair -alias a -keyalg EC -dname CN=localhost"
                        + " -storepass secret -keystore "
                        + file)
                    .split(" "));
    assertEquals(0, made.exit(), made.err());
    var keys = KeyStore.getInstance(file.toFile(), "secret".toCharArray());
    var manager = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    manager.init(keys, "secret".toCharArray());
    var context = SSLContext.getInstance("TLS");
    context.init(manager.getKeyManagers(), null, null);
    return context;
  }

  /** Says one thing to everybody, and hangs up. */
  private static final class RawServer implements AutoCloseable {
    private final ServerSocket socket = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));

    RawServer(String words) throws IOException {
      var thread = new Thread(() -> serve(words), "raw");
      thread.setDaemon(true);
      thread.start();
    }

    private void serve(String words) {
      try {
        while (true) {
          try (var client = socket.accept()) {
            client.getInputStream().read();
            client.getOutputStream().write(words.getBytes());
          }
        }
      } catch (IOException e) {
        // the test is over
      }
    }

    int port() {
      return socket.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void a_server_that_accepts_and_says_nothing_is_given_up_in_time() throws Exception {
    try (var silent = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
        var bridge =
            Bridge.to("http://127.0.0.1:" + silent.getLocalPort() + "/", Duration.ofSeconds(1))) {
      bridge.send(Bridge.INITIALIZE);

      var error = bridge.next();
      assertEquals(0, error.path("id").asInt());
      assertEquals(-32001, error.at("/error/code").asInt());
    }
  }

  @Test
  void a_server_that_falls_silent_in_a_call_is_given_up_in_time_and_the_next_call_works()
      throws Exception {
    var never = new CountDownLatch(1);
    server.once("tools/call", request -> never.await(Await.LIMIT_MS, TimeUnit.MILLISECONDS));

    try (var bridge = Bridge.to(server.url(), Duration.ofSeconds(4)).connected()) {
      bridge.call(1);

      assertEquals(-32001, bridge.next().at("/error/code").asInt());
      assertTrue(bridge.call(2).next().has("result"));
      never.countDown();
      assertTrue(bridge.isQuiet(200), "the late reply is not for the client any more");
    }
  }

  @Test
  void a_server_that_restarts_in_a_call_answers_it_with_an_error_and_the_next_one_well()
      throws Exception {
    var called = new CountDownLatch(1);
    server.once(
        "tools/call",
        request -> {
          called.countDown();
          Thread.sleep(20_000);
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);
      called.await();
      server.stop();
      server.forget();

      var error = bridge.next();
      assertEquals(1, error.path("id").asInt());
      assertTrue(error.has("error"));
      bridge.call(2);
      server.start();
      assertTrue(bridge.next().has("result"));
      assertEquals(2, server.all("initialize").size());
      assertEquals(
          List.of(1, 2),
          server.all("tools/call").stream()
              .map(request -> request.message.path("id").asInt())
              .distinct()
              .toList());
    }
  }

  @Test
  void the_end_of_input_is_noticed_even_where_nobody_answers() throws Exception {
    server.stop();

    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE).logged("connection refused");
      var left = System.nanoTime();

      var failure = bridge.leave();

      assertNotNull(failure);
      assertEquals(1, failure.exitCode);
      assertTrue(failure.why.contains("connection refused"), failure.why);
      assertTrue(System.nanoTime() - left < 30_000_000_000L, "it waits as for a client");
      assertTrue(bridge.next().has("error"));
    }
  }

  @Test
  void at_the_end_of_input_replies_under_way_are_delivered_and_the_session_is_deleted()
      throws Exception {
    server.once(
        "tools/call",
        request -> {
          Thread.sleep(500);
          request.reply("{\"slow\":true}");
        });

    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1);

      assertNull(bridge.leave());
      assertTrue(bridge.next().at("/result/slow").asBoolean());
      assertEquals(1, server.some("DELETE").size());
      assertEquals(server.session(), server.all("DELETE").get(0).header("Mcp-Session-Id"));
    }
  }

  @Test
  void everything_may_be_said_at_once() throws Exception {
    try (var bridge = Bridge.to(server.url())) {
      bridge.send(Bridge.INITIALIZE, Bridge.INITIALIZED).call(1).call(2);

      assertNull(bridge.leave());
      assertEquals(3, bridge.next(3).stream().filter(reply -> reply.has("result")).count());
      for (var request : server.requests) {
        if (request.name.equals("initialize")) continue;
        assertEquals("session-1", request.header("Mcp-Session-Id"), request.name);
      }
    }
  }

  @Test
  void a_connection_that_the_server_closed_while_it_was_idle_costs_no_call() throws Exception {
    try (var bridge = Bridge.to(server.url()).connected()) {
      bridge.call(1).next();
      var idle = server.streams;
      Await.until(() -> !idle.isEmpty());
      server.stop();
      server.start();
      server.once("GET", request -> request.answer(405, null, ""));
      Thread.sleep(200);

      assertTrue(bridge.call(2).next().has("result"));
      assertEquals(2, server.executed.size());
    }
  }

  @Test
  void what_is_not_HTTP_is_an_error() throws IOException, Exception {
    try (var odd = new RawServer("SSH-2.0-OpenSSH_9.6\r\n");
        var bridge = Bridge.to("http://127.0.0.1:" + odd.port() + "/", Duration.ofSeconds(2))) {
      assertTrue(bridge.send(Bridge.INITIALIZE).next().has("error"));
    }
  }
}
