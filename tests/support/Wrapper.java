import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The wrapper ./jbang and its files, to be tried in another folder. */
final class Wrapper {
  private Wrapper() {}

  /** Copies the wrapper, and what it reads, into a folder. */
  static Path copy(Path root) throws IOException {
    Files.createDirectories(root.resolve(".jbang"));
    copy(root, "jbang");
    copy(root, "jbang-catalog.json");
    try (var files = Files.list(Sh.ROOT.resolve(".jbang"))) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        copy(root, ".jbang/" + file.getFileName());
      }
    }
    return root;
  }

  private static void copy(Path root, String file) throws IOException {
    Files.copy(Sh.ROOT.resolve(file), root.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
  }

  /** The jar that the wrapper fetched. */
  static Path realJar() {
    return Path.of(
        System.getenv()
            .getOrDefault(
                "JBANG_JAR", System.getenv("JBANG_DIR") + "/wrapper/jbang-cli-0.132.1-all.jar"));
  }
}
