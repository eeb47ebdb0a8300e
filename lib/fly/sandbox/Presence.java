//SOURCES Forward.java
package fly.sandbox;

import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/**
 * Whether the client of a request is still there: without it nobody would notice before something
 * is written to him, which may be never. Once the request has come whole nobody else reads from his
 * connection. Its end there says that he has gone (as for Fly Proxy, who has half a connection has
 * none); another request, of somebody who does not wait for answers, is left to the connection.
 */
final class Presence implements Callback, AutoCloseable {
  private static final int MOST = 1024;

  private final AbstractEndPoint client;
  private volatile Runnable whenGone = () -> {};
  private boolean watching;
  private boolean gone;
  private boolean over;

  Presence(Context x) {
    this.client = (AbstractEndPoint) Forward.client(x);
    if (!Forward.hasBody(x)) watch();
  }

  /** From the end of its body on. */
  synchronized void watch() {
    if (!watching && !over) watching = client.tryFillInterested(this);
  }

  /** What is to be done as soon as he has gone. */
  void whenGone(Runnable task) {
    synchronized (this) {
      whenGone = task;
      if (!gone) return;
    }
    task.run();
  }

  synchronized boolean gone() {
    return gone;
  }

  /** There is something to read. */
  @Override
  public void succeeded() {
    if (look()) whenGone.run();
  }

  /** Whether he has gone just now. */
  private synchronized boolean look() {
    if (over) return false;
    watching = false;
    var bytes = BufferUtil.allocate(MOST);
    var read = fill(bytes);
    if (read == 0) watch();
    if (read > 0) ((Connection.UpgradeTo) client.getConnection()).onUpgradeTo(bytes);
    gone = read < 0;
    return gone;
  }

  private int fill(ByteBuffer bytes) {
    try {
      return client.fill(bytes);
    } catch (IOException e) {
      return -1; // reset
    }
  }

  /** Before the answer ends: from then on the connection is HTTP's again. */
  @Override
  public synchronized void close() {
    over = true;
    if (watching) client.getFillInterest().onFail(new IOException("it has been answered"));
  }
}
