//SOURCES ../edge/FlyProxy.java ../http/ErrorBodies.java ../http/PageAccess.java ../model/AccessToken.java
//SOURCES ../model/ApiError.java ../model/App.java ../model/Ids.java ../model/Regions.java
package fly.sandbox.api;

import fly.sandbox.edge.FlyProxy;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.http.PageAccess;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.App;
import fly.sandbox.model.Ids;
import fly.sandbox.model.Regions;
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

  /** The header of each answer that names its request. */
  static final String REQUEST_ID = "fly-request-id";

  /** The challenge in the answer to a control request without the token. */
  public static final String REALM = "Bearer realm=\"fly-sandbox\"";

  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  /** Routes served by Fly.io's central API, which uses another 401 body. */
  private static final Pattern CENTRAL = Pattern.compile("/(certificates|ip_assignments)(/|$)");

  private final AccessToken token;
  private final FlyProxy edge;
  private final PageAccess page;

  /** The Host of the last request with a local one: most requests have the same. */
  private volatile String lastLocal;

  public Gatekeeper(AccessToken token, FlyProxy edge, PageAccess page) {
    this.token = token;
    this.edge = edge;
    this.page = page;
  }

  /**
   * Refuses requests from other machines and from web pages of other origins. A request whose Host
   * names an app is passed to the app.
   *
   * @return false if an app got the request
   */
  public boolean guard(Context x) throws IOException {
    x.header(REQUEST_ID, requestId());
    var given = x.header("Host");
    var origin = x.header("Origin");
    if (origin == null && given != null && given.equals(lastLocal)) return true;
    var host = host("http://" + given);
    var local = LOOPBACK.contains(host);
    var app = local ? Optional.<App>empty() : edge.named(host);
    if (local) lastLocal = given;
    else if (app.isEmpty()) {
      throw ApiError.otherHost();
    }
    var own = app.isPresent() && host(origin).equals(host);
    if (origin != null && !own && !LOOPBACK.contains(host(origin))) {
      throw ApiError.otherOrigin();
    }
    if (app.isEmpty()) return true;
    edge.handleHost(x, app.get(), host);
    return false;
  }

  /** The value of {@link #REQUEST_ID} for one more answer. */
  static String requestId() {
    return Ids.ulid(Instant.now()) + "-" + Regions.NEAREST;
  }

  /** The request has the Host of the last one with a local Host, no Origin, and the token. */
  boolean isUsual(String host, String origin, String authorization) {
    return origin == null
        && host != null
        && host.equals(lastLocal)
        && authorization != null
        && token.isIn(authorization);
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

  /** Requires the token, or a request of the page. */
  public void authorize(Context x) {
    if (hasToken(x) || isFromPage(x)) return;
    if (CENTRAL.matcher(x.path()).find()) ErrorBodies.unauthorizedByCentral(x);
    else throw ApiError.unauthenticated();
  }

  /**
   * The page creates and destroys by the API itself. Its cookie alone is not enough: the request
   * must have a header and the Origin that no other page can send.
   */
  private boolean isFromPage(Context x) {
    return x.header(CONTROL_HEADER) != null
        && ("http://" + x.header("Host")).equals(x.header("Origin"))
        && page.admits(x);
  }

  private boolean hasToken(Context x) {
    var given = x.header("Authorization");
    return given != null && token.isIn(given);
  }

  /**
   * Requires the token of a request to the sandbox itself: other users of this computer, and the
   * programs of Machines, can connect as well. The page's cookie does not open the control.
   */
  public void authorizeControl(Context x) {
    if (PageAccess.starts(x)) {
      page.open(x);
      return;
    }
    if (hasToken(x) || ofPage(x) && page.admits(x)) return;
    x.header("WWW-Authenticate", REALM);
    throw x.path().equals("/") ? ApiError.pageClosed() : ApiError.controlClosed();
  }

  /** The request is for the page, or for the control of the sandbox itself. */
  public static boolean isControl(Context x) {
    var path = x.path();
    return path.equals("/") || path.equals("/sandbox") || path.startsWith("/sandbox/");
  }

  private static boolean ofPage(Context x) {
    return x.path().equals("/") || x.path().equals("/sandbox/events");
  }

  /** Refuses web pages of other origins, those from another port of this machine included. */
  public static void requireSameOrigin(Context x) {
    var origin = x.header("Origin");
    var site = x.header("Sec-Fetch-Site");
    if (origin != null && !origin.equals("http://" + x.header("Host"))
        || site != null && !site.equals("same-origin") && !site.equals("none")) {
      throw ApiError.otherPage();
    }
  }
}
