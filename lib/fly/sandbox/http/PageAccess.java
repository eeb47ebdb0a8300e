//SOURCES ../model/ApiError.java ../model/Ids.java
package fly.sandbox.http;

import fly.sandbox.model.ApiError;
import fly.sandbox.model.Ids;
import io.javalin.http.Context;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Admission of browsers to the page. A start link works once and leaves a cookie, which is good for
 * the page only. The link is worthless afterwards, because the arguments of a browser's process and
 * its history show it to others.
 */
public final class PageAccess {
  /** A cookie belongs to a host, not to a port: its name tells sandboxes apart. */
  private static final String COOKIE = "fly-sandbox-";

  private static final Pattern OWN = Pattern.compile("\\s*" + COOKIE + "\\d+=");

  private static final int MOST_LINKS = 64;

  private final String cookie = Ids.key();
  private final Deque<String> links = new ArrayDeque<>();

  /** A new start link. The oldest of many unused ones expires. */
  public synchronized String link(String url) {
    if (links.size() == MOST_LINKS) links.removeFirst();
    var key = Ids.key();
    links.add(key);
    return url + "/?start=" + key;
  }

  /** The request comes by a start link. */
  public static boolean starts(Context x) {
    return x.path().equals("/") && x.queryParam("start") != null;
  }

  /**
   * Uses the link up; the page itself is the answer. After a redirect browsers would not send the
   * cookie, if a page of another site leads here.
   */
  public void open(Context x) {
    if (!admits(x) && !use(x.queryParam("start"))) throw ApiError.pageClosed();
    x.header("Set-Cookie", "%s=%s; Path=/; HttpOnly; SameSite=Strict".formatted(name(x), cookie));
  }

  private synchronized boolean use(String key) {
    return links.removeIf(link -> same(link, key));
  }

  /** The request has the page's cookie. */
  public boolean admits(Context x) {
    var given = x.cookie(name(x));
    return given != null && same(given, cookie);
  }

  /**
   * The client's cookies without those of sandboxes' pages, which no app may have; null if none is
   * left.
   */
  public static String others(Context x) {
    return Collections.list(x.req().getHeaders("Cookie")).stream()
        .flatMap(header -> Stream.of(header.split(";")))
        .filter(cookie -> !OWN.matcher(cookie).lookingAt())
        .map(String::strip)
        .collect(Collectors.collectingAndThen(Collectors.joining("; "), PageAccess::orNull));
  }

  private static String orNull(String cookies) {
    return cookies.isEmpty() ? null : cookies;
  }

  private static String name(Context x) {
    return COOKIE + x.req().getLocalPort();
  }

  private static boolean same(String a, String b) {
    return MessageDigest.isEqual(
        a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }
}
