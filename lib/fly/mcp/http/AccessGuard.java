//SOURCES Exchange.java
package fly.mcp.http;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Set;

/**
 * Access rules: Host, Origin, network and credentials. Pages of other origins are refused (DNS
 * rebinding: "Security Warning" of the transports in the MCP specification).
 *
 * @param bearerToken token that clients send; null for none
 * @param user user that clients send with {@code password}; null for none
 * @param loopback true if the server listens on loopback only; then Host must be a loopback name
 * @param privateOnly true if only Fly.io's private network may use the server (Flycast, .internal)
 * @param origins further origins that may use the server, such as {@code https://app.example}
 * @param hosts further names of the server
 */
public record AccessGuard(
    String bearerToken,
    String user,
    String password,
    boolean loopback,
    boolean privateOnly,
    Set<String> origins,
    Set<String> hosts) {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  public AccessGuard(
      String bearerToken,
      String user,
      String password,
      boolean loopback,
      Set<String> origins,
      Set<String> hosts) {
    this(bearerToken, user, password, loopback, false, origins, hosts);
  }

  /** Reason to refuse a request; null to accept it. */
  public String objection(Exchange exchange) {
    var host = hostName(exchange.header("Host"));
    if (host == null) return "there is no Host header";
    var known = LOOPBACK.contains(host) || hosts.contains(host);
    if (!known && (loopback || !hosts.isEmpty())) return "the Host " + host + " is not ours";
    var client = exchange.header("Fly-Client-IP"); // none on .internal, which bypasses Fly Proxy
    if (privateOnly && client != null && !isPrivate(client)) {
      return "the client " + client + " is not in Fly.io's private network";
    }
    var origin = exchange.header("Origin");
    if (origin == null || origins.contains(origin)) return null;
    var from = originHost(origin);
    var own = loopback ? LOOPBACK.contains(from) : from.equals(host);
    return own ? null : "the Origin " + origin + " is not allowed";
  }

  /** True for an address of 6PN, Fly.io's private network: fdaa::/16. */
  private static boolean isPrivate(String address) {
    try {
      if (!address.contains(":") || !address.matches("[0-9a-fA-F:.]+")) return false;
      var bytes = InetAddress.getByName(address).getAddress();
      return bytes.length == 16 && bytes[0] == (byte) 0xfd && bytes[1] == (byte) 0xaa;
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** True if the server requires no credentials. */
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

  /** Value of WWW-Authenticate. */
  public String challenge() {
    var ways = new ArrayList<String>();
    if (bearerToken != null) ways.add("Bearer");
    if (user != null) ways.add("Basic realm=\"MCP\", charset=\"UTF-8\"");
    return String.join(", ", ways);
  }

  /** Compares in constant time. */
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
