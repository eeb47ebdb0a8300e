package fly.sandbox.edge;

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
 * One direction of a connection after its upgrade to a WebSocket. Bytes pass unchanged, and no more
 * is read than the other end takes. If one end closes, so does the other.
 */
public class WebSocketTunnel extends AbstractConnection implements Connection.UpgradeTo {
  private static final int BUFFER = 1 << 14;
  private static final String MARK = "Sec-WebSocket-Version";

  private final EndPoint there;
  private final Runnable over;
  private ByteBuffer bytes = BufferUtil.allocate(BUFFER);

  /**
   * @param over run when this end is closed
   */
  WebSocketTunnel(EndPoint here, EndPoint there, Executor executor, Runnable over) {
    super(here, executor);
    this.there = there;
    this.over = over;
  }

  /** Hides a header, because with it Javalin would handle the WebSocket by its own routes. */
  public static void admit(ServletRequest request, ServletResponse response, FilterChain next)
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

  /** True if the request is an upgrade to a WebSocket. */
  static boolean wanted(HttpServletRequest request) {
    return "websocket".equalsIgnoreCase(request.getHeader("Upgrade"));
  }

  /** Takes bytes that came with the headers. */
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
