//SOURCES ../../mcp/http/AccessGuard.java ../../mcp/http/Exchange.java ../../mcp/message/SpooledBody.java
package fly.sandbox.runtime;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import fly.mcp.http.AccessGuard;
import fly.mcp.http.Exchange;
import fly.mcp.message.SpooledBody;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Puts a stdio MCP program behind HTTP, as {@code fly mcp wrap} does (superfly/flyctl,
 * internal/command/mcp/wrap.go). The program gets a POST's lines, and the client 202. Each line
 * that the program writes is sent at once to the one open GET.
 *
 * <p>The faults are flyctl's, too. Lines that the program writes while no GET is open are lost. A
 * second GET gets 409, and a line of more than 10 MiB ends the program. Unlike flyctl's, a slow or
 * vanished client delays no other, and the lines of two POSTs are never mixed.
 */
public final class FlyctlWrap implements AutoCloseable {
  private static final long HEARTBEAT_SECONDS = 15;
  private static final int LONGEST_LINE = 10 << 20;
  private static final byte[] BLANK = {' '};

  private final OutputStream stdin;
  private final InputStream stdout;
  private final AccessGuard guard;
  private final Supplier<String> lastWords;
  private final AtomicReference<Listener> listener = new AtomicReference<>();
  private final ReentrantLock writing = new ReentrantLock();
  private final boolean isPrivate;
  private volatile boolean ended;
  private volatile boolean tooLong;

  /**
   * @param stdin the program's
   * @param stdout the program's; read to its end from now on
   * @param bearerToken required of clients, or null
   * @param user required of clients with the password if there is no token; or null
   * @param isPrivate FLY_MCP_PRIVATE: refuse clients from outside of the private network
   * @param lastWords reads why the program has ended, such as its last lines on stderr
   */
  public FlyctlWrap(
      OutputStream stdin,
      InputStream stdout,
      String bearerToken,
      String user,
      String password,
      boolean isPrivate,
      Supplier<String> lastWords) {
    this.isPrivate = isPrivate;
    this.stdin = stdin;
    this.stdout = stdout;
    var basic = bearerToken == null ? user : null; // with a token, flyctl's wrap ignores the user
    this.guard = new AccessGuard(bearerToken, basic, password, false, Set.of(), Set.of());
    this.lastWords = lastWords;
    var pump = new Thread(this::pump, "mcp-wrap");
    pump.setDaemon(true);
    pump.start();
  }

  /** Answers one request; a GET's answer lasts until the client disconnects or the program ends. */
  public void handle(Exchange exchange) throws IOException {
    if (isPrivate) {
      // Every client of the sandbox comes through the edge, and none from Fly.io's private network.
      refuse(exchange, 403, "FLY_MCP_PRIVATE admits clients from the private network only");
      return;
    }
    if (!authorized(exchange)) {
      var asked = guard.bearerToken() == null ? "a user and password" : "its bearer token";
      refuse(
          exchange,
          401,
          "this MCP server asks for " + asked,
          "WWW-Authenticate: " + guard.challenge());
      return;
    }
    switch (exchange.method()) {
      case "GET" -> {
        if (exchange.fromBrowser()) greet(exchange);
        else listen(exchange);
      }
      case "POST" -> pass(exchange);
      default ->
          refuse(exchange, 405, "POST takes requests, GET gives replies", "Allow: GET, POST");
    }
  }

  /** Ends the open GET, and refuses later requests. The caller ends the program. */
  @Override
  public void close() {
    ended = true;
    var open = listener.get();
    if (open != null) open.leave();
  }

  /** Flyctl's takes the name of the scheme only as it is written. */
  private boolean authorized(Exchange exchange) {
    return guard.authorized(exchange)
        && (guard.bearerToken() == null || exchange.header("Authorization").startsWith("Bearer "));
  }

  private static void greet(Exchange exchange) throws IOException {
    try (var out = exchange.respond(200, Map.of("Content-Type", "text/plain"))) {
      out.write(bytes("MCP Server"));
    }
  }

  private void pass(Exchange exchange) throws IOException {
    try (var lines = new SpooledBody(exchange.body())) {
      if (!ended) write(lines);
    }
    if (ended) refuseEnded(exchange);
    else exchange.respond(202, Map.of()).close();
  }

  private void write(SpooledBody lines) {
    writing.lock();
    try {
      lines.writeTo(stdin);
    } catch (IOException e) {
      close(); // the program reads no longer
    } finally {
      writing.unlock();
    }
  }

