package fly.sandbox.http;

import io.javalin.http.Context;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SocketChannelEndPoint;

/** The connection below a request: the one place that casts to Jetty's own classes. */
public final class JettyConnection {
  private JettyConnection() {}

  public static ServletContextRequest request(Context x) {
    return ServletContextRequest.getServletContextRequest(x.req());
  }

  /** The client's end of the connection. */
  public static AbstractEndPoint client(Context x) {
    return (AbstractEndPoint) request(x).getConnectionMetaData().getConnection().getEndPoint();
  }

  /** Gives bytes that were read too early back to the connection. */
  public static void giveBack(AbstractEndPoint client, ByteBuffer bytes) {
    ((Connection.UpgradeTo) client.getConnection()).onUpgradeTo(bytes);
  }

  /** Closes the connection with a TCP reset. */
  public static void reset(Context x) {
    EndPoint client = client(x);
    try {
      var socket = ((SocketChannelEndPoint) client).getChannel();
      socket.setOption(StandardSocketOptions.SO_LINGER, 0); // close() then sends RST, not FIN
    } catch (IOException e) {
      // the client has disconnected
    }
    client.close();
  }
}
