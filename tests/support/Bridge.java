import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.mcp.proxy.Patience;
import fly.mcp.proxy.StdioProxy;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An MCP client with a proxy of ours at its pipes, in this JVM. */
final class Bridge implements AutoCloseable {
  static final String INITIALIZE =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
          + "\"2025-06-18\",\"capabilities\":{\"roots\":{}},\"clientInfo\":{\"name\":\"me\"}}}";
  static final String INITIALIZED =
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";

  final List<String> log = new CopyOnWriteArrayList<>();

  /** No test depends on these limits; a busy machine may need longer than a client would wait. */
  private static final Patience PATIENCE =
      new Patience(Patience.OF_CLIENTS.away(), Patience.OF_CLIENTS.broken(), Await.LIMIT);

  private final BlockingQueue<byte[]> input = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> output = new LinkedBlockingQueue<>();
  private final CompletableFuture<FlyException> end = new CompletableFuture<>();
  private final StdioProxy proxy;

  /** Pieces of input. */
  private int given;

  /** Number of times that the proxy has asked for a piece. */
  private volatile int asked;

  static Bridge to(String url) {
    return to(url, StdioProxy.Transport.AUTO);
  }

  static Bridge to(String url, StdioProxy.Transport transport) {
    return new Bridge(url, transport, Map.of(), Await.LIMIT);
  }

  static Bridge to(String url, StdioProxy.Transport transport, Duration timeout) {
    return new Bridge(url, transport, Map.of(), timeout);
  }

  static Bridge to(String url, Map<String, String> headers) {
    return new Bridge(url, StdioProxy.Transport.AUTO, headers, Await.LIMIT);
  }

  static Bridge to(String url, Duration timeout) {
    return new Bridge(url, StdioProxy.Transport.AUTO, Map.of(), timeout);
  }

  static Bridge to(String url, Map<String, String> headers, Duration timeout) {
    return new Bridge(url, StdioProxy.Transport.AUTO, headers, timeout);
  }

  private Bridge(
      String url, StdioProxy.Transport transport, Map<String, String> headers, Duration timeout) {
    proxy =
        new StdioProxy(
            URI.create(url),
            transport,
            new LinkedHashMap<>(headers),
            timeout,
            PATIENCE,
            new Stdout(),
            log::add);
    var server = new Thread(this::serve, "bridge");
    server.setDaemon(true);
    server.start();
  }

  private void serve() {
    try {
      proxy.serve(new Stdin());
      end.complete(null);
    } catch (FlyException e) {
      end.complete(e);
    } catch (InterruptedException e) {
      end.completeExceptionally(e);
    }
  }

  Bridge send(String... lines) {
    for (var line : lines) raw((line + "\n").getBytes(StandardCharsets.UTF_8));
    return this;
  }

  Bridge raw(byte[] bytes) {
    input.add(bytes);
    given++;
    return this;
  }

  /** Waits until the proxy has read all lines, and asks for more. */
  void read() throws Exception {
    Await.until(() -> asked > given);
  }

  /** Waits until the proxy has logged this. */
  Bridge logged(String text) throws Exception {
    Await.until(() -> log.toString().contains(text), () -> text + " is not in the log: " + log);
    return this;
  }

  /** The handshake, done. */
  Bridge connected() throws Exception {
    send(INITIALIZE);
    next();
    return send(INITIALIZED);
  }

  Bridge call(Object id) {
    return call(id, "{}");
  }

  Bridge call(Object id, String arguments) {
    return send(
        ("{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"tools/call\","
                + "\"params\":{\"name\":\"echo\",\"arguments\":%s}}")
            .formatted(id, arguments));
  }

  /** The next line for the client, as it is. */
  String line() throws InterruptedException {
    var line = output.poll(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
    if (line == null) throw new AssertionError("nothing came; the log: " + log);
    return line;
  }

  JsonNode next() throws Exception {
    return Fly.JSON.readTree(line());
  }

  /** The next lines, in any order. */
  List<JsonNode> next(int count) throws Exception {
    var lines = new ArrayList<JsonNode>();
    for (int i = 0; i < count; i++) lines.add(next());
    return lines;
  }

  boolean isQuiet(long millis) throws InterruptedException {
    var line = output.poll(millis, TimeUnit.MILLISECONDS);
    if (line != null) log.add("unexpected: " + line);
    return line == null;
  }

  /** The client leaves; why the proxy failed, or null. */
  FlyException leave() throws Exception {
    input.add(new byte[0]);
    return ended();
  }

  FlyException ended() throws ExecutionException, InterruptedException {
    try {
      return end.get(Await.LIMIT_MS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("the proxy does not end; the log: " + log);
    }
  }

  void stop() {
    proxy.stop();
  }

  @Override
  public void close() {
    proxy.stop();
    input.add(new byte[0]);
  }

  private final class Stdin extends InputStream {
    private byte[] current = {0};
    private int position = 1;

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int start, int count) throws IOException {
      if (current.length == 0) return -1;
      if (position == current.length) {
        try {
          asked++;
          current = input.take();
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
        position = 0;
        if (current.length == 0) return -1;
      }
      var n = Math.min(count, current.length - position);
      System.arraycopy(current, position, target, start, n);
      position += n;
      return n;
    }
  }

  private final class Stdout extends OutputStream {
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int start, int count) {
      var from = start;
      for (int i = start; i < start + count; i++) {
        if (bytes[i] != '\n') continue;
        line.write(bytes, from, i - from);
        output.add(line.toString(StandardCharsets.UTF_8));
        line.reset();
        from = i + 1;
      }
      line.write(bytes, from, start + count - from);
    }
  }
}
