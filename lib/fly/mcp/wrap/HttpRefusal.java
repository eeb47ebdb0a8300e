//SOURCES ../http/Exchange.java ../message/JsonRpcHead.java
package fly.mcp.wrap;

import fly.mcp.http.Exchange;
import fly.mcp.message.JsonRpcHead;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** A request that the bridge answers with an HTTP error; the body is a JSON-RPC error. */
final class HttpRefusal extends RuntimeException {
  private static final long serialVersionUID = 1;

  static final int SERVER_ERROR = -32000;
  static final int INVALID_REQUEST = -32600;
  private static final int PARSE_ERROR = -32700;

  final int status;
  final int code;
  final transient Map<String, String> headers = new LinkedHashMap<>();

  HttpRefusal(int status, int code, String reason) {
    super(reason, null, false, false);
    this.status = status;
    this.code = code;
    headers.put("Content-Type", "application/json");
  }

  HttpRefusal(int status, String reason) {
    this(status, SERVER_ERROR, reason);
  }

  HttpRefusal with(String name, String value) {
    headers.put(name, value);
    return this;
  }

  static void requireJson(Exchange exchange) {
    var type = exchange.header("Content-Type");
    if (type == null || !type.split(";")[0].strip().equalsIgnoreCase("application/json")) {
      throw new HttpRefusal(415, "the Content-Type must be application/json");
    }
    var coding = exchange.header("Content-Encoding");
    if (coding != null && !coding.strip().equalsIgnoreCase("identity")) {
      throw new HttpRefusal(415, "the Content-Encoding must be identity")
          .with("Accept-Encoding", "identity");
    }
  }

  /** Refuses a body that announces more bytes than {@code limit}. */
  static void requireLength(Exchange exchange, long limit) {
    var length = exchange.header("Content-Length");
    if (length != null && length.matches("\\d{1,18}")) {
      if (Long.parseLong(length) > limit) throw tooLong(limit);
    }
  }

  /** The request's body; reading more than {@code limit} bytes throws a refusal. */
  static InputStream limited(InputStream body, long limit) {
    return new FilterInputStream(body) {
      private long left = limit;

      @Override
      public int read(byte[] target, int start, int count) throws IOException {
        var length = super.read(target, start, count);
        if (length > 0) left -= length;
        if (left < 0) throw tooLong(limit);
        return length;
      }
    };
  }

  private static HttpRefusal tooLong(long limit) {
    return new HttpRefusal(413, INVALID_REQUEST, "the body is longer than " + limit + " bytes");
  }

  static void requireMessage(JsonRpcHead head) {
    if (head.kind == JsonRpcHead.Kind.BROKEN) {
      throw new HttpRefusal(400, PARSE_ERROR, "the body is not JSON");
    }
    if (head.kind.isOne() && head.versioned) return;
    throw new HttpRefusal(400, INVALID_REQUEST, "the body is no JSON-RPC message");
  }
}
