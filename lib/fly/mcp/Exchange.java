package fly.mcp;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;

/** One HTTP request and its answer, whatever server carries them. */
public interface Exchange {
  String method();

  /** Without the query. */
  String path();

  /** Without the question mark; null where there is none. */
  String query();

  /** The first header of this name, in any case; null where there is none. */
  String header(String name);

  InputStream body() throws IOException;

  /** Sends status and headers. The stream carries the body: what is flushed, goes out. */
  OutputStream respond(int status, Map<String, String> headers) throws IOException;
}
