//SOURCES Json.java ../model/ApiError.java ../model/JsonNodes.java
package fly.sandbox.http;

import fly.sandbox.model.ApiError;
import fly.sandbox.model.JsonNodes;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.http.HttpStatus;
import java.io.IOException;

/** Sends refusals in the forms that Fly.io gives them. */
public final class ErrorBodies {
  /** Bytes of a request's body. */
  public static final long MOST_BYTES = 4 * 1024 * 1024;

  private static final long MOST_DRAINED = 16 * MOST_BYTES;

  /** An attribute of a request whose body an app gets. */
  private static final String PASSED_ON = "fly.sandbox.edge";

  private ErrorBodies() {}

  /** Marks a request whose body goes to an app; a refusal leaves the body unread. */
  public static void passedOn(Context x) {
    x.attribute(PASSED_ON, true);
  }

  public static void refuse(Context x, ApiError error) {
    var body = JsonNodes.object().put("error", error.getMessage());
    if (error.code != null) body.put("status", error.code);
    x.status(error.status).contentType("application/json").result(JsonNodes.bytes(body));
    drain(x);
  }

  /** The refusal for an exception of the web server, such as a body that is too large. */
  public static ApiError ofServer(HttpResponseException e) {
    return e.getStatus() == HttpStatus.CONTENT_TOO_LARGE.getCode()
        ? ApiError.bodyTooLarge(MOST_BYTES)
        : ApiError.ofServer(e.getStatus(), e.getMessage());
  }

  /** Refuses a token as Fly.io's central API does, which serves some of the routes. */
  public static void unauthorizedByCentral(Context x) {
    x.status(401);
    Json.send(x, JsonNodes.object().put("message", "Unauthorized"));
    drain(x);
    x.skipRemainingHandlers();
  }

  /**
   * Reads the rest of the request's body, up to a limit. A client that is still sending would see a
   * closed connection instead of the answer.
   */
  private static void drain(Context x) {
    if (x.attribute(PASSED_ON) != null) return;
    try {
      var in = x.req().getInputStream();
      var buffer = new byte[1 << 16];
      for (long all = 0, read = 0; read >= 0 && all < MOST_DRAINED; all += read) {
        read = in.read(buffer);
      }
    } catch (IOException e) {
      // the client has disconnected
    }
  }

  /** The answer of Go's router, which comes before the token is checked. */
  public static void noRoute(Context x) {
    x.status(404).contentType("text/plain; charset=utf-8").result("404 page not found\n");
  }

  /** Refuses routes that are out of scope for the sandbox: key management, OIDC, memory. */
  public static void notHere(Context x) {
    refuse(x, ApiError.notHere(x.method().name(), x.path()));
  }
}
