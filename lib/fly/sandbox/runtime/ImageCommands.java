//SOURCES ../../mcp/wrap/WrapMain.java
package fly.sandbox.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import fly.mcp.wrap.WrapMain;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/** Commands that replace the images of Machines on this computer, which has no images. */
public final class ImageCommands {
  private static final String MCP_IMAGE = "flyio/mcp";

  /**
   * The image in which fly-mcp-launch runs scripts: https://github.com/jbangdev/jbang-container.
   */
  private static final String JBANG_IMAGE = "jbangdev/jbang";

  private static final String FILES_PACKAGE = "@modelcontextprotocol/server-filesystem";

  /** A command that can replace its shell. */
  private static final Pattern SIMPLE = Pattern.compile("[^\\s=;&|<>()`]+( [^;&|<>()`\n]*)?");

  /**
   * A shell command that runs fly-mcp-wrap, from this JVM's class path, before the MCP server of a
   * Machine; only this machine can reach it.
   */
  public static String ourWrap() {
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    var options =
        "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m -Xss512k -XX:+ExitOnOutOfMemoryError"
            + " -Dfile.encoding=UTF-8";
    return "'%s' %s -cp '%s' %s --port \"$PORT\" --allow-host \"$FLY_APP_NAME.fly.dev\""
            .formatted(
                java, options, System.getProperty("java.class.path"), WrapMain.class.getName())
        + " --allow-host \"$FLY_APP_NAME.localhost\" --";
  }

  private final Map<String, String> commands;
  private final Consumer<String> story;
  private final Class<?> filesServer;

  /**
   * @param commands a line for the shell, by the image's name
   * @param story takes a line if another program replaces the requested one
   * @param filesServer the main class of a files server in Java, for a computer without Node; or
   *     null
   */
  public ImageCommands(Map<String, String> commands, Consumer<String> story, Class<?> filesServer) {
    this.filesServer = filesServer;
    this.commands = commands;
    this.story = story;
  }

  /** The image is flyio/mcp, whose entrypoint is flyctl's wrap. */
  boolean isMcp(JsonNode config) {
    if (!name(config).equals(MCP_IMAGE) || commands.containsKey(MCP_IMAGE)) return false;
    var first =
        config.path("processes").isEmpty() ? config.path("init") : config.at("/processes/0");
    return first.path("exec").isEmpty() && first.path("entrypoint").isEmpty();
  }

  /**
   * The words before the arguments of a Machine of this image. Empty for flyio/mcp, whose arguments
   * are the program's own; null for an image that is state only.
   */
  List<String> command(JsonNode config) {
    var command = commands.get(config.path("image").asText());
    if (command == null) command = commands.get(name(config));
    if (command == null) {
      return Set.of(MCP_IMAGE, JBANG_IMAGE).contains(name(config)) ? List.of() : null;
    }
    // exec replaces the shell by a simple command, which then receives the signals itself.
    var exec = SIMPLE.matcher(command).matches() ? "exec " : "";
    return List.of("sh", "-c", exec + command + " \"$@\"", name(config));
  }

  /** Machines with this config run programs here, and are not state only. */
  public boolean runs(JsonNode config) {
    return processes(config).stream().anyMatch(words -> !words.isEmpty());
  }

  /** The commands, one for each process; empty if the image runs nothing here. */
  List<List<String>> processes(JsonNode config) {
    var image = command(config);
    if (image == null) return List.of();
    var commands = new ArrayList<List<String>>();
    var many = config.path("processes");
    if (many.isEmpty()) commands.add(command(image, config.path("init")));
    for (var process : many) commands.add(command(image, process));
    return commands;
  }

  /** Docker's rule: exec alone; else entrypoint, or the image's, and cmd. */
  private static List<String> command(List<String> image, JsonNode init) {
    var command = words(init.path("exec"));
    if (!command.isEmpty()) return command;
    command.addAll(init.path("entrypoint").isEmpty() ? image : words(init.path("entrypoint")));
    command.addAll(words(init.path("cmd")));
    return command;
  }

  private static List<String> words(JsonNode list) {
    var words = new ArrayList<String>();
    list.forEach(word -> words.add(word.asText("")));
    return words;
  }

  private static String name(JsonNode config) {
    var image = config.path("image").asText();
    image = image.replaceFirst("^(docker\\.io|registry-1\\.docker\\.io)/", "");
    return image.replaceFirst("(:[^/]*|@.*)$", "");
  }

  /**
   * The command as this computer can run it. Without Node, or with the property {@code
   * fly.sandbox.npx=none}, a Java server replaces npm's.
   */
  List<String> local(JsonNode config, List<String> command, Consumer<String> log) {
    if (name(config).equals(JBANG_IMAGE)) return localScript(command);
    var absent = "none".equals(System.getProperty("fly.sandbox.npx")) || !onPath("npx");
    var npx = command.indexOf("npx"); // behind a wrap, perhaps
    if (npx < 0 || !absent || filesServer == null) return command;
    var rest = new ArrayList<>(command.subList(npx + 1, command.size()));
    rest.removeIf(word -> word.startsWith("-"));
    if (rest.isEmpty() || !rest.get(0).replaceFirst("(.)@.*", "$1").equals(FILES_PACKAGE)) {
      return command;
    }
    var note = "There is no Node here: FilesServer, in Java, takes the place of " + FILES_PACKAGE;
    log.accept(note);
    story.accept(note);
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var local = new ArrayList<>(command.subList(0, npx));
    local.addAll(
        List.of(java, "-cp", System.getProperty("java.class.path"), filesServer.getName()));
    local.addAll(rest.subList(1, rest.size()));
    return local;
  }

  /**
   * A script as this computer can run it. The wrap that fly-mcp-launch ships would listen on all
   * addresses; the sandbox's own replaces it.
   */
  private static List<String> localScript(List<String> command) {
    var local = new ArrayList<>(command);
    if (local.size() > 2 && local.get(2).contains(WrapMain.SOURCE)) {
      local.set(2, "exec " + ourWrap() + " \"$@\"");
    }
    return local;
  }

  /**
   * The PATH for programs, if it differs from this computer's: JBang's wrapper replaces a missing
   * JBang.
   */
  Optional<String> path() {
    var wrapper = System.getenv("FLY_ROOT");
    if (wrapper == null || onPath("jbang")) return Optional.empty();
    return Optional.of(System.getenv("PATH") + File.pathSeparator + wrapper);
  }

  private static boolean onPath(String program) {
    for (var folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      for (var ending : List.of("", ".cmd", ".exe")) {
        if (Files.isExecutable(Path.of(folder, program + ending))) return true;
      }
    }
    return false;
  }
}
