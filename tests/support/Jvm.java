import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Commands that run a main class of ours in a new JVM. */
final class Jvm {
  /** A file of arguments: the command line stays short enough for Linux to show it whole. */
  static final Path CLASS_PATH = classPath();

  private Jvm() {}

  static List<String> command(String main, String... args) {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var command = new ArrayList<>(List.of(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    command.addAll(List.of("@" + CLASS_PATH, main));
    command.addAll(List.of(args));
    return command;
  }

  private static Path classPath() {
    try {
      var file = Files.createTempFile("class-path", null);
      file.toFile().deleteOnExit();
      var path = System.getProperty("java.class.path").replace("\\", "\\\\");
      return Files.writeString(file, "-cp \"" + path + "\"");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
