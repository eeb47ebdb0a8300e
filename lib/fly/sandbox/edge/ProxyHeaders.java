//SOURCES MachineChoice.java ../http/PageAccess.java ../model/App.java ../model/Machine.java ../model/Regions.java
package fly.sandbox.edge;

import com.fasterxml.jackson.databind.node.MissingNode;
import fly.sandbox.http.PageAccess;
import fly.sandbox.model.App;
import fly.sandbox.model.Machine;
import fly.sandbox.model.Regions;
import io.javalin.http.Context;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.eclipse.jetty.http.HttpFields;

/**
 * The headers that Fly Proxy adds, removes and replaces. See
 * https://fly.io/docs/networking/request-headers/.
 */
final class ProxyHeaders {
  static final String VIA = "1.1 fly.io";

  private ProxyHeaders() {}

  /** True if the client reports plain HTTP. */
  static boolean plain(Context x) {
    return "http".equals(x.header("X-Forwarded-Proto"));
  }

  /**
   * The headers that describe the client to the app; they replace the client's own. The request
   * counts as HTTPS, as on Fly.io, unless the client sends X-Forwarded-Proto: http.
   */
  static Map<String, String> toApp(Context x, String host) {
    var client = x.req().getRemoteAddr();
    var port = plain(x) ? "80" : "443";
    var headers = new LinkedHashMap<String, String>();
    var named = host.equals(x.req().getServerName().toLowerCase(Locale.ROOT));
    headers.put("Host", named ? x.header("Host") : host);
    headers.put("Fly-Client-IP", client);
    headers.put("Fly-Forwarded-Port", port);
    headers.put("Fly-Region", Regions.NEAREST);
    headers.put("Fly-Request-Id", x.res().getHeader("fly-request-id"));
    headers.put("X-Forwarded-For", appended(x.header("X-Forwarded-For"), client));
    headers.put("X-Forwarded-Port", port);
    headers.put("X-Forwarded-Proto", plain(x) ? "http" : "https");
    headers.put("X-Forwarded-SSL", plain(x) ? "off" : "on");
    headers.put("Via", appended(x.header("Via"), VIA));
    headers.put("fly-replay-src", null);
    headers.put("Cookie", PageAccess.others(x));
    return headers;
  }

  private static String appended(String list, String value) {
    return list == null ? value : list + ", " + value;
  }

  /** A port of the app sends plain HTTP to HTTPS. */
  static boolean forcesHttps(App app) {
    for (var machine : app.living()) {
      for (var service : machine.config().path("services")) {
        for (var port : service.path("ports")) {
          if (port.path("force_https").asBoolean()) return true;
        }
      }
    }
    return false;
  }

  /** Sets the proxy's own headers, and those of the port's http_options. */
  static void toClient(Context x, Machine machine, HttpFields.Mutable headers) {
    var options = MissingNode.getInstance().path("");
    for (var port : MachineChoice.service(machine).path("ports")) {
      if (!port.at("/http_options/response").isMissingNode()) {
        options = port.at("/http_options/response");
      }
    }
    for (var header : options.path("headers").properties()) {
      headers.remove(header.getKey());
      var values = header.getValue();
      if (values.isTextual()) headers.put(header.getKey(), values.asText());
      for (var value : values) headers.add(header.getKey(), value.asText());
    }
    if (options.path("pristine").asBoolean()) {
      x.res().setHeader("Server", null);
      x.res().setHeader("Via", null);
      x.res().setHeader("fly-request-id", null);
      return;
    }
    var via = headers.get("Via");
    if (via != null) x.res().setHeader("Via", appended(via, VIA));
    for (var own : List.of("Server", "Via", "fly-request-id")) headers.remove(own);
  }
}
