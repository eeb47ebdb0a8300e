package fly.mcp.proxy;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import javax.net.ssl.SSLException;

/** Failures of HTTP requests, in words for people. */
public final class HttpErrors {
  private HttpErrors() {}

  /** Nothing was sent: the same request may be tried again. */
  static final class NotSent extends IOException {
    /** Waiting will not help: a certificate, a wrong protocol. */
    final boolean lasting;

    NotSent(IOException cause) {
      super(reason(cause), cause);
      lasting = cause instanceof SSLException && !cut(cause);
    }

    NotSent(String why) {
      super(why);
      lasting = true;
    }

    private static boolean cut(Throwable e) {
      return e instanceof EOFException
          || e instanceof SocketException
          || e.getCause() != null && cut(e.getCause());
    }
  }

  /** An address for people; what may be secret in it is left out. */
  public static String shown(URI uri) {
    return uri.getScheme()
        + "://"
        + uri.getRawAuthority().replaceFirst(".*@", "")
        + uri.getRawPath();
  }

  /** Why there was no answer, in words. */
  static String reason(IOException e) {
    if (e instanceof UnknownHostException) return "no such host: " + e.getMessage();
    if (e instanceof SocketTimeoutException || e instanceof HttpTimeoutException)
      return "no answer in time";
    if (e instanceof ConnectException && String.valueOf(e.getMessage()).contains("refused")) {
      return "connection refused";
    }
    if (e instanceof ConnectException && e.getMessage() == null) return "no connection";
    if (e instanceof SSLException) return "TLS: " + e.getMessage();
    if (e instanceof SocketException && String.valueOf(e.getMessage()).contains("reset")
        || String.valueOf(e.getMessage()).startsWith("Unexpected end of file")
        || String.valueOf(e.getMessage()).startsWith("Premature EOF")) {
      return "the connection was cut";
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
