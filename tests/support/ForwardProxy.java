import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A company's proxy on this machine: tunnels (CONNECT), and plain http requests. All names lead to
 * one server.
 */
final class ForwardProxy implements AutoCloseable {
  /** The heads of all requests so far. */
  final List<String> heads = new CopyOnWriteArrayList<>();

  private final ServerSocket socket;
  private final int target;
  private volatile int refusal;

  /**
   * @param target port of the server on this machine
   */
  ForwardProxy(int target) throws IOException {
    this(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), target);
  }

  /**
   * @param socket perhaps of TLS
   */
  ForwardProxy(ServerSocket socket, int target) {
    this.socket = socket;
    this.target = target;
    start(this::accept);
  }

  int port() {
    return socket.getLocalPort();
  }

  String url() {
    return "http://127.0.0.1:" + port();
  }

  /** Answers all requests with this status from now on. */
  ForwardProxy refuse(int status) {
    refusal = status;
    return this;
  }

  private static void start(Runnable work) {
    var thread = new Thread(work, "forward-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (!socket.isClosed()) {
      try {
        var client = socket.accept();
        start(() -> serve(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      var head = head(client.getInputStream());
      heads.add(head);
      var out = client.getOutputStream();
      if (refusal != 0) {
        out.write(text("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n".formatted(refusal)));
        return;
      }
      try (var server = new Socket(InetAddress.getLoopbackAddress(), target)) {
        if (head.startsWith("CONNECT ")) {
          out.write(text("HTTP/1.1 200 Connection established\r\n\r\n"));
        } else {
          server.getOutputStream().write(text(head.replaceFirst(" http://[^/]+", " ")));
        }
        start(() -> copy(client, server));
        server.getInputStream().transferTo(out);
      }
    } catch (IOException e) {
      // one side has left
    }
  }

  private static void copy(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException e) {
      // one side has left
    }
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String head(InputStream in) throws IOException {
    var head = new ByteArrayOutputStream();
    while (!head.toString().endsWith("\r\n\r\n")) {
      var next = in.read();
      if (next < 0) throw new IOException("no request");
      head.write(next);
    }
    return head.toString();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
