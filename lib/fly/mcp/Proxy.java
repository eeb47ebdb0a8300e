//SOURCES ../FlyException.java Call.java Client.java Failure.java Http.java LineReader.java Listening.java
//SOURCES Message.java Outbox.java Remote.java Sse.java Streamable.java Wrapped.java
package fly.mcp;

import fly.FlyException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;

/**
 * A stdio MCP server in front of one that speaks HTTP: what the client says goes there, and what
 * the server says comes back, byte for byte. The first request that the server sees is the
 * client's.
 */
public final class Proxy {
  /** How the server is spoken to; {@code AUTO} finds out by the first request. */
  public enum Transport {
    AUTO,
    WRAP,
    STREAMABLE,
    SSE
  }

  /**
   * How long a server may be away.
   *
   * @param away that nobody was reached, before a request is told so
   * @param broken that the same 502 comes again and again: a Machine that boots gets over it
   */
  public record Patience(Duration away, Duration broken) {
    /** MCP's SDKs wait 60 s for a reply: the client shall hear the reason before that. */
    public static final Patience OF_CLIENTS =
        new Patience(Duration.ofSeconds(50), Duration.ofSeconds(50));
  }

  /** A line of the log that begins so tells why the server is waited for. */
  static final String WAITING = "waiting: ";

  /** So long a client that has left is waited for, for the replies that it may still read. */
  private static final long LEAVE_MS = 60_000;

  private static final long HURRY_MS = 1_500;

  private final Remote.End end = new Remote.End();
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private final Consumer<String> log;
  private final Duration timeout;
  private final Http http;
  private final Client client;
  private final Outbox outbox;
  private volatile Remote remote;
  private boolean first = true;
  private Failure lastFailure;

  /**
   * @param headers for every request, and to no other host than the URL's: they may hold secrets
   * @param timeout within which a request gets its reply, or an error
   * @param patience how long it waits for a server that is away
   * @param log gets a line for each thing that happens; no secrets, and no content
   */
  public Proxy(
      URI url,
      Transport transport,
      Map<String, String> headers,
      Duration timeout,
      Patience patience,
      OutputStream stdout,
      Consumer<String> log) {
    this.log = log;
    this.timeout = timeout;
    http = new Http(url, headers, log);
    client = new Client(stdout, log);
    outbox = new Outbox(this::send);
    var link = new Remote.Link(http, client, outbox, timeout, patience, log, end);
    switch (transport) {
      case AUTO -> remote = new Streamable(link, new Finder(link));
      case STREAMABLE -> remote = new Streamable(link, null);
      case SSE -> remote = started(new Sse(link));
      case WRAP -> remote = started(new Wrapped(link));
    }
    first = transport == Transport.AUTO;
  }

  /** How the server is spoken to, as far as that is known by now. */
  public Transport transport() {
    if (remote instanceof Wrapped) return Transport.WRAP;
    if (remote instanceof Sse) return Transport.SSE;
    return http.answered() ? Transport.STREAMABLE : Transport.AUTO;
  }

  /** When the server, and not what stands before it, first answered; 0 for never. */
  long reached() {
    return http.reached();
  }

  /** When the server first took a request; 0 for never. */
  long accepted() {
    return http.accepted();
  }

  private static Remote started(Listening remote) {
    remote.start();
    return remote;
  }

