//SOURCES ../model/Workers.java
package fly.sandbox.http;

import fly.sandbox.model.Workers;
import java.util.concurrent.Executors;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.http.HttpCookieStore;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** The HTTP clients for the programs of Machines; each is made on its first use. */
public final class ProgramClients implements AutoCloseable {
  /** The size of the headers of a request or an answer (a guess). */
  public static final int HEADER_BYTES = 64 * 1024;

  private static final int CONNECTIONS = 1_000;

  private HttpClient client;
  private HttpClient trusting;

  public synchronized HttpClient client() {
    if (client == null) client = start(new SslContextFactory.Client());
    return client;
  }

  /** A client that accepts any certificate. */
  public synchronized HttpClient trusting() {
    if (trusting == null) trusting = start(new SslContextFactory.Client(true));
    return trusting;
  }

  private static HttpClient start(SslContextFactory.Client ssl) {
    var fresh = new HttpClient();
    fresh.setSslContextFactory(ssl);
    fresh.setExecutor(Executors.newCachedThreadPool(Workers.daemons("sandbox-forward")));
    fresh.setFollowRedirects(false);
    fresh.setUserAgentField(null);
    fresh.setHttpCookieStore(new HttpCookieStore.Empty());
    fresh.setMaxConnectionsPerDestination(CONNECTIONS);
    fresh.setMaxRequestHeadersSize(HEADER_BYTES);
    fresh.setMaxResponseHeadersSize(HEADER_BYTES);
    fresh.setConnectTimeout(2_000);
    fresh.setIdleTimeout(0);
    try {
      fresh.start();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    fresh.getContentDecoderFactories().clear();
    fresh.getProtocolHandlers().clear();
    return fresh;
  }

  @Override
  public synchronized void close() {
    stop(client);
    stop(trusting);
  }

  private static void stop(HttpClient client) {
    if (client == null) return;
    try {
      client.stop();
    } catch (Exception e) {
      // nothing of the client is kept
    }
  }
}
