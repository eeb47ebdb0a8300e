//SOURCES ../FlyException.java ../Settings.java
package fly.doctor;

import fly.FlyException;
import fly.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Checks the wrapper that started this command, and its files in JBang's folder. */
final class WrapperCache {
  private WrapperCache() {}

  /** JBang's own folder. */
  static Path folder() {
    var folder = Settings.lookup("JBANG_DIR");
    return folder == null ? Path.of(System.getProperty("user.home"), ".jbang") : Path.of(folder);
  }

  /** The wrapper, the commands that it starts without JBang, and its archives of classes. */
  static String found() throws IOException {
    var wrapper = Settings.lookup("FLY_JBANG");
    if (wrapper == null || wrapper.startsWith("@")) return "none: jbang itself runs this";
    var folder = folder().resolve("wrapper");
    var jar = jar(folder);
    if (!Files.isRegularFile(jar)) {
      throw new FlyException(
          "JBang's jar is not at " + jar,
          "the wrapper needs it for each command that it has not run yet",
          "any command that is new here fetches it, such as fly-env --help");
    }
    var failed = count(folder.resolve("archives"), "classes.failed");
    return "%s; start without JBang: %d of the commands; archives of classes: %d%s"
        .formatted(
            wrapper.equals("-") ? "a command on the PATH" : wrapper,
            count(folder.resolve("commands"), "record"),
            count(folder.resolve("archives"), "classes"),
            failed == 0
                ? ""
                : "; %d could not be made: rm -r %s, to try again"
                    .formatted(failed, folder.resolve("archives")));
  }

  private static Path jar(Path folder) {
    var own = Settings.lookup("JBANG_JAR");
    if (own != null) return Path.of(own);
    var version = Settings.lookup("FLY_JBANG_VERSION");
    return folder.resolve("jbang-cli-" + version + "-all.jar");
  }

  private static long count(Path folder, String name) throws IOException {
    if (!Files.isDirectory(folder)) return 0;
    try (var files = Files.walk(folder)) {
      return files.filter(file -> file.endsWith(name)).count();
    }
  }
}