  /**
   * Serves the client until its input ends and it has got its replies.
   *
   * @throws FlyException where the server could not be reached at all, or has said no
   */
  public void serve(InputStream stdin) throws InterruptedException {
    Remote.daemon("mcp-stdin", () -> read(stdin));
    client.gone().thenRun(() -> over.complete(null));
    try {
      over.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) throw error;
      throw (RuntimeException) e.getCause();
    } finally {
      remote.end();
    }
    if (!client.answered() && lastFailure != null) throw refused(lastFailure);
  }

  /** Ends at once, the session included: for a signal. */
  public void stop() {
    // A client that reads no more would hold up whoever writes to it.
    var told =
        Remote.daemon(
            "mcp-stop", () -> client.failAll(Client.NO_CONNECTION, "the proxy was stopped"));
    remote.end();
    over.complete(null);
    try {
      told.join(HURRY_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** After {@link #serve}, where this process goes on: the server's stream is left, too. */
  void leaveStream() throws InterruptedException {
    if (client.answered()) remote.leave();
  }

  private void read(InputStream stdin) {
    var lines = new LineReader(stdin);
    try {
      for (var line = lines.next(); line != null; line = lines.next()) accept(line);
    } catch (IOException e) {
      log.accept("stdin: " + Http.reason(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      over.completeExceptionally(e);
      return;
    }
    leave();
  }

  private void accept(Message message) throws IOException, InterruptedException {
    var head = message.head();
    switch (head.kind) {
      case BROKEN -> refuse(message, Client.NOT_JSON, "this line is not JSON");
      case OTHER -> refuse(message, Client.NO_REQUEST, "this is no JSON-RPC message");
      case BATCH -> {
        if ("2025-03-26".equals(remote.revision())) pass(message);
        else refuse(message, Client.NO_REQUEST, "only MCP 2025-03-26 has batches");
      }
      default -> pass(message);
    }
  }

  private void refuse(Message message, int code, String why) throws IOException {
    var id = message.head().id;
    message.close();
    client.error(id == null ? "null" : id, code, why);
  }

  private void pass(Message message) throws IOException, InterruptedException {
    var call = new Call(message, System.nanoTime() + timeout.toNanos());
    log.accept("client: " + call);
    if (call.head.is("notifications/cancelled")) {
      client.cancelled(call.head.cancels);
      if (remote.cancelsByHangingUp()) {
        message.close();
        return;
      }
    }
    client.expect(call);
    if (first && !call.open.isEmpty()) {
      first = false;
      outbox.alone(call); // until it has shown what the server speaks
    }
    outbox.put(call);
  }

  private void send(Call call) {
    try {
      remote.send(call);
    } catch (Failure e) {
      if (call.open.isEmpty()) log.accept(call + " was not delivered: " + e.getMessage());
      client.fail(call, Client.NO_CONNECTION, e.getMessage());
      if (!client.answered()) {
        lastFailure = e;
        if (e.lasting) over.completeExceptionally(refused(e));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      client.fail(call, Client.NO_CONNECTION, "the proxy has failed: " + e);
      throw e;
    } finally {
      remote.release(call);
    }
  }

  /** The client has said its last word: what it waits for is delivered. */
  private void leave() {
    end.come();
    try {
      if (!client.drain(HURRY_MS) && !client.answered() && !http.answered()) {
        client.failAll(Client.NO_CONNECTION, "the server is not there");
      }
      outbox.drain(client.drain(LEAVE_MS) ? HURRY_MS : 0);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    over.complete(null);
  }

  private FlyException refused(Failure e) {
    var token = e.status == 401 || e.status == 403;
    if (e.status == 409) {
      return new FlyException(
          "another client holds the reply stream",
          e.getMessage() + ": fly mcp wrap serves one client at a time",
          "end the other client (an MCP client, a curl -N), then run this again",
          FlyException.REFUSED,
          e.status);
    }
    return new FlyException(
        token ? "the MCP server asks for a token" : "the MCP server could not be reached",
        e.getMessage(),
        token
            ? "export FLY_MCP_BEARER_TOKEN=..., or --bearer-token-file FILE"
            : "is the address right? " + Http.shown(http.uri),
        token ? FlyException.TOKEN : FlyException.REFUSED,
        e.status);
  }

  /** What the first request shows the server to be, where it is not Streamable HTTP. */
  private final class Finder implements Streamable.Otherwise {
    private final Remote.Link link;

    Finder(Remote.Link link) {
      this.link = link;
    }

    @Override
    public void wrapped(Call call) throws Failure, InterruptedException {
      log.accept("the server speaks the protocol of fly mcp wrap");
      var wrapped = new Wrapped(link);
      remote = wrapped;
      wrapped.adopt(call);
    }

    @Override
    public void refused(Call call, Failure refusal) throws Failure, InterruptedException {
      var sse = new Sse(link);
      sse.find(call, refusal);
      remote = sse; // before the reply can come
      sse.send(call);
    }
  }
}
