//SOURCES Exchange.java ../Fly.java
package fly.mcp;

import fly.Fly;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Puts a stdio MCP program behind HTTP, as {@code fly mcp wrap} does (superfly/flyctl,
 * internal/command/mcp/wrap.go): a POST's lines go to the program's stdin and are answered with
 * 202; what the program says goes out on one open GET, line by line. There is one GET at a time, a
 * second one gets 409; what is said while there is none is thrown away.
 *
 * <p>Lines have no limit of length. A POST's lines reach the program together.
 */
public final class Wrap implements AutoCloseable {
  private static final int BUFFER = 64 * 1024;
  private static final int GATHERED = 1024 * 1024;

  private final OutputStream stdin;
  private final InputStream stdout;
  private final String bearerToken;
  private final Supplier<String> lastWords;
  private final Object slot = new Object();
  private boolean taken;
  private Listener listener;
  private volatile boolean ended;

  /** The open GET. */
  private static final class Listener {
    private final OutputStream out;
    private final CountDownLatch gone = new CountDownLatch(1);
    private final ReentrantLock writing = new ReentrantLock();

    Listener(OutputStream out) {
      this.out = out;
    }

    void write(byte[] bytes, int start, int length) {
      writing.lock();
      try {
        if (gone.getCount() == 0) return;
        out.write(bytes, start, length);
        out.flush();
      } catch (IOException e) {
        gone.countDown();
      } finally {
        writing.unlock();
      }
    }

    /** A blank line finds out whether anybody is there, unless one is just being served. */
    void probe() {
      if (!writing.tryLock()) return;
      try {
        write(new byte[] {'\n'}, 0, 1);
      } finally {
        writing.unlock();
      }
    }
  }

  /**
   * @param bearerToken what a request has to carry, or null
   * @param lastWords tells, once the program has ended, why: for the client
   */
  public Wrap(
      OutputStream stdin, InputStream stdout, String bearerToken, Supplier<String> lastWords) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.bearerToken = bearerToken;
    this.lastWords = lastWords;
    var reader = new Thread(this::pump, "mcp-wrap");
    reader.setDaemon(true);
    reader.start();
  }

  /** Answers one request; while a GET is open, for as long as it is. */
  public void handle(Exchange x) throws IOException {
    if (!authorized(x.header("Authorization"))) {
      refuse(x, 401, "not authorized", Map.of("WWW-Authenticate", "Bearer"));
    } else if (x.method().equals("POST")) {
      post(x);
    } else if (x.method().equals("GET")) {
      get(x);
    } else {
      refuse(x, 405, x.method() + " is not for an MCP wrap", Map.of("Allow", "GET, POST"));
    }
  }

  /** Ends the open GET; the program is its starter's to end. */
  @Override
  public void close() {
    ended = true;
    synchronized (slot) {
      if (listener != null) listener.gone.countDown();
    }
  }

  private boolean authorized(String header) {
    if (bearerToken == null) return true;
    if (header == null || !header.regionMatches(true, 0, "Bearer ", 0, 7)) return false;
    return MessageDigest.isEqual(
        header.substring(7).strip().getBytes(StandardCharsets.UTF_8),
        bearerToken.getBytes(StandardCharsets.UTF_8));
  }

  private void post(Exchange x) throws IOException {
    if (ended) {
      refuseEnded(x);
      return;
    }
    var body = x.body();
    var gathered = body.readNBytes(GATHERED); // a slow sender must not hold up the others
    try {
      synchronized (stdin) {
        pass(new SequenceInputStream(new ByteArrayInputStream(gathered), body));
      }
    } catch (IOException e) {
      ended = true;
      refuseEnded(x);
      return;
    }
    x.respond(202, Map.of("Content-Length", "0")).close();
  }

  private void pass(InputStream body) throws IOException {
    var buffer = new byte[BUFFER];
    var last = (byte) '\n';
    for (int n = body.read(buffer); n >= 0; n = body.read(buffer)) {
      stdin.write(buffer, 0, n);
      if (n > 0) last = buffer[n - 1];
    }
    if (last != '\n') stdin.write('\n');
    stdin.flush();
  }

  private void get(Exchange x) throws IOException {
    if (ended) {
      refuseEnded(x);
      return;
    }
    if (!takeSlot()) {
      refuse(x, 409, "another client is listening, and there is one at a time", Map.of());
      return;
    }
    Listener mine = null;
    try (var out =
        x.respond(
            200, Map.of("Content-Type", "text/event-stream", "Cache-Control", "no-cache"))) {
      out.flush();
      mine = new Listener(out);
      synchronized (slot) {
        listener = mine;
        if (ended) mine.gone.countDown();
      }
      mine.gone.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      synchronized (slot) {
        listener = null;
        taken = false;
      }
    }
  }

  /** The slot of one that has left without a word is free: blank lines find out. */
  private boolean takeSlot() {
    for (int probe = 0; ; probe++) {
      Listener holder;
      synchronized (slot) {
        if (!taken) {
          taken = true;
          return true;
        }
        holder = listener;
      }
      if (probe == 3) return false;
      if (holder != null) holder.probe();
      try {
        Thread.sleep(50); // a write to somebody who left fails once they have said so
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
  }

  /** Hands on what the program says; a listener gets whole lines only. */
  private void pump() {
    var buffer = new byte[BUFFER];
    Listener current = null;
    var lineStarts = true;
    try {
      for (int n = stdout.read(buffer); n >= 0; n = stdout.read(buffer)) {
        for (int start = 0; start < n; ) {
          if (lineStarts) {
            synchronized (slot) {
              current = listener;
            }
          }
          var end = start;
          while (end < n && buffer[end] != '\n') end++;
          if (end < n) end++;
          // As many whole lines as are there go out at once.
          while (lineStarts && end < n && lastNewline(buffer, n) > end) end = lastNewline(buffer, n);
          if (current != null) current.write(buffer, start, end - start);
          lineStarts = buffer[end - 1] == '\n';
          start = end;
        }
      }
    } catch (IOException e) {
      // its end, as below
    }
    close();
  }

  private static int lastNewline(byte[] buffer, int length) {
    var i = length;
    while (i > 0 && buffer[i - 1] != '\n') i--;
    return i;
  }

  private void refuseEnded(Exchange x) throws IOException {
    refuse(x, 502, "the MCP server has ended: " + lastWords.get(), Map.of());
  }

  private static void refuse(Exchange x, int status, String why, Map<String, String> headers)
      throws IOException {
    var body = (Fly.JSON.createObjectNode().put("error", why) + "\n").getBytes(StandardCharsets.UTF_8);
    var all = new java.util.LinkedHashMap<>(headers);
    all.put("Content-Type", "application/json");
    all.put("Content-Length", String.valueOf(body.length));
    try (var out = x.respond(status, all)) {
      out.write(body);
    }
  }
}
