//SOURCES ../message/SseReader.java DeliveryException.java HttpSender.java PendingCall.java SingleStreamTransport.java
package fly.mcp.proxy;

import fly.mcp.message.SseReader;
import java.io.IOException;
import java.net.URI;
import java.util.List;

/**
 * HTTP+SSE (MCP 2024-11-05): the stream's first event names the address that takes messages; the
 * session ends with the stream.
 */
final class SseTransport extends SingleStreamTransport {
  private volatile URI endpoint;

  SseTransport(Link link) {
    super(link);
  }

  @Override
  void send(PendingCall call) throws DeliveryException, InterruptedException {
    remember(call);
    deliver(call, call.message, List.of(call));
  }

  /**
   * Checks if there is such a stream, for a message that the server did not take as a POST to its
   * own address.
   *
   * @param refusal the refusal if there is none
   */
  void find(PendingCall call, DeliveryException refusal)
      throws DeliveryException, InterruptedException {
    start();
    try {
      awaitUp(call);
    } catch (DeliveryException e) {
      log("no HTTP+SSE either: " + e.getMessage());
      throw refusal;
    }
  }

  @Override
  URI target() {
    return endpoint;
  }

  @Override
  boolean isStream(HttpSender.Response response) {
    return response.is(EVENTS);
  }

  @Override
  boolean isOpen(SseReader.Event event) throws IOException {
    if (!event.type().equals("endpoint")) return false;
    var named = event.data().start(8192).strip();
    event.data().close();
    try {
      var target = http.uri.resolve(named);
      if (!http.sameOrigin(target)) throw new IOException("it names an endpoint elsewhere");
      endpoint = target;
      return true;
    } catch (IllegalArgumentException e) {
      throw new IOException("it names no endpoint");
    }
  }

  @Override
  boolean opensAtOnce() {
    return false;
  }

  @Override
  boolean isFinal(int status, long sinceMs) {
    return true;
  }

  @Override
  boolean forgets() {
    return true;
  }
}
