//SOURCES ../../FlyException.java ../message/JsonRpcMessage.java ../message/LineReader.java DeliveryException.java
//SOURCES FlyWrapTransport.java HttpErrors.java HttpSender.java Patience.java PendingCall.java ProxyLog.java
//SOURCES SendQueue.java ServerTransport.java SingleStreamTransport.java SseTransport.java StdioClient.java
//SOURCES StreamableHttpTransport.java
package fly.mcp.proxy;

import fly.FlyException;
import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.LineReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A stdio MCP server in front of an HTTP one: messages of both sides pass byte for byte. The first
 * request that the server receives is the client's.
 */
public final class StdioProxy {
  /** The server's protocol; {@code AUTO} finds it out by the first request. */
  public enum Transport {
    AUTO,
    WRAP,
    STREAMABLE,
    SSE
  }

  /** Time for outstanding replies after the client has closed its side. */
  private static final long LEAVE_MS = 60_000;

  private static final long HURRY_MS = 1_500;

  private final ServerTransport.End end = new ServerTransport.End();
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private final ProxyLog log;
  private final Duration timeout;
  private final HttpSender http;
  private final StdioClient client;
  private final SendQueue outbox;
  private volatile ServerTransport remote;
  private boolean first = true;
  private DeliveryException lastFailure;

  /**
   * @param headers for every request, and to no other host than the URL's: they may hold secrets
   * @param timeout time in which a request gets its reply, or an error
   * @param patience limits for an unreachable server
   * @param log takes a line per event; no secrets, and no content
   */
  public StdioProxy(
      URI url,
      Transport transport,
      Map<String, String> headers,
      Duration timeout,
      Patience patience,
      OutputStream stdout,
      ProxyLog log) {
    this.log = log;
    this.timeout = timeout;
    http = new HttpSender(url, headers, log::line);
    client = new StdioClient(stdout, log::line, call -> remote.late(call));
    outbox = new SendQueue(this::send);
    var link = new ServerTransport.Link(http, client, outbox, timeout, patience, log, end);
    switch (transport) {
      case AUTO -> remote = new StreamableHttpTransport(link, new Finder(link));
      case STREAMABLE -> remote = new StreamableHttpTransport(link, null);
      case SSE -> remote = started(new SseTransport(link));
      case WRAP -> remote = started(new FlyWrapTransport(link));
    }
    first = transport == Transport.AUTO;
  }

  /** The server's protocol, or {@code AUTO} if it is not known yet. */
  public Transport transport() {
    if (remote instanceof FlyWrapTransport) return Transport.WRAP;
    if (remote instanceof SseTransport) return Transport.SSE;
    return http.answered() ? Transport.STREAMABLE : Transport.AUTO;
  }

  /** Time of the first answer of the server itself, and not of a proxy; 0 for none. */
  public long reached() {
    return http.reached();
  }

  /** Time of the first request that the server took; 0 for none. */
  public long accepted() {
    return http.accepted();
  }

  private static ServerTransport started(SingleStreamTransport remote) {
    remote.start();
    return remote;
  }

  /**
   * Serves the client until its input ends and it has got its replies. Then no thread and no
   * connection is left.
   *
   * @throws FlyException if the server could not be reached at all, or refused
   */
  public void serve(InputStream stdin) throws InterruptedException {
    ServerTransport.daemon("mcp-stdin", () -> read(stdin));
    client.gone().thenRun(() -> over.complete(null));
    try {
      over.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) throw error;
      throw (RuntimeException) e.getCause();
    } finally {
      remote.end();
      outbox.end();
      client.end();
      http.end();
    }
    if (!client.answered() && lastFailure != null) throw refused(lastFailure);
  }

  /** Ends at once, with the session, for a signal. */
  public void stop() {
    // A client that no longer reads would block the threads that write to it.
    var told =
        ServerTransport.daemon(
            "mcp-stop", () -> client.failAll(StdioClient.NO_CONNECTION, "the proxy was stopped"));
    remote.end();
    over.complete(null);
    try {
      told.join(HURRY_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void read(InputStream stdin) {
    var lines = new LineReader(stdin);
    try {
      for (var line = lines.next(); line != null; line = lines.next()) accept(line);
    } catch (IOException e) {
      log.line("stdin: " + HttpErrors.reason(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      over.completeExceptionally(e);
      return;
    }
    leave();
  }

  private void accept(JsonRpcMessage message) throws IOException, InterruptedException {
    var head = message.head();
    switch (head.kind) {
      case BROKEN -> refuse(message, StdioClient.NOT_JSON, "this line is not JSON");
      case OTHER -> refuse(message, StdioClient.NO_REQUEST, "this is no JSON-RPC message");
      case BATCH -> {
        if ("2025-03-26".equals(remote.revision())) pass(message);
        else refuse(message, StdioClient.NO_REQUEST, "only MCP 2025-03-26 has batches");
      }
      default -> pass(message);
    }
  }

  private void refuse(JsonRpcMessage message, int code, String why) throws IOException {
    var id = message.head().id;
    message.close();
    client.error(id == null ? "null" : id, code, why);
  }

  private void pass(JsonRpcMessage message) throws IOException, InterruptedException {
    var call = new PendingCall(message, System.nanoTime() + timeout.toNanos());
    log.line("client: " + call);
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
      outbox.alone(call); // until it has shown the server's protocol
    }
    outbox.put(call);
  }

  private void send(PendingCall call) {
    try {
      remote.send(call);
    } catch (DeliveryException e) {
      if (call.open.isEmpty()) log.line(call + " was not delivered: " + e.getMessage());
      client.fail(call, StdioClient.NO_CONNECTION, e.getMessage());
      if (!client.answered()) {
        lastFailure = e;
        if (e.lasting) over.completeExceptionally(refused(e));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      client.fail(call, StdioClient.NO_CONNECTION, "the proxy has failed: " + e);
      throw e;
    } finally {
      remote.release(call);
    }
  }

  /** Delivers the outstanding replies after the end of input. */
  private void leave() {
    end.come();
    try {
      if (!client.drain(HURRY_MS) && !client.answered() && !http.answered()) {
        client.failAll(StdioClient.NO_CONNECTION, "the server is not there");
      }
      outbox.drain(client.drain(LEAVE_MS) ? HURRY_MS : 0);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    over.complete(null);
  }

  private FlyException refused(DeliveryException e) {
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
            : e.tryNext.isEmpty()
                ? "is the address right? " + HttpErrors.shown(http.uri)
                : e.tryNext,
        token ? FlyException.TOKEN : FlyException.REFUSED,
        e.status);
  }

  /** Changes to another protocol if the first request shows that the server has one. */
  private final class Finder implements StreamableHttpTransport.Otherwise {
    private final ServerTransport.Link link;

    Finder(ServerTransport.Link link) {
      this.link = link;
    }

    @Override
    public void wrapped(PendingCall call) throws DeliveryException, InterruptedException {
      log.line("the server speaks the protocol of fly mcp wrap");
      var wrapped = new FlyWrapTransport(link);
      remote = wrapped;
      wrapped.adopt(call);
    }

    @Override
    public void refused(PendingCall call, DeliveryException refusal)
        throws DeliveryException, InterruptedException {
      var sse = new SseTransport(link);
      sse.find(call, refusal);
      remote = sse; // before the reply can come
      sse.send(call);
    }
  }
}
