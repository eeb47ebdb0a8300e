//SOURCES FlyException.java Network.java PrivateNetwork.java Settings.java Token.java
package fly;

import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/** The token of a client, read when the first request needs it, and the hosts that may have it. */
public final class Access {
  private static final Pattern UNDERSCORED = Pattern.compile("(\\w[\\w.-]*)(:\\d+)?");

  /** A name that never exists (RFC 2606). */
  private static final String NOWHERE = ".invalid";

  /** The Authorization headers of the two APIs. */
  private record Headers(Token token, String machines, String central) {}

  private final Set<String> safe = ConcurrentHashMap.newKeySet();
  private volatile Headers headers;

  Access() {}

  /**
   * The Authorization header.
   *
   * @param base the API's URL without a path
   * @param central true for GraphQL and the paths beside it
   */
  String header(String base, boolean central) {
    if (!safe.contains(base)) {
      requireSafe(base);
      // A name of the private network is looked up each time, since a tunnel may end.
      if (!PrivateNetwork.named(host(base))) safe.add(base);
    }
    if (headers == null) {
      var token = Token.parse(Settings.requireApiToken());
      headers = new Headers(token, token.header(), token.graphqlHeader());
    }
    return central ? headers.central : headers.machines;
  }

  /** The same failure without the token in its text. */
  FlyException hide(FlyException e) {
    return headers == null ? e : headers.token.hide(e);
  }

  /** The text without the token. */
  String hide(String text) {
    return headers == null ? text : headers.token.hide(text);
  }

  /** Refuses to send a token in the clear to anything but this machine or a private network. */
  public static void requireSafe(String url) {
    URI uri;
    try {
      uri = URI.create(url);
    } catch (IllegalArgumentException e) {
      throw FlyException.usage(url + " is no URL", e.getMessage(), "https://api.machines.dev");
    }
    var host = host(url);
    if ("https".equals(uri.getScheme()) && host != null) return;
    if (!"http".equals(uri.getScheme()) || host == null) {
      throw FlyException.usage(
          url + " is no http or https URL", "the API's address must start with one", "https://...");
    }
    if (Network.loopback(host)) return;
    if (PrivateNetwork.named(host)) {
      PrivateNetwork.require(host);
      return;
    }
    if (host.endsWith(NOWHERE)) {
      throw FlyException.usage(
          "there is no Fly.io at " + host,
          "a command that failed has set this address, so that nothing reaches the real one",
          "the failed command again, such as: eval \"$(fly-sandbox --start)\"");
    }
    throw FlyException.usage(
        "a token must not travel in the clear to " + host,
        "plain http is only for this machine and for Fly.io's private network",
        "https://" + host);
  }

  /** The host's name, underscores allowed; null if the URL has none. */
  private static String host(String url) {
    var uri = URI.create(url);
    if (uri.getHost() != null) return uri.getHost();
    var name = UNDERSCORED.matcher(String.valueOf(uri.getAuthority()));
    return name.matches() ? name.group(1) : null;
  }
}
