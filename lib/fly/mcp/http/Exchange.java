package fly.mcp.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;

/** One HTTP request and its answer, whatever server it came through. */
public interface Exchange {
  /** In capitals: {@code GET}. */
  String method();

  /** Without the query; never empty. */
  String path();

  /** Without the question mark; null where there is none. */
  String query();

  /** The first value of a header, or null; case does not matter. */
  String header(String name);

  /** All values of a header; empty where there is none. */
  default List<String> headers(String name) {
    var first = header(name);
    return first == null ? List.of() : List.of(first);
  }

  /** Whether a browser asks, or what looks like one, and no MCP client. */
  default boolean fromBrowser() {
    var accept = String.join(",", headers("Accept"));
    return accept.matches("(?is).*(html|image/).*") && !accept.contains("json");
  }

  /** The request's body; empty where there is none. */
  InputStream body() throws IOException;

  /**
   * Sends status and headers. The stream then carries the body: what is flushed is on its way, the
   * headers with it. Closing it ends the answer.
   *
   * @throws IOException where the client is gone; so do the stream's methods
   */
  OutputStream respond(int status, Map<String, String> headers) throws IOException;
}
