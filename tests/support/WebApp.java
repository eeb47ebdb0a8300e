import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A web app as people run it on Machines: it listens at PORT, and does what each path says. */
final class WebApp {
  private static final Path CLASS_PATH = classPath();
  private static volatile boolean ill;

  private WebApp() {}

  /** A line for the shell; its class path is longer than some tables of processes can show. */
  static String command() {
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    return "%s -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx64m @%s WebApp"
        .formatted(java, CLASS_PATH);
  }

  private static Path classPath() {
    try {
      var file = Files.createTempFile("fly-test", ".args");
      file.toFile().deleteOnExit();
      return Files.writeString(file, "-cp \"" + System.getProperty("java.class.path") + "\"");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void main(String... args) throws Exception {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.out.println("on stdout: " + String.join(" ", args));
    System.err.println("on stderr");
    if (args.length > 0 && args[0].equals("deaf")) new CountDownLatch(1).await();
    var port = Integer.parseInt(System.getenv("PORT"));
    if (args.length > 0 && args[0].equals("echo")) echo(port);
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    var tls = args.length > 1 && args[0].equals("tls");
    var server = tls ? HttpsServer.create(address, 0) : HttpServer.create(address, 0);
    if (server instanceof HttpsServer secure) secure.setHttpsConfigurator(certificate(args[1]));
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", WebApp::handle);
    server.start();
  }

  /** The configuration of this PKCS #12 file, whose password is changeit. */
  private static HttpsConfigurator certificate(String file) throws Exception {
    var password = "changeit".toCharArray();
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(KeyStore.getInstance(new File(file), password), password);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return new HttpsConfigurator(context);
  }

  private static void handle(HttpExchange exchange) throws IOException {
    var path = exchange.getRequestURI().getPath();
    var query = exchange.getRequestURI().getQuery();
    switch (path) {
      case "/events" -> events(exchange);
      case "/silent" -> {
        exchange.getRequestBody().readAllBytes();
        System.out.println("silent from now on");
        if (query != null) exchange.sendResponseHeaders(200, 0);
        forever();
      }
      case "/replay" -> {
        exchange.getResponseHeaders().set("fly-replay", query);
        say(exchange, 200, "nobody sees this");
      }
      case "/once" -> {
        var source = exchange.getRequestHeaders().getFirst("fly-replay-src");
        if (source == null) exchange.getResponseHeaders().set("fly-replay", query);
        var body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        say(exchange, 200, machine() + " " + source + " " + body);
      }
      case "/json" -> {
        exchange.getResponseHeaders().set("Content-Type", "application/vnd.fly.replay+json");
        say(exchange, 200, "{\"instance\":\"" + query + "\",\"state\":\"s\"}");
      }
      case "/env" -> say(exchange, 200, String.valueOf(new TreeMap<>(System.getenv())));
      case "/health" -> say(exchange, ill ? 500 : 200, "I am " + (ill ? "ill" : "well"));
      case "/ill" -> {
        ill = true;
        say(exchange, 200, "from now on");
      }
      case "/half" -> {
        exchange.sendResponseHeaders(200, 0);
        exchange.getResponseBody().write("half".getBytes(StandardCharsets.UTF_8));
        exchange.getResponseBody().flush();
        Runtime.getRuntime().halt(1);
      }
      case "/long" -> {
        exchange
            .getResponseHeaders()
            .set("X-Long", exchange.getRequestHeaders().getFirst("X-Long"));
        say(exchange, 200, "");
      }
      case "/exit" -> System.exit(Integer.parseInt(query));
      case "/headers" -> {
        exchange.getResponseHeaders().set("Server", "WebApp");
        exchange.getResponseHeaders().set("X-Mine", "yes");
        exchange.getResponseHeaders().set("Connection", "X-Private");
        exchange.getResponseHeaders().set("X-Private", "no");
        var text = new StringBuilder();
        new TreeMap<>(exchange.getRequestHeaders())
            .forEach((name, values) -> text.append(name).append(": ").append(values).append('\n'));
        say(exchange, 200, text.toString());
      }
      default -> say(exchange, 200, machine() + " " + path + " " + query);
    }
  }

  private static void forever() throws IOException {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static String machine() {
    return System.getenv("FLY_MACHINE_ID");
  }

  private static void say(HttpExchange exchange, int status, String text) throws IOException {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    try (var out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  /** Each chunk of a request goes back as it is, as soon as it has come. */
  private static void echo(int port) throws IOException {
    try (var server = new ServerSocket(port, 50, InetAddress.getLoopbackAddress())) {
      while (true) {
        var socket = server.accept();
        new Thread(() -> echo(socket)).start();
      }
    }
  }

  private static void echo(Socket accepted) {
    try (var socket = accepted) {
      var in = socket.getInputStream();
      var head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        var next = in.read();
        if (next < 0) return;
        head.append((char) next);
      }
      var out = socket.getOutputStream();
      var answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
      if (head.toString().contains("Sec-WebSocket-Key: sesame")) {
        answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: open\r\n\r\n";
      }
      out.write(answer.getBytes(StandardCharsets.UTF_8));
      in.transferTo(out);
      System.out.println("the client has gone");
    } catch (IOException e) {
      // it has gone
    }
  }

  /** One event, and no other until the client has gone. */
  private static void events(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    var out = exchange.getResponseBody();
    try {
      while (true) {
        out.write("data: here\n\n".getBytes(StandardCharsets.UTF_8));
        out.flush();
        Thread.sleep(100);
      }
    } catch (IOException e) {
      System.out.println("the client has gone");
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
