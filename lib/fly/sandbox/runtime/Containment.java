//SOURCES ContainedProcess.java PathMapping.java
//FILES contain.sh
package fly.sandbox.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;

/** Ways to keep a Machine's processes together, and to show them volumes at their paths. */
public enum Containment {
  /** Linux, as root: namespaces, which end with this JVM, even by kill -9. */
  NAMESPACES,

  /** The same for other users, if the kernel allows it. */
  USER_NAMESPACES("--user", "--map-root-user"),

  /**
   * Everywhere: {@link PathMapping}, and a shutdown hook. A process that has left the command's
   * family, or a JVM killed by SIGKILL, is beyond its reach.
   */
  PATH_MAPPING;

  private final List<String> options;

  Containment(String... options) {
    this.options = List.of(options);
  }

  /** The strongest that works here; tried once. */
  public static Containment best() {
    return Best.FOUND;
  }

  private static final class Best {
    private static final Containment FOUND =
        NAMESPACES.works() ? NAMESPACES : USER_NAMESPACES.works() ? USER_NAMESPACES : PATH_MAPPING;
  }

  /** This computer's kernel and tools can do it, a mount that makes new folders included. */
  public boolean works() {
    if (this == PATH_MAPPING) return true;
    try {
      var folder = Files.createTempDirectory("fly-containment-");
      try {
        var volume = Files.createDirectory(folder.resolve("volume"));
        var mount = new ContainedProcess.Mount(volume, "/fly-containment/volume");
        var command = wrap(List.of("test", "-d", mount.path()), List.of(mount), folder);
        var probe = new ProcessBuilder(command).redirectErrorStream(true).start();
        probe.getOutputStream().close();
        probe.getInputStream().readAllBytes();
        return probe.waitFor() == 0;
      } finally {
        try (var left = Files.walk(folder)) {
          for (var path : left.sorted(Comparator.reverseOrder()).toList()) Files.delete(path);
        }
      }
    } catch (IOException e) {
      return false; // no setpriv, no unshare: not a Linux
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /**
   * The command line that runs the command contained. Its stderr begins with a byte 0, or with the
   * reason why the command cannot run.
   *
   * @param folder a folder of the host, for its use
   */
  List<String> wrap(List<String> command, List<ContainedProcess.Mount> mounts, Path folder)
      throws IOException {
    var words = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL"));
    // From here on the child ends with the JVM; the shell checks that the JVM has not ended before.
    // It hides stderr from unshare, which would write to it when its child is killed.
    var parent = String.valueOf(ProcessHandle.current().pid());
    var shell = "[ $PPID = " + parent + " ] && exec \"$@\" 3>&2 2>/dev/null";
    words.addAll(List.of("sh", "-c", shell, "contain"));
    words.addAll(List.of("unshare", "--mount", "--pid", "--fork", "--kill-child"));
    words.addAll(options);
    words.addAll(List.of("sh", "-c", script(), "contain"));
    words.add(Files.createDirectories(folder.resolve("rootfs")).toRealPath().toString());
    words.addAll(placing(mounts));
    words.add("--");
    words.addAll(command);
    return words;
  }

  /** The words before a command that is to run in the namespaces of this process. */
  List<String> enter(String pid) {
    var words = new ArrayList<>(List.of("nsenter", "--target", pid, "--mount", "--pid"));
    if (this == USER_NAMESPACES) words.addAll(List.of("--user", "--preserve-credentials"));
    words.add("--");
    return words;
  }

  /** The arguments of contain.sh for the mounts. */
  private static List<String> placing(List<ContainedProcess.Mount> mounts) throws IOException {
    var opened = new LinkedHashSet<String>();
    var placed = new ArrayList<ContainedProcess.Mount>();
    for (var mount : PathMapping.outermostFirst(mounts)) {
      var path = onHost(Path.of(mount.path()));
      var outer = placed.stream().filter(other -> path.startsWith(other.path())).findFirst();
      if (outer.isEmpty() && Files.notExists(path)) {
        var parent = path.getParent();
        while (Files.notExists(parent)) parent = parent.getParent();
        if (parent.getParent() != null) opened.add(parent.toString());
      }
      placed.add(new ContainedProcess.Mount(mount.source().toRealPath(), path.toString()));
    }
    var words = new ArrayList<String>();
    opened.stream()
        .sorted(Comparator.comparingInt(String::length))
        .forEach(folder -> words.addAll(List.of("open", folder)));
    for (var mount : placed) {
      words.addAll(List.of("mount", mount.source().toString(), mount.path()));
    }
    return words;
  }

  /** The path with the symlinks of the host followed, as far as the path exists. */
  private static Path onHost(Path path) throws IOException {
    if (!path.isAbsolute() || path.getNameCount() == 0 || path.startsWith("/proc")) {
      throw new IOException("nothing can be mounted at " + path);
    }
    var there = path.normalize();
    while (Files.notExists(there)) there = there.getParent();
    return there.toRealPath().resolve(there.relativize(path.normalize())).normalize();
  }

  private static String script() throws IOException {
    try (InputStream script = Containment.class.getResourceAsStream("/contain.sh")) {
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
