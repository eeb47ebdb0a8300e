//SOURCES ../message/JsonRpcMessage.java ../message/SseReader.java DeliveryException.java HttpErrors.java
//SOURCES HttpSender.java PendingCall.java SingleStreamTransport.java StdioClient.java
package fly.mcp.proxy;

import fly.mcp.message.JsonRpcMessage;
import fly.mcp.message.SseReader;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The protocol of {@code fly mcp wrap} (superfly/flyctl, internal/command/mcp/wrap.go): a POST's
 * lines go to a program's stdin, and the program's output comes as lines on the one GET. Output is
 * lost while no GET is open.
 */
final class FlyWrapTransport extends SingleStreamTransport {
  /**
   * A second listener gets 409, even if the connection of the first is dead and the wrap has not
   * noticed.
   */
  private static final long SLOT_MS = 3_000;

  private static final long LOOK_MS = 3_000;
  private static final int LARGEST_BATCH = 1024 * 1024;
  private static final String PING =
      "{\"jsonrpc\":\"2.0\",\"id\":\"fly-mcp-proxy/ping\",\"method\":\"ping\"}";

  /**
   * Names the client, so that fly-mcp-wrap lets it take over its dead stream. Flyctl's wrap ignores
   * it.
   */
  private final String identity = Long.toHexString(new SplittableRandom().nextLong());

  FlyWrapTransport(Link link) {
    super(link);
    link.outbox().serial();
  }

  @Override
  Map<String, String> headers() {
    var headers = super.headers();
    headers.put("Fly-Mcp-Client", identity);
    return headers;
  }

  /** Sends all waiting messages in one POST, which takes no longer than a single message. */
  @Override
  void send(PendingCall call) throws DeliveryException, InterruptedException {
    var calls = new ArrayList<PendingCall>(List.of(call));
    var room = LARGEST_BATCH - call.message.length();
    for (var next = link.outbox().poll(room); next != null; next = link.outbox().poll(room)) {
      calls.add(next);
      room -= next.message.length();
    }
    calls.forEach(this::remember);
    try (var lines = JsonRpcMessage.lines(calls.stream().map(each -> each.message).toList())) {
      deliver(call, calls.size() == 1 ? call.message : lines, calls);
    } catch (IOException e) {
      throw new DeliveryException(HttpErrors.reason(e));
    } catch (DeliveryException e) {
      for (var each : calls) client.fail(each, StdioClient.NO_CONNECTION, e.getMessage());
      throw e;
    } finally {
      for (var each : calls) if (each != call) release(each);
    }
  }

  /**
   * Takes over a request that the server took before the stream was open. A ping shows if its reply
   * was lost, because the program reads one line after the other. A handshake or a list is then
   * sent again.
   */
  void adopt(PendingCall call) throws DeliveryException, InterruptedException {
    remember(call);
    start();
    awaitUp(call);
    try {
      if (client.waitsFor(call)) look(call);
      if (!client.waitsFor(call)) return;
      if (call.head.repeatable()) tell(call);
      else call.trouble = "it was taken while nobody listened: with --transport wrap we do";
      taken(List.of(call));
    } catch (IOException e) {
      throw new DeliveryException(HttpErrors.reason(e));
    }
  }

  /** Waits for a reply to the call, or to a ping behind it. */
  private void look(PendingCall call) throws IOException, DeliveryException, InterruptedException {
    var ping = new PendingCall(JsonRpcMessage.of(PING), call.deadline);
    var pong = client.keep(ping.head.key);
    try {
      tell(ping);
      for (int ms = 0; ms < LOOK_MS && client.waitsFor(call); ms += 20) {
        if (await(pong, 20) != null) return;
      }
    } finally {
      client.keepNoMore(ping.head.key);
    }
  }

  @Override
  URI target() {
    return http.uri;
  }

  @Override
  boolean isStream(HttpSender.Response response) {
    return !response.is("text/html");
  }

  @Override
  boolean isOpen(SseReader.Event event) {
    return false;
  }

  @Override
  boolean opensAtOnce() {
    return true;
  }

  @Override
  boolean isFinal(int status, long sinceMs) {
    return status != 409 || sinceMs > SLOT_MS;
  }

  @Override
  boolean forgets() {
    return false;
  }
}
