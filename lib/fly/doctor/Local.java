//SOURCES ../FlyException.java ../Settings.java WrapperCache.java ../mcp/launch/ClientConfigFile.java
package fly.doctor;

import fly.FlyException;
import fly.Settings;
import fly.mcp.launch.ClientConfigFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;

/** Checks of this machine: they send nothing. */
final class Local {
  private Local() {}

  static String jdk() {
    var home = System.getProperty("java.home");
    var version = Runtime.version();
    if (version.feature() < 17 || javac(home) == null) {
      throw new FlyException(
          "no JDK 17 or newer runs this",
          "java.home is " + home + ", version " + version,
          "install a JDK, for example from https://adoptium.net, and set JAVA_HOME");
    }
    return version + " at " + home;
  }

  private static Path javac(String home) {
    for (var name : new String[] {"bin/javac", "bin/javac.exe"}) {
      if (Files.exists(Path.of(home, name))) return Path.of(home, name);
    }
    return null;
  }

  /** JBang's own folder, which has to be writable. */
  static String jbang() {
    var folder = Settings.lookup("JBANG_DIR");
    var dir = WrapperCache.folder();
    if (!Files.isWritable(dir)) {
      throw new FlyException(
          "JBang's folder " + dir + " cannot be written",
          "JBang keeps compiled scripts there" + (folder == null ? "" : "; JBANG_DIR names it"),
          "export JBANG_DIR=FOLDER");
    }
    return "folder " + dir;
  }

  /** Finds Node, which npm's MCP servers on the sandbox need; it may be missing. */
  static String node() throws InterruptedException {
    try {
      var process = new ProcessBuilder("node", "--version").redirectErrorStream(true).start();
      process.getOutputStream().close();
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new FlyException(
            "node does not answer", "node --version took 10 s", "node --version");
      }
      var version = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return version.strip();
    } catch (IOException e) {
      return "none: the sandbox runs FilesServer, in Java, instead of npm's server";
    }
  }

  /** Each setting with its source; no secret is shown. */
  static String settings() {
    var lines = new ArrayList<String>();
    for (var setting : Settings.values()) {
      var value = setting.get();
      if (value == null) continue;
      lines.add("%s=%s (%s)".formatted(setting, setting.secret() ? "***" : value, source(setting)));
    }
    return String.join("\n", lines);
  }

  private static String source(Settings setting) {
    return switch (setting.source()) {
      case PROPERTY -> "system property";
      case ENVIRONMENT -> "environment";
      case FILE -> ".env";
      case DEFAULT -> "default";
    };
  }

  /** The MCP clients of this machine whose configuration names the app's address. */
  static String clients() {
    var found = ClientConfigFile.found();
    if (found.isEmpty()) return "no MCP client found";
    var app = Settings.APP_NAME.get();
    var texts = new ArrayList<String>();
    for (var client : found) {
      var file = ClientConfigFile.ofUser(client).file;
      texts.add(app == null ? client.toString() : client + pointing(file, app));
    }
    return String.join(", ", texts);
  }

  private static String pointing(Path file, String app) {
    try {
      var there = Files.exists(file) && Files.readString(file).contains(Settings.edgeUrl(app));
      return (there ? " points to " : " without ") + app;
    } catch (IOException e) {
      return " has a file that cannot be read: " + file;
    }
  }
}
