//SOURCES Exchange.java
package fly.mcp.http;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Set;

/**
 * Who may come in: web pages of other origins may not (DNS rebinding, as the MCP specification asks
 * under "Security Warning" of the transports), nor those without the credentials.
 *
 * @param bearerToken or null
 * @param user with its password; null where there is none
 * @param loopback whether only this computer can come; then it must call us by one of its names
 * @param origins that may come besides our own, such as {@code https://app.example}
 * @param hosts names by which we are called besides those of loopback
 */
public record AccessGuard(
    String bearerToken,
    String user,
    String password,
    boolean loopback,
    Set<String> origins,
    Set<String> hosts) {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  /** Why it may not come; null where it may. */
  public String objection(Exchange exchange) {
    var host = hostName(exchange.header("Host"));
    if (host == null) return "there is no Host header";
    var known = LOOPBACK.contains(host) || hosts.contains(host);
    if (!known && (loopback || !hosts.isEmpty())) return "the Host " + host + " is not ours";
    var origin = exchange.header("Origin");
    if (origin == null || origins.contains(origin)) return null;
    var from = originHost(origin);
    var own = loopback ? LOOPBACK.contains(from) : from.equals(host);
    return own ? null : "the Origin " + origin + " is not allowed";
  }

  /** Whether it asks for no credentials. */
  public boolean isOpen() {
    return bearerToken == null && user == null;
  }

  public boolean authorized(Exchange exchange) {
    if (isOpen()) return true;
    var header = exchange.header("Authorization");
    var parts = header == null ? new String[0] : header.strip().split(" +", 2);
    if (parts.length != 2) return false;
    if (bearerToken != null && parts[0].equalsIgnoreCase("Bearer")) {
      return same(bearerToken, parts[1]);
    }
    if (user == null || !parts[0].equalsIgnoreCase("Basic")) return false;
    var credentials = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
    return same(Base64.getEncoder().encodeToString(credentials), parts[1]);
  }

  /** What to send for WWW-Authenticate. */
  public String challenge() {
    var ways = new java.util.ArrayList<String>();
    if (bearerToken != null) ways.add("Bearer");
    if (user != null) ways.add("Basic realm=\"MCP\", charset=\"UTF-8\"");
    return String.join(", ", ways);
  }

  /** Takes as long for a wrong one as for the right one. */
  private static boolean same(String expected, String given) {
    return MessageDigest.isEqual(
        expected.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
  }

  private static String hostName(String header) {
    return header == null ? null : header.replaceFirst(":\\d+$", "").toLowerCase();
  }

  private static String originHost(String origin) {
    try {
      var host = URI.create(origin).getHost();
      return host == null ? "" : host.toLowerCase();
    } catch (IllegalArgumentException e) {
      return "";
    }
  }
}
