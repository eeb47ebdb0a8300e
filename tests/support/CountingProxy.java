import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** A proxy that records the first line of each request, and lets none through. */
final class CountingProxy implements AutoCloseable {
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final ServerSocket socket;

  CountingProxy() throws IOException {
    socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    var thread = new Thread(this::serve, "counting-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  List<String> requests() {
    return List.copyOf(requests);
  }

  /** Variables that lead each JVM, and curl, to this proxy. */
  Map<String, String> environment() {
    var port = socket.getLocalPort();
    var options = new StringBuilder("-Dhttp.nonProxyHosts=");
    for (var scheme : new String[] {"http", "https"}) {
      options.append(" -D%s.proxyHost=127.0.0.1 -D%s.proxyPort=%d".formatted(scheme, scheme, port));
    }
    var address = "http://127.0.0.1:" + port;
    return Map.of(
        "JAVA_TOOL_OPTIONS", options.toString(), "http_proxy", address, "https_proxy", address);
  }

  private void serve() {
    while (!socket.isClosed()) {
      try (var client = socket.accept();
          var in =
              new BufferedReader(
                  new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII))) {
        requests.add(String.valueOf(in.readLine()));
      } catch (IOException e) {
        // the client is gone, or the test is over
      }
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
