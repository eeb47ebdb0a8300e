///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION List the dependencies that are behind their newest release.
//SOURCES ../lib/fly/Network.java

import fly.Network;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Reads each //DEPS of this repository, and the metadata of its package in Maven Central or in the
 * mirror of Maven's settings. Numbers and dots make a release.
 */
class Outdated {
  private static final Pattern DEPS =
      Pattern.compile("(?m)^//DEPS ([\\w.-]+):([\\w.-]+):([\\w.-]+)");
  private static final Pattern RELEASE =
      Pattern.compile("(?i)\\d{1,6}(\\.\\d+)+([.-](final|release|ga|jre))?");
  private static final String CENTRAL = "https://repo1.maven.org/maven2";

  private record Package(String group, String artifact) implements Comparable<Package> {
    @Override
    public int compareTo(Package other) {
      return toString().compareTo(other.toString());
    }

    @Override
    public String toString() {
      return group + ":" + artifact;
    }
  }

  /** A place with packages; null for the user where it asks for none. */
  private record Registry(String url, String user, String password) {}

  public static void main(String... args) throws Exception {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", ".")).toAbsolutePath();
    var ours = dependencies(root);
    var registry = registry();
    var client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(Duration.ofSeconds(20))
            .proxy(proxy(URI.create(registry.url)))
            .build();
    var behind = 0;
    for (var entry : ours.entrySet()) {
      var newest = newest(client, registry, entry.getKey());
      if (compare(newest, entry.getValue()) <= 0) continue;
      behind++;
      System.out.printf("%-60s %10s  newest %s%n", entry.getKey(), entry.getValue(), newest);
    }
    System.err.printf("%d of %d dependencies are behind.%n", behind, ours.size());
  }

  /** Versions by package, from all sources that git knows. */
  private static TreeMap<Package, String> dependencies(Path root) throws Exception {
    var found = new TreeMap<Package, String>();
    var git =
        new ProcessBuilder("git", "ls-files", "-z", "*.java", ".jbang/*.java")
            .directory(root.toFile())
            .start();
    var files = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (git.waitFor() != 0) fail("the sources cannot be listed", "git ls-files failed", "a clone");
    for (var file : files.split("\0")) {
      if (!Files.exists(root.resolve(file))) continue;
      DEPS.matcher(Files.readString(root.resolve(file)))
          .results()
          .forEach(deps -> found.put(new Package(deps.group(1), deps.group(2)), deps.group(3)));
    }
    return found;
  }

  /** The mirror of Central in the user's or in Maven's own settings, else Central itself. */
  private static Registry registry() throws Exception {
    var files =
        new ArrayList<>(List.of(Path.of(System.getProperty("user.home"), ".m2/settings.xml")));
    for (var home : new String[] {System.getenv("MAVEN_HOME"), System.getenv("M2_HOME")}) {
      if (home != null) files.add(Path.of(home, "conf/settings.xml"));
    }
    for (var file : files) {
      if (!Files.exists(file)) continue;
      var settings = xml(Files.readAllBytes(file));
      for (var mirror : elements(settings, "mirror")) {
        var of = List.of(text(mirror, "mirrorOf").split("\\s*,\\s*"));
        var central = of.contains("central") || of.contains("*") || of.contains("external:*");
        if (!central || of.contains("!central")) continue;
        for (var server : elements(settings, "server")) {
          if (!text(server, "id").equals(text(mirror, "id"))) continue;
          return new Registry(
              text(mirror, "url"),
              variable(text(server, "username")),
              variable(text(server, "password")));
        }
        return new Registry(text(mirror, "url"), null, null);
      }
    }
    return new Registry(CENTRAL, null, null);
  }

  /** Settings name secrets as ${env.NAME}. */
  private static String variable(String text) {
    var name = text.replaceFirst("^\\$\\{env\\.(\\w+)}$", "$1");
    return name.equals(text) ? text : System.getenv().getOrDefault(name, "");
  }

  private static String newest(HttpClient client, Registry registry, Package one) throws Exception {
    var base = registry.url.replaceFirst("/+$", "");
    var path = "%s/%s/maven-metadata.xml".formatted(one.group.replace('.', '/'), one.artifact);
    var request =
        HttpRequest.newBuilder(URI.create(base + "/" + path)).timeout(Duration.ofSeconds(60));
    if (registry.user != null) {
      var pair = (registry.user + ":" + registry.password).getBytes(StandardCharsets.UTF_8);
      request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair));
    }
    HttpResponse<byte[]> answer = null;
    try {
      answer = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    } catch (IOException e) {
      fail(
          "the registry cannot be asked",
          base + ": " + e,
          "with network, run this again; a mirror belongs into ~/.m2/settings.xml");
    }
    if (answer.statusCode() != 200) {
      fail(
          "the registry does not know " + one,
          base + "/" + path + " answered " + answer.statusCode(),
          "another mirror in ~/.m2/settings.xml");
    }
    var newest = "";
    for (var version : elements(xml(answer.body()), "version")) {
      var name = version.getTextContent().strip();
      if (!RELEASE.matcher(name).matches()) continue;
      if (newest.isEmpty() || compare(name, newest) > 0) newest = name;
    }
    return newest;
  }

  /** Number by number; a missing one is 0. */
  private static int compare(String one, String other) {
    var left = one.split("[.-]");
    var right = other.split("[.-]");
    for (int i = 0; i < Math.max(left.length, right.length); i++) {
      var difference = Long.compare(number(left, i), number(right, i));
      if (difference != 0) return difference;
    }
    return 0;
  }

  private static long number(String[] parts, int i) {
    return i < parts.length && parts[i].matches("\\d{1,18}") ? Long.parseLong(parts[i]) : 0;
  }

  private static Document xml(byte[] bytes) throws Exception {
    var factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    return factory.newDocumentBuilder().parse(new ByteArrayInputStream(bytes));
  }

  private static List<Element> elements(Node parent, String name) {
    var list =
        parent instanceof Document document
            ? document.getElementsByTagName(name)
            : ((Element) parent).getElementsByTagName(name);
    var found = new ArrayList<Element>();
    for (int i = 0; i < list.getLength(); i++) found.add((Element) list.item(i));
    return found;
  }

  private static String text(Element parent, String name) {
    var found = elements(parent, name);
    return found.isEmpty() ? "" : found.get(0).getTextContent().strip();
  }

  private static ProxySelector proxy(URI registry) {
    return Network.SYSTEM
        .proxy(registry.getScheme(), registry.getHost(), Network.port(registry))
        .map(proxy -> ProxySelector.of(new InetSocketAddress(proxy.host(), proxy.port())))
        .orElseGet(ProxySelector::getDefault);
  }

  private static void fail(String what, String why, String next) {
    System.err.printf("error: %s%n  why: %s%n  try: %s%n", what, why, next);
    System.exit(1);
  }
}
