import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Starts the Machines whose ids stdin holds by sockets and bytes alone, and prints the seconds: the
 * floor for any client in a JVM that has just begun.
 */
final class BareStarts {
  private BareStarts() {}

  public static void main(String... args) throws Exception {
    var api = URI.create(System.getenv("FLY_API_HOSTNAME"));
    var stdin = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    var ids = new ConcurrentLinkedQueue<>(List.of(stdin.split("\\s+")));
    var begin = System.nanoTime();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 50; i++) threads.add(new Thread(() -> work(api, ids)));
    threads.forEach(Thread::start);
    for (var thread : threads) thread.join();
    System.out.println((System.nanoTime() - begin) / 1e9);
  }

  private static void work(URI api, ConcurrentLinkedQueue<String> ids) {
    try (var socket = new Socket(api.getHost(), api.getPort())) {
      socket.setTcpNoDelay(true);
      var in = new BufferedInputStream(socket.getInputStream());
      for (var id = ids.poll(); id != null; id = ids.poll()) {
        var head =
            "POST /v1/apps/%s/machines/%s/start HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s"
                + "\r\nContent-Length: 0\r\n\r\n";
        var app = System.getenv("APP_NAME");
        var token = System.getenv("FLY_API_TOKEN");
        var bytes = head.formatted(app, id, api.getAuthority(), token).getBytes();
        socket.getOutputStream().write(bytes);
        answer(in);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void answer(InputStream in) throws IOException {
    var length = 0;
    for (var line = line(in); !line.isEmpty(); line = line(in)) {
      if (line.startsWith("HTTP/") && !line.contains(" 200")) throw new IOException(line);
      var field = line.split(":", 2);
      if (field[0].equalsIgnoreCase("Content-Length")) length = Integer.parseInt(field[1].strip());
    }
    in.readNBytes(length);
  }

  private static String line(InputStream in) throws IOException {
    var line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) line.append((char) next);
    return line.toString().strip();
  }
}
