//SOURCES ../../Fly.java ../../FlyException.java ../message/JsonRpcHead.java ../message/JsonRpcMessage.java
//SOURCES ../message/SpooledBytes.java ../proxy/Patience.java ../proxy/ProxyLog.java ../proxy/StdioProxy.java
package fly.mcp.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.mcp.message.JsonRpcHead;
import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SpooledBytes;
import fly.mcp.proxy.Patience;
import fly.mcp.proxy.ProxyLog;
import fly.mcp.proxy.StdioProxy;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A conversation with an MCP server, message by message, by way of a {@link StdioProxy}. */
public final class Conversation implements AutoCloseable {
  /** Longer than the proxy needs to report why there is no reply. */
  private static final long SLACK_MS = 500;

  /** The code of an error of JSON-RPC that this class makes. */
  private static final int UNREADABLE = -32000;

  private static final long FAREWELL_MS = 5_000;

  private final long begin = System.nanoTime();
  private final long deadline;
  private final PipedInputStream proxyStdin = new PipedInputStream(SpooledBytes.LARGE);
  private final PipedOutputStream stdin;
  private final BlockingQueue<JsonNode> said = new LinkedBlockingQueue<>();
  private final StdioProxy proxy;
  private final Thread serving;
  private volatile FlyException refusal;
  private boolean closed;

  /**
   * @param headers for every request: they may hold secrets
   * @param timeout for everything together, from now on
   * @param waiting takes the reason of each wait for the server
   * @param log takes a line per event
   */
  public Conversation(
      URI server,
      StdioProxy.Transport transport,
      Map<String, String> headers,
      Duration timeout,
      Consumer<String> waiting,
      Consumer<String> log) {
    this(
        server,
        transport,
        headers,
        timeout,
        new Patience(timeout, Duration.ofSeconds(20)),
        waiting,
        log);
  }

  /** The same with another limit for the wait for an absent server. */
  public Conversation(
      URI server,
      StdioProxy.Transport transport,
      Map<String, String> headers,
      Duration timeout,
      Patience patience,
      Consumer<String> waiting,
      Consumer<String> log) {
    deadline = begin + timeout.toNanos();
    try {
      stdin = new PipedOutputStream(proxyStdin);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    proxy =
        new StdioProxy(
            server,
            transport,
            headers,
            timeout,
            patience,
            new Replies(),
            new ProxyLog() {
              @Override
              public void line(String text) {
                log.accept(text);
              }

              @Override
              public void waiting(String why) {
                ProxyLog.super.waiting(why);
                waiting.accept(why);
              }
            });
    serving = new Thread(this::serve, "mcp-dialog");
    serving.setDaemon(true);
    serving.start();
  }

  private void serve() {
    try {
      proxy.serve(proxyStdin);
    } catch (FlyException e) {
      refusal = e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  public void send(JsonNode message) {
    try {
      stdin.write((message + "\n").getBytes(StandardCharsets.UTF_8));
      stdin.flush();
    } catch (IOException e) {
      // the conversation has ended: there will be no reply, only a refusal
    }
  }

  /**
   * The server's next message, or an error in its place.
   *
   * @return null if the time is up
   */
  public JsonNode next() {
    return next(deadline);
  }

  /**
   * The same until a moment that may come before the end of the conversation.
   *
   * @param end as {@link System#nanoTime} counts
   */
  JsonNode next(long end) {
    try {
      var now = System.nanoTime();
      var left = Math.min(deadline - now, end - now) + TimeUnit.MILLISECONDS.toNanos(SLACK_MS);
      return left < 0 ? null : said.poll(left, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  /** Time since the beginning. */
  public Duration age() {
    return Duration.ofNanos(System.nanoTime() - begin);
  }

  /** The server's protocol, or {@code AUTO} if it is not known yet. */
  public StdioProxy.Transport transport() {
    return proxy.transport();
  }

  /** Time until the first answer of the server itself; null if there was none. */
  public Duration reached() {
    return proxy.reached() == 0 ? null : Duration.ofNanos(proxy.reached() - begin);
  }

  /** Time until the server first took a request; null if it has not. */
  public Duration accepted() {
    return proxy.accepted() == 0 ? null : Duration.ofNanos(proxy.accepted() - begin);
  }

  /** The reason why there was no conversation at all, or null. */
  public FlyException refusal() {
    return refusal;
  }

  /** Deletes the session. */
  @Override
  public void close() {
    if (closed) return;
    closed = true;
    try {
      stdin.close();
      serving.join(FAREWELL_MS);
      if (serving.isAlive()) proxy.stop();
    } catch (IOException e) {
      proxy.stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Takes the proxy's output: whole messages, one a line. */
  private final class Replies extends OutputStream {
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int start, int length) {
      var from = start;
      for (int i = start; i < start + length; i++) {
        if (bytes[i] != '\n') continue;
        line.write(bytes, from, i - from);
        from = i + 1;
        end();
      }
      line.write(bytes, from, start + length - from);
    }

    private void end() {
      var message = line.toString(StandardCharsets.UTF_8);
      line.reset();
      try {
        said.add(Fly.JSON.readTree(message));
      } catch (JsonProcessingException e) {
        unreadable(message, e.getOriginalMessage());
      }
    }

    /** The proxy writes nothing but JSON, but passes deeper and longer values than a tree takes. */
    private void unreadable(String message, String why) {
      try (var unread = JsonRpcMessage.of(message)) {
        if (unread.head().kind != JsonRpcHead.Kind.RESPONSE) return;
        var text = "the reply cannot be read: " + why;
        said.add(Fly.JSON.readTree(JsonRpcMessage.errorJson(unread.head().id, UNREADABLE, text)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
