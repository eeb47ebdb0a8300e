//SOURCES ../../FlyException.java ScriptBundle.java ../wrap/WrapMain.java
//FILES wrap/lib/fly/mcp/wrap/WrapMain.java=../wrap/WrapMain.java
//FILES wrap/lib/fly/FlyException.java=../../FlyException.java
//FILES wrap/lib/fly/mcp/wrap/WrapOptions.java=../wrap/WrapOptions.java
//FILES wrap/lib/fly/Durations.java=../../Durations.java
//FILES wrap/lib/fly/Settings.java=../../Settings.java
//FILES wrap/lib/fly/EnvFile.java=../../EnvFile.java
//FILES wrap/lib/fly/TextFile.java=../../TextFile.java
//FILES wrap/lib/fly/ShellWord.java=../../ShellWord.java
//FILES wrap/lib/fly/Network.java=../../Network.java
//FILES wrap/lib/fly/PrivateNetwork.java=../../PrivateNetwork.java
//FILES wrap/lib/fly/mcp/http/AccessGuard.java=../http/AccessGuard.java
//FILES wrap/lib/fly/mcp/http/Exchange.java=../http/Exchange.java
//FILES wrap/lib/fly/mcp/wrap/BridgeConfig.java=../wrap/BridgeConfig.java
//FILES wrap/lib/fly/mcp/wrap/ProgramEnvironment.java=../wrap/ProgramEnvironment.java
//FILES wrap/lib/fly/mcp/wrap/WrapServer.java=../wrap/WrapServer.java
//FILES wrap/lib/fly/DaemonThread.java=../../DaemonThread.java
//FILES wrap/lib/fly/mcp/http/JdkServer.java=../http/JdkServer.java
//FILES wrap/lib/fly/mcp/http/RequestWorkers.java=../http/RequestWorkers.java
//FILES wrap/lib/fly/mcp/message/JsonRpcMessage.java=../message/JsonRpcMessage.java
//FILES wrap/lib/fly/mcp/message/JsonRpcHead.java=../message/JsonRpcHead.java
//FILES wrap/lib/fly/mcp/message/SpooledBytes.java=../message/SpooledBytes.java
//FILES wrap/lib/fly/mcp/wrap/HttpBridge.java=../wrap/HttpBridge.java
//FILES wrap/lib/fly/mcp/wrap/HttpRefusal.java=../wrap/HttpRefusal.java
//FILES wrap/lib/fly/mcp/wrap/LinesEndpoint.java=../wrap/LinesEndpoint.java
//FILES wrap/lib/fly/mcp/message/LineReader.java=../message/LineReader.java
//FILES wrap/lib/fly/mcp/message/SpooledBody.java=../message/SpooledBody.java
//FILES wrap/lib/fly/mcp/wrap/ClientSession.java=../wrap/ClientSession.java
//FILES wrap/lib/fly/mcp/wrap/McpProgram.java=../wrap/McpProgram.java
//FILES wrap/lib/fly/mcp/wrap/ReplayStream.java=../wrap/ReplayStream.java
//FILES wrap/lib/fly/mcp/wrap/Responses.java=../wrap/Responses.java
//FILES wrap/lib/fly/mcp/wrap/Sessions.java=../wrap/Sessions.java
//FILES wrap/lib/fly/mcp/wrap/Programs.java=../wrap/Programs.java
//FILES wrap/lib/fly/mcp/wrap/SharedProgram.java=../wrap/SharedProgram.java
//FILES wrap/lib/fly/mcp/wrap/StreamableEndpoint.java=../wrap/StreamableEndpoint.java
//FILES wrap/lib/fly/mcp/wrap/StdioProgram.java=../wrap/StdioProgram.java
//FILES wrap/lib/fly/ProcessEnd.java=../../ProcessEnd.java
package fly.mcp.launch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.FlyException;
import fly.mcp.wrap.WrapMain;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Request for the Machine that runs an MCP server: its command, files and volume. */
public final class LaunchRequest {
  /** Image for JBang scripts. */
  public static final String JBANG_IMAGE = "jbangdev/jbang:v0.137.0-java-21";

  private static final String MACHINE_NAME = "mcp";
  private static final String SERVER_FOLDER = "/app/";
  private static final String WRAP_FILE = "/mcp/wrap.zip";

  private final ObjectNode request;
  private final ObjectNode config;
  private final ArrayNode shipped;

  /**
   * @param request the Machine's request; this class changes it
   */
  public LaunchRequest(ObjectNode request) {
    this.request = request.put("name", MACHINE_NAME);
    config = request.withObject("/config");
    shipped = config.withArray("/files");
  }

  /**
   * Mounts a volume; without one the Machine has none.
   *
   * @param volume {@code NAME:PATH}, or null
   */
  public LaunchRequest mount(String volume) {
    var mounts = config.withArray("/mounts");
    if (volume == null) {
      config.remove("mounts");
      return this;
    }
    if (!volume.matches("[a-z0-9_]{1,30}:/.+")) {
      throw FlyException.usage(
          "--volume " + volume + " is no volume and path",
          "the name has lowercase letters, digits and underscores, 30 at most; the path begins"
              + " with /",
          "--volume data:/data");
    }
    var mount = mounts.isEmpty() ? mounts.addObject() : (ObjectNode) mounts.get(0);
    mount.put("volume", volume.split(":", 2)[0]).put("path", volume.split(":", 2)[1]);
    return this;
  }

