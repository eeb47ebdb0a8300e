import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import fly.HttpConnection;
import fly.KeptConnections;
import fly.Network;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Connections that were left open after an answer. */
class KeptConnectionsTest {
  private static final String ORIGIN = "here";
  private static final int PATIENCE_MS = 60_000;

  private final KeptConnections kept = new KeptConnections();
  private ServerSocket server;
  private HttpConnection connection;
  private Socket accepted;

  @BeforeEach
  void connect() throws IOException {
    server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    connection = new HttpConnection(Network.SYSTEM, "http", "127.0.0.1", server.getLocalPort());
    connection.open(() -> PATIENCE_MS);
    accepted = server.accept();
  }

  @AfterEach
  void end() throws IOException {
    connection.close();
    accepted.close();
    server.close();
  }

  @Test
  void one_that_its_server_has_closed_right_after_the_answer_is_not_used_again() throws Exception {
    exchange();
    accepted.close();

    kept.keep(ORIGIN, connection);

    assertNull(kept.take(ORIGIN));
  }

  @Test
  void one_that_still_stands_is_used_again_and_again() throws Exception {
    for (int i = 0; i < 3; i++) {
      exchange();

      kept.keep(ORIGIN, connection);

      assertSame(connection, kept.take(ORIGIN));
      assertNull(kept.take(ORIGIN));
    }
  }

  @Test
  void one_that_was_kept_late_may_be_closed_by_then() throws Exception {
    exchange();
    exchange();
    accepted.close();
    Thread.sleep(100); // a busy thread, between the answer's end and the next line

    kept.keep(ORIGIN, connection);

    assertNull(kept.take(ORIGIN));
  }

  @Test
  void one_whose_answer_came_before_a_sign_of_trouble_is_looked_at_first() throws Exception {
    exchange();
    exchange();
    accepted.close();
    kept.closeIdle();

    kept.keep(ORIGIN, connection);

    assertNull(kept.take(ORIGIN));
  }

  private void exchange() throws IOException {
    var head = connection.begin("GET", "/", null).append("\r\n");
    var bytes = head.toString().getBytes(StandardCharsets.US_ASCII);
    connection.out().write(bytes);
    accepted.getInputStream().readNBytes(bytes.length);
    accepted.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".getBytes());
    connection.body("GET", connection.head()).readAllBytes();
  }
}