  private void listen(Exchange exchange) throws IOException {
    var mine = new Listener();
    if (!ended && !take(mine)) {
      refuse(exchange, 409, "another client is connected, and this server serves one at a time");
      return;
    }
    try {
      if (ended) {
        refuseEnded(exchange);
        return;
      }
      mine.open(exchange);
      while (!ended && !mine.gone.await(HEARTBEAT_SECONDS, TimeUnit.SECONDS)) mine.probe();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      mine.leave();
      listener.compareAndSet(mine, null);
    }
    mine.close();
  }

  /** Takes the only place, also from a client that disconnected unnoticed. */
  private boolean take(Listener mine) {
    if (listener.compareAndSet(null, mine)) return true;
    var holder = listener.get();
    if (holder != null && holder.present()) return false;
    return listener.compareAndSet(holder, mine) || listener.compareAndSet(null, mine);
  }

  /** Sends the program's output to the client, in whole lines. */
  private void pump() {
    try (stdout) {
      var buffer = new byte[1 << 16];
      var lines = new ByteArrayOutputStream();
      for (var length = stdout.read(buffer); length >= 0; length = stdout.read(buffer)) {
        var rest = afterLastNewline(buffer, length);
        lines.write(buffer, 0, rest);
        if (rest > 0) {
          handOn(lines.toByteArray());
          lines = new ByteArrayOutputStream();
        }
        lines.write(buffer, rest, length - rest);
        tooLong = lines.size() > LONGEST_LINE;
        if (tooLong) return;
      }
      lines.write('\n');
      if (lines.size() > 1) handOn(lines.toByteArray());
    } catch (IOException e) {
      // the program has ended, and its pipe with it
    } finally {
      close();
    }
  }

  private void handOn(byte[] lines) {
    var reader = listener.get();
    if (reader != null) reader.write(lines);
  }

  private static int afterLastNewline(byte[] buffer, int length) {
    for (var i = length; i > 0; i--) if (buffer[i - 1] == '\n') return i;
    return 0;
  }

  /** The client of the open GET. */
  private static final class Listener {
    private final CountDownLatch gone = new CountDownLatch(1);
    private final ReentrantLock writing = new ReentrantLock();
    private OutputStream out;

    /** Lines that come once the client has its head wait here, and are not lost. */
    void open(Exchange exchange) throws IOException {
      writing.lock();
      try {
        out =
            exchange.respond(
                200, Map.of("Content-Type", "text/event-stream", "Cache-Control", "no-cache"));
        out.flush();
      } finally {
        writing.unlock();
      }
    }

    void write(byte[] lines) {
      if (gone.getCount() == 0) return;
      writing.lock();
      try {
        send(lines);
      } finally {
        writing.unlock();
      }
    }

    /** A stream that has failed once is not written again, because the JDK's would break. */
    private void send(byte[] bytes) {
      if (out == null) return;
      try {
        out.write(bytes);
        out.flush();
      } catch (IOException e) {
        out = null;
        leave();
      }
    }

    /**
     * Checks by writing if the client is connected; there is no other way. A blank before a line is
     * one that JSON allows; it keeps idle connections open, too.
     */
    void probe() {
      if (!writing.tryLock()) return; // it is being served
      try {
        send(BLANK);
      } finally {
        writing.unlock();
      }
    }

    /** A client that is gone answers the first blank with a reset, so the next one fails. */
    boolean present() {
      try {
        for (var i = 0; i < 3 && gone.getCount() > 0; i++) {
          probe();
          if (gone.await(20, TimeUnit.MILLISECONDS)) return false;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return gone.getCount() > 0;
    }

    void leave() {
      gone.countDown();
    }

    /** Ends the answer, unless it is stuck in a write that has yet to fail. */
    void close() throws IOException {
      if (!writing.tryLock()) return;
      try {
        if (out != null) out.close();
        out = null;
      } finally {
        writing.unlock();
      }
    }
  }

  private void refuseEnded(Exchange exchange) throws IOException {
    var words = tooLong ? "flyctl's wrap takes no line of more than 10 MiB" : lastWords.get();
    var known = words != null && !words.isBlank();
    refuse(exchange, 502, "the MCP server has ended" + (known ? ": " + words.strip() : ""));
  }

  private static void refuse(Exchange exchange, int status, String reason, String... more)
      throws IOException {
    var headers = new LinkedHashMap<>(Map.of("Content-Type", "application/json"));
    for (var header : more) headers.put(header.split(": ")[0], header.split(": ")[1]);
    var json = new String(JsonStringEncoder.getInstance().quoteAsString(reason));
    try (var out = exchange.respond(status, headers)) {
      out.write(bytes("{\"error\": \"" + json + "\"}\n"));
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
