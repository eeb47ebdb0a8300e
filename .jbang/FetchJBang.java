import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipInputStream;

/**
 * Fetches the one JBang jar that the wrappers run: {@code java FetchJBang.java VERSION JAR}. It
 * asks Maven's client where there is one, else JBang's own releases, and keeps only a jar with the
 * SHA-256 below. JAR appears whole or not at all, so that any number of first runs may do this at
 * once.
 */
class FetchJBang {
  private static final String SHA256 =
      "f977075849cff866f45b27997f5671ab8a336a5dd3cf9e702b3479128338f3a7";

  public static void main(String... args) throws Exception {
    System.exit(fetch(args[0], Path.of(args[1])));
  }

  private static int fetch(String version, Path jar) throws Exception {
    Files.createDirectories(jar.getParent());
    var folder = Files.createTempDirectory(jar.getParent(), "fetch");
    try {
      var reasons = new StringBuilder();
      var fetched = fromMaven(version, folder, reasons);
      if (fetched == null) fetched = fromReleases(version, folder, reasons);
      if (fetched == null) return fail(version, "JBang could not be fetched", reasons.toString());
      var sha256 =
          HexFormat.of()
              .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(fetched)));
      if (!sha256.equals(SHA256)) {
        return fail(
            version, "the fetched JBang is not the one we know", "its SHA-256 is " + sha256);
      }
      Files.move(fetched, jar, StandardCopyOption.ATOMIC_MOVE);
      return 0;
    } finally {
      try (Stream<Path> files = Files.walk(folder)) {
        files.sorted((a, b) -> b.compareTo(a)).map(Path::toFile).forEach(java.io.File::delete);
      }
    }
  }

  private static Path fromMaven(String version, Path folder, StringBuilder reasons)
      throws Exception {
    var windows = System.getProperty("os.name").startsWith("Windows");
    var mvn =
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(java.io.File.pathSeparator))
            .map(entry -> Path.of(entry, windows ? "mvn.cmd" : "mvn"))
            .filter(Files::isExecutable)
            .findFirst();
    if (mvn.isEmpty()) {
      reasons.append("no mvn on the PATH; ");
      return null;
    }
    var process =
        new ProcessBuilder(
                mvn.get().toString(),
                "-B",
                "-q",
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                "-Dartifact=dev.jbang:jbang-cli:" + version + ":jar:all",
                "-DoutputDirectory=" + folder)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    var said = process.getInputStream().readAllBytes(); // colours, even where all is well
    var exit = process.waitFor();
    if (exit != 0) System.err.write(said);
    var jar = folder.resolve("jbang-cli-" + version + "-all.jar");
    if (exit == 0 && Files.exists(jar)) return jar;
    reasons.append("mvn failed (exit code ").append(exit).append("); ");
    return null;
  }

  private static Path fromReleases(String version, Path folder, StringBuilder reasons)
      throws InterruptedException {
    var url =
        "https://github.com/jbangdev/jbang/releases/download/v%s/jbang-%s.zip"
            .formatted(version, version);
    try {
      var client =
          HttpClient.newBuilder()
              .followRedirects(HttpClient.Redirect.NORMAL)
              .connectTimeout(Duration.ofSeconds(20))
              .proxy(proxy())
              .build();
      var request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofMinutes(5)).build();
      var response = client.send(request, BodyHandlers.ofInputStream());
      if (response.statusCode() == 200) return unpack(response.body(), folder);
      reasons.append(url).append(" answered ").append(response.statusCode());
    } catch (IOException e) {
      reasons.append(url).append(": ").append(e);
    }
    return null;
  }

  private static Path unpack(InputStream archive, Path folder) throws IOException {
    try (var zip = new ZipInputStream(archive)) {
      for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        if (!entry.getName().endsWith("/bin/jbang.jar")) continue;
        var jar = folder.resolve("jbang.jar");
        Files.copy(zip, jar);
        return jar;
      }
    }
    throw new IOException("no bin/jbang.jar in the archive");
  }

  /** Proxies from the variables that curl reads: HTTPS_PROXY or https_proxy. */
  private static ProxySelector proxy() {
    for (var name : List.of("https_proxy", "HTTPS_PROXY")) {
      var value = System.getenv(name);
      if (value == null || value.isBlank()) continue;
      var uri = URI.create(value.contains("://") ? value : "http://" + value);
      return ProxySelector.of(new InetSocketAddress(uri.getHost(), uri.getPort()));
    }
    return ProxySelector.getDefault();
  }

  private static int fail(String version, String what, String why) {
    System.err.println("error: " + what);
    System.err.println("  why: " + why);
    System.err.println(
        "  try: with network, or with Maven's mvn on the PATH, run this again; or put the jar of"
            + " dev.jbang:jbang-cli:%s (classifier all) anywhere and export JBANG_JAR=/path/of/it"
                .formatted(version));
    return 1;
  }
}
