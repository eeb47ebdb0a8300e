//SOURCES ReverseProxy.java ../http/JettyConnection.java
package fly.sandbox.edge;

import fly.sandbox.http.JettyConnection;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/**
 * Notices that the client of a request disconnects. The end of input counts as that: like Fly
 * Proxy's, a half-closed connection is closed. A pipelined request is left for the connection.
 */
final class DisconnectWatch implements Callback, AutoCloseable {
  private static final int MOST = 1024;

  private final AbstractEndPoint client;
  private volatile Runnable whenDisconnected = () -> {};
  private boolean watching;
  private boolean disconnected;
  private boolean over;

  DisconnectWatch(Context x) {
    this.client = JettyConnection.client(x);
    if (!ReverseProxy.hasBody(x)) begin();
  }

  /** Starts to watch, at the end of the request's body. */
  synchronized void begin() {
    if (!watching && !over) watching = client.tryFillInterested(this);
  }

  /** Runs a task as soon as the client disconnects. */
  void whenDisconnected(Runnable task) {
    synchronized (this) {
      whenDisconnected = task;
      if (!disconnected) return;
    }
    task.run();
  }

  synchronized boolean disconnected() {
    return disconnected;
  }

  /** The connection has something to read. */
  @Override
  public void succeeded() {
    if (look()) whenDisconnected.run();
  }

  /** Reads; true if the client has disconnected. */
  private synchronized boolean look() {
    if (over) return false;
    watching = false;
    var bytes = BufferUtil.allocate(MOST);
    var read = fill(bytes);
    if (read == 0) begin();
    if (read > 0) JettyConnection.giveBack(client, bytes);
    disconnected = read < 0;
    return disconnected;
  }

  private int fill(ByteBuffer bytes) {
    try {
      return client.fill(bytes);
    } catch (IOException e) {
      return -1; // reset
    }
  }

  /** Stops before the answer ends: from then on the connection belongs to HTTP. */
  @Override
  public synchronized void close() {
    over = true;
    if (watching) client.getFillInterest().onFail(new IOException("the request has been answered"));
  }
}
