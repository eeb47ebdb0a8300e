import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fly.mcp.http.AccessGuard;
import fly.mcp.http.JdkServer;
import fly.mcp.proxy.StdioProxy;
import fly.mcp.wrap.BridgeConfig;
import fly.mcp.wrap.HttpBridge;
import fly.mcp.wrap.ProgramEnvironment;
import fly.mcp.wrap.StdioProgram;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Connections that die without a sign: no FIN and no reset, as after a laptop's sleep. */
class McpProxySilenceTest {
  private static final List<String> PROGRAM =
      List.of(
          "sh",
          "-c",
          "while read -r line; do case $line in *silent*) continue;; esac; id=${line#*\\\"id\\\":};"
              + " id=${id%%[,\\}]*}; echo"
              + " \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":$id,\\\"result\\\":{}}\"; done");

  private final List<String> trace = new CopyOnWriteArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private HttpBridge wrap;
  private JdkServer server;
  private ServerSocket line;

  /** Number of the last dead connection. */
  private volatile int dead;

  private volatile int connections;

  /** Pieces that have passed, in either direction. */
  private volatile int passed;

  @BeforeEach
  void start() throws Exception {
    line = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    heartbeat(Duration.ofMillis(200));
    threads.submit(this::connect);
  }

  private void heartbeat(Duration heartbeat) throws Exception {
    close();
    var guard = new AccessGuard(null, null, null, true, Set.of(), Set.of());
    var config =
        new BridgeConfig(
            BridgeConfig.Protocol.AUTO,
            guard,
            1 << 20,
            Duration.ofMinutes(1),
            heartbeat,
            Duration.ofMillis(200),
            false,
            true,
            text -> {},
            trace::add);
    var program = StdioProgram.source(PROGRAM, ProgramEnvironment.inherited(), text -> {});
    wrap = new HttpBridge(config, program);
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = JdkServer.serve(address, wrap::handle);
  }

  private void close() {
    if (wrap != null) wrap.close();
    if (server != null) server.close();
  }

  @AfterEach
  void end() throws Exception {
    line.close();
    close();
    threads.shutdownNow();
  }

  private Bridge bridge(Duration timeout) throws Exception {
    var url = "http://localhost:" + line.getLocalPort() + "/";
    return Bridge.to(url, StdioProxy.Transport.WRAP, timeout).connected();
  }

  @Test
  void a_stream_whose_heartbeats_cease_is_opened_again_and_its_requests_fail_honestly()
      throws Exception {
    try (var proxy = bridge(Duration.ofSeconds(30))) {
      assertEquals(1, proxy.call(1).next().path("id").asInt());
      var before = passed;
      Await.until(() -> passed > before + 4); // heartbeats come and are timed

      dead = connections;
      proxy.send("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"silent\"}");

      var failed = proxy.next();
      assertEquals(2, failed.path("id").asInt(), failed.toString());
      var why = failed.at("/error/message").asText();
      assertTrue(why.contains("three heartbeats did not come"), why);
      assertTrue(why.contains("not sent again, because it may have taken effect"), why);
      var reply = proxy.call(3).next();
      assertEquals(3, reply.path("id").asInt(), reply.toString());
      assertTrue(reply.has("result"), reply + ": " + proxy.log);
      assertTrue(received("silent") <= 1, "never sent twice");
    }
  }

  @Test
  void a_slow_request_on_a_stream_that_lives_does_not_end_it() throws Exception {
    heartbeat(Duration.ofSeconds(1)); // each may be three seconds late
    try (var proxy = bridge(Duration.ofSeconds(5))) {
      proxy.send("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"silent\"}");

      assertEquals(-32001, proxy.next().at("/error/code").asInt());
      assertTrue(proxy.call(3).next().has("result"));
      assertTrue(proxy.log.stream().noneMatch(text -> text.contains("died")), "" + proxy.log);
    }
  }

  private long received(String method) {
    return trace.stream().filter(text -> text.startsWith("-> ") && text.contains(method)).count();
  }

  private Void connect() throws IOException {
    while (true) {
      var client = line.accept();
      var number = ++connections;
      var upstream = new Socket(InetAddress.getLoopbackAddress(), server.port());
      threads.submit(() -> pass(client.getInputStream(), upstream.getOutputStream(), number));
      threads.submit(() -> pass(upstream.getInputStream(), client.getOutputStream(), number));
    }
  }

  /** Passes bytes on; a dead connection loses them. */
  private Void pass(InputStream from, OutputStream to, int number) throws IOException {
    var buffer = new byte[1 << 14];
    for (var n = from.read(buffer); n >= 0; n = from.read(buffer)) {
      if (number <= dead) continue;
      passed++;
      to.write(buffer, 0, n);
      to.flush();
    }
    return null;
  }
}