  /**
   * Adds files.
   *
   * @param files local files by their path in the Machine
   */
  public LaunchRequest ship(Map<String, Path> files) {
    files.forEach((path, file) -> ship(path, read(file)));
    return this;
  }

  private void ship(String path, byte[] content) {
    if (!path.matches("/.*[^/]")) {
      throw FlyException.usage(
          path + " is no path of a file in the Machine",
          "it begins with / and names a file",
          "--file /etc/my.conf=my.conf");
    }
    var encoded = Base64.getEncoder().encodeToString(content);
    shipped.addObject().put("guest_path", path).put("raw_value", encoded);
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw FlyException.usage(
          "cannot read " + file, "no such file, or no access", "--file /path/in/machine=FILE");
    }
  }

  /**
   * Sets the command: a program that the image flyio/mcp has, or a JBang script with its files.
   *
   * @return the whole request
   */
  public ObjectNode run(List<String> command) {
    if (command.isEmpty()) {
      throw FlyException.usage(
          "which MCP server?",
          "there is no command",
          "fly-mcp-launch -- npx -f @modelcontextprotocol/server-everything");
    }
    if (command.get(0).matches("jbang|.*\\.(java|jsh|kt|groovy)")) runScript(command);
    else command.forEach(config.withObject("/init").putArray("cmd")::add);
    if (shipped.isEmpty()) config.remove("files");
    return request;
  }

  /** JBang starts our wrap, and the wrap has JBang start the script for each session. */
  private void runScript(List<String> command) {
    config.put("image", JBANG_IMAGE);
    var own = !command.get(0).equals("jbang");
    var start =
        "cd /mcp && jar xf wrap.zip && "
            + (own ? "jbang build \"$2\" && " : "") // two sessions at once would both build it
            + "exec jbang -R=-XX:+ExitOnOutOfMemoryError "
            + WrapMain.SOURCE
            + " --host 0.0.0.0 -- \"$@\"";
    var init = config.withObject("/init");
    List.of("sh", "-c", start, "wrap").forEach(init.putArray("entrypoint")::add);
    var run = init.putArray("cmd").add("jbang");
    if (own) run.add(shipScript(command.get(0)));
    command.stream().skip(1).forEach(run::add);
    ship(WRAP_FILE, wrap());
    // A Machine that was stopped has to compile again; a suspended one does not.
    for (var service : config.path("services")) ((ObjectNode) service).put("autostop", "suspend");
    var mount = config.at("/mounts/0/path").asText();
    if (!mount.isEmpty()) config.withObject("/env").put("JBANG_CACHE_DIR", mount + "/.jbang");
  }

  /**
   * Adds a script and the files that it names, in the same places relative to each other.
   *
   * @return the script's path in the Machine
   */
  private String shipScript(String path) {
    var script = Path.of(path).toAbsolutePath().normalize();
    var all = ScriptBundle.files(script);
    var root = script.getParent();
    for (var file : all.keySet()) while (!file.startsWith(root)) root = root.getParent();
    for (var file : all.entrySet()) {
      ship(SERVER_FOLDER + slashed(root.relativize(file.getKey())), file.getValue());
    }
    return SERVER_FOLDER + slashed(root.relativize(script));
  }

  /** The wrap with all its sources, from this program's own resources. */
  private static byte[] wrap() {
    var sources = ScriptBundle.files(Path.of(WrapMain.SOURCE), LaunchRequest::resource);
    var zip = new ByteArrayOutputStream();
    try (var out = new ZipOutputStream(zip)) {
      for (var source : sources.entrySet()) {
        var entry = new ZipEntry(slashed(source.getKey()));
        entry.setTime(0); // equal files give equal bytes
        out.putNextEntry(entry);
        out.write(source.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return zip.toByteArray();
  }

  private static byte[] resource(Path path) throws IOException {
    try (var in = LaunchRequest.class.getResourceAsStream("/wrap/" + slashed(path))) {
      if (in == null) throw new FileNotFoundException(path.toString());
      return in.readAllBytes();
    }
  }

  private static String slashed(Path path) {
    return path.toString().replace('\\', '/');
  }

  /**
   * Request for the volume that a Machine's request mounts; null if it mounts none.
   *
   * @param volume the volume's own request; this method changes it
   */
  public static ObjectNode volume(ObjectNode volume, JsonNode machine, Integer sizeGb) {
    var name = machine.at("/config/mounts/0/volume");
    if (name.isMissingNode()) return null;
    volume.set("name", name);
    if (sizeGb != null) volume.put("size_gb", sizeGb);
    if (machine.has("region")) volume.set("region", machine.get("region"));
    return volume;
  }
}
