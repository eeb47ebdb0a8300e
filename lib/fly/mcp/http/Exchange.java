package fly.mcp.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;

/** One HTTP request and its answer, independent of the server behind it. */
public interface Exchange {
  /** In capitals: {@code GET}. */
  String method();

  /** Path without the query; never empty. */
  String path();

  /** Query without the question mark; null for none. */
  String query();

  /** First value of a header, or null; names ignore case. */
  String header(String name);

  /** All values of a header; empty for none. */
  default List<String> headers(String name) {
    var first = header(name);
    return first == null ? List.of() : List.of(first);
  }

  /** True for requests of browsers, which are no MCP clients. */
  default boolean fromBrowser() {
    var accept = String.join(",", headers("Accept"));
    return accept.matches("(?is).*(html|image/).*") && !accept.contains("json");
  }

  /** Body of the request; empty for none. */
  InputStream body() throws IOException;

  /**
   * Sends status and headers. The stream carries the body: a flush sends what was written, the
   * headers with it. Closing the stream ends the answer.
   *
   * @throws IOException if the client has disconnected; the stream's methods throw it, too
   */
  OutputStream respond(int status, Map<String, String> headers) throws IOException;
}
