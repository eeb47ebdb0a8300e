//SOURCES ../Fly.java ../FlyException.java
package fly.eject;

import com.fasterxml.jackson.core.JsonProcessingException;
import fly.Fly;
import fly.FlyException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A shipped script as the user's own file. Its {@code //SOURCES} name the library by full
 * addresses, and the files that it sends lie beside it.
 */
public final class Ejection {
  private static final int SILENCE_MS = 30_000;

  private final String base;

  /**
   * @param base the folder of a clone, or a URL at a tag, where {@code jbang-catalog.json} is
   */
  public Ejection(String base) {
    this.base = base.replaceFirst("/+$", "");
  }

  /** The files to write: name to content; the script is the first. */
  public Map<String, byte[]> files(String alias) {
    var script = script(alias);
    var folder = script.contains("/") ? script.substring(0, script.lastIndexOf('/') + 1) : "";
    var files = new LinkedHashMap<String, byte[]>();
    var lines = new ArrayList<String>();
    files.put(script.substring(folder.length()), null);
    for (var line : new String(read(script), StandardCharsets.UTF_8).split("\n", -1)) {
      if (line.startsWith("//SOURCES ")) {
        for (var source : line.substring("//SOURCES ".length()).split(" ")) {
          var address = base + "/" + resolved(folder, source);
          lines.add("//SOURCES " + (address.contains(" ") ? '"' + address + '"' : address));
        }
      } else if (line.startsWith("//FILES ")) {
        var parts = line.substring("//FILES ".length()).split("=");
        var path = resolved(folder, parts[parts.length - 1]);
        var name = path.substring(path.lastIndexOf('/') + 1);
        files.put(name, read(path));
        lines.add("//FILES " + (parts[0].equals(name) ? name : parts[0] + "=" + name));
      } else {
        lines.add(line);
      }
    }
    files.put(
        script.substring(folder.length()),
        String.join("\n", lines).getBytes(StandardCharsets.UTF_8));
    return files;
  }

  private String script(String alias) {
    try {
      var aliases = Fly.JSON.readTree(read("jbang-catalog.json")).path("aliases");
      var script = aliases.path(alias).path("script-ref").asText();
      if (!script.isEmpty()) return script;
    } catch (JsonProcessingException e) {
      throw new FlyException(base + " is no catalog of ours", e.getOriginalMessage(), "--from URL");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw FlyException.usage(
        "there is no command " + alias,
        "the catalog at " + base + " has none",
        "fly-eject fly-create-app");
  }

  private static String resolved(String folder, String file) {
    return URI.create("/" + folder).resolve(file).getPath().substring(1);
  }

  private byte[] read(String path) {
    try {
      if (!base.matches("https?://.*")) return Files.readAllBytes(Path.of(base, path));
      var connection = URI.create(base + "/" + path).toURL().openConnection();
      connection.setConnectTimeout(SILENCE_MS);
      connection.setReadTimeout(SILENCE_MS);
      try (var stream = connection.getInputStream()) {
        return stream.readAllBytes();
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new FlyException(
          "could not read " + base + "/" + path,
          FlyException.reason(e),
          "--from FOLDER_OR_URL, where jbang-catalog.json is");
    }
  }
}
