//SOURCES ../../DaemonThread.java ../../FlyException.java ../http/JdkServer.java ../message/JsonRpcMessage.java
//SOURCES HttpBridge.java HttpRefusal.java McpProgram.java ProgramEnvironment.java StdioProgram.java WrapOptions.java
package fly.mcp.wrap;

import fly.DaemonThread;
import fly.FlyException;
import fly.mcp.http.JdkServer;
import fly.mcp.message.JsonRpcMessage;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.function.Consumer;

/** The command {@code fly-mcp-wrap}: an {@link HttpBridge} at a port, until its program ends. */
public final class WrapServer {
  private static final Duration GRACE = Duration.ofSeconds(2);

  private final Consumer<String> out;
  private final Consumer<String> log;
  private Process early;
  private volatile boolean taken;

  /**
   * @param out takes the server's URL
   * @param log takes lines for people
   */
  public WrapServer(Consumer<String> out, Consumer<String> log) {
    this.out = out;
    this.log = log;
  }

  /**
   * Starts the program before its options are checked: that saves a third of the time until the
   * first reply. Does nothing if it cannot be started.
   */
  void startEarly(WrapOptions options) {
    try {
      early = launch(options);
    } catch (FlyException | IOException e) {
      return; // run() reports it
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::endUnlessTaken));
    DaemonThread.start("mcp-warm-up", WrapServer::loadClasses);
  }

  private static Process launch(WrapOptions options) throws IOException {
    var environment = options.programEnvironment();
    if (!ProgramEnvironment.hideOwn()) {
      System.err.println(
          "warning: the program can read this process's environment, credentials included");
    }
    return StdioProgram.launch(options.command, environment);
  }

  private void endUnlessTaken() {
    if (!taken) new StdioProgram(early, line -> {}).stop(GRACE);
  }

  /** Loads the classes that the first request would wait for. */
  private static void loadClasses() {
    try (var message = JsonRpcMessage.error("0", HttpRefusal.SERVER_ERROR, "")) {
      message.head();
    } catch (IOException e) {
      // the first request reports it
    }
  }

  /**
   * Serves until the program has ended and is not started again.
   *
   * @return the program's exit code
   */
  public int run(WrapOptions options) throws InterruptedException {
    var address = options.address();
    Consumer<String> trace = options.verbose ? log : line -> {};
    var config = options.config(address.getAddress(), log, trace);
    var source = StdioProgram.source(options.command, options.programEnvironment(), log);
    try (var bridge = new HttpBridge(config, source, first(options))) {
      Runtime.getRuntime().addShutdownHook(new Thread(bridge::close));
      var server = listen(address, options.host, bridge);
      var name = options.host.contains(":") ? "[" + options.host + "]" : options.host;
      out.accept("http://" + name + ":" + server.port() + "/");
      if (config.guard().isOpen() && !config.guard().loopback()) {
        System.err.println(
            "warning: anybody who reaches this port may use the server: it asks for no"
                + " credentials");
      }
      var code = bridge.await();
      bridge.close(); // before the server cuts its streams
      server.close();
      return code;
    }
  }

  private McpProgram first(WrapOptions options) {
    try {
      taken = true;
      return new StdioProgram(early == null ? launch(options) : early, log);
    } catch (IOException e) {
      throw new FlyException(
          "the program cannot be started",
          e.getMessage(),
          "check the words after --; a line for the shell is -- sh -c 'LINE'");
    }
  }

  private static JdkServer listen(InetSocketAddress address, String host, HttpBridge bridge) {
    try {
      return JdkServer.serve(address, bridge::handle);
    } catch (IOException e) {
      bridge.close();
      throw new FlyException(
          "cannot listen on " + host + ":" + address.getPort(),
          e.getMessage(),
          "--port 0 takes a free port");
    }
  }
}
