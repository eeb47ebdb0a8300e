//SOURCES ../edge/FlyProxy.java ../http/ErrorBodies.java ../model/AccessToken.java ../model/ApiError.java
//SOURCES ../model/App.java ../model/ConfigRules.java ../model/Ids.java
package fly.sandbox.api;

import fly.sandbox.edge.FlyProxy;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.ConfigRules;
import fly.sandbox.model.Ids;
import io.javalin.http.Context;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Access rules: the Host, Origin and token of every request. */
public final class Gatekeeper {
  /** A header that no web page of another origin can send. */
  public static final String CONTROL_HEADER = "Fly-Sandbox";

  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  /** Routes served by Fly.io's central API, which uses another 401 body. */
  private static final Pattern CENTRAL = Pattern.compile("/(certificates|ip_assignments)(/|$)");

  private final AccessToken token;
  private final FlyProxy edge;

  public Gatekeeper(AccessToken token, FlyProxy edge) {
    this.token = token;
    this.edge = edge;
  }

  /** Refuses requests from other machines and from web pages of other origins. */
  public void guard(Context x) throws IOException {
    x.header("fly-request-id", Ids.ulid(Instant.now()) + "-" + ConfigRules.NEAREST);
    var host = host("http://" + x.header("Host"));
    var app = LOOPBACK.contains(host) ? Optional.<App>empty() : edge.named(host);
    if (!LOOPBACK.contains(host) && app.isEmpty()) {
      throw new ApiError(
          403,
          "the sandbox answers to localhost and 127.0.0.1 only,"
              + " and to the {app}.fly.dev and {app}.localhost of its apps");
    }
    var origin = x.header("Origin");
    var own = app.isPresent() && host(origin).equals(host);
    if (origin != null && !own && !LOOPBACK.contains(host(origin))) {
      throw new ApiError(403, "the sandbox does not answer web pages of another origin");
    }
    if (app.isPresent()) edge.handleHost(x, app.get(), host);
  }

  /** The host of a URL in lower case; empty if it has none. */
  private static String host(String url) {
    try {
      var host = url == null ? null : URI.create(url).getHost();
      return host == null ? "" : host.toLowerCase(Locale.ROOT);
    } catch (IllegalArgumentException e) {
      return "";
    }
  }

  /** Asks for the token. */
  public void authorize(Context x) {
    var given = x.header("Authorization");
    if (given != null && token.isIn(given)) return;
    if (CENTRAL.matcher(x.path()).find()) ErrorBodies.unauthorizedByCentral(x);
    else throw new ApiError(401, "Authenticate: token validation error");
  }

  public static void requireControl(Context x) {
    if (x.header(CONTROL_HEADER) == null) {
      throw new ApiError(403, "the header " + CONTROL_HEADER + " is missing");
    }
  }

  /** Refuses web pages of other origins, those from another port of this machine included. */
  public static void requireSameOrigin(Context x) {
    var origin = x.header("Origin");
    var site = x.header("Sec-Fetch-Site");
    if (origin != null && !origin.equals("http://" + x.header("Host"))
        || site != null && !site.equals("same-origin") && !site.equals("none")) {
      throw new ApiError(403, "the sandbox shows itself to its own page only");
    }
  }
}
