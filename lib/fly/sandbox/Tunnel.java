package fly.sandbox;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/**
 * One direction of a connection that is HTTP no more, as WebSockets are: what comes here goes there
 * as it is, and no more is read than there is taken. Where one end closes, so does the other.
 */
class Tunnel extends AbstractConnection implements Connection.UpgradeTo {
  private static final int BUFFER = 1 << 14;
  private static final String MARK = "Sec-WebSocket-Version";

  private final EndPoint there;
  private final Runnable over;
  private ByteBuffer bytes = BufferUtil.allocate(BUFFER);

  /**
   * @param over run once this end is closed
   */
  Tunnel(EndPoint here, EndPoint there, Executor executor, Runnable over) {
    super(here, executor);
    this.there = there;
    this.over = over;
  }

  /** Javalin would take for its own what has such a header, and there is none of its own. */
  static void admit(ServletRequest request, ServletResponse response, FilterChain next)
      throws IOException, ServletException {
    var http = (HttpServletRequest) request;
    var hidden =
        new HttpServletRequestWrapper(http) {
          @Override
          public String getHeader(String name) {
            return name.equalsIgnoreCase(MARK) ? null : super.getHeader(name);
          }
        };
    next.doFilter(http.getHeader(MARK) == null ? http : hidden, response);
  }

  /** Whether a request is to become a WebSocket. */
  static boolean wanted(HttpServletRequest request) {
    return "websocket".equalsIgnoreCase(request.getHeader("Upgrade"));
  }

  /** What came with the headers already. */
  @Override
  public void onUpgradeTo(ByteBuffer first) {
    bytes = BufferUtil.copy(first);
  }

  @Override
  public void onOpen() {
    super.onOpen();
    getEndPoint().setIdleTimeout(0);
    pass();
  }

  @Override
  public void onFillable() {
    try {
      if (bytes.capacity() < BUFFER) bytes = BufferUtil.allocate(BUFFER);
      if (getEndPoint().fill(bytes) < 0) close();
      else pass();
    } catch (IOException e) {
      close();
    }
  }

  private void pass() {
    if (BufferUtil.isEmpty(bytes)) fillInterested();
    else there.write(Callback.from(this::passed, failure -> close()), bytes);
  }

  private void passed() {
    BufferUtil.clear(bytes);
    fillInterested();
  }

  @Override
  public void onClose(Throwable cause) {
    super.onClose(cause);
    over.run();
  }
}
