//SOURCES ../../FlyException.java ../../Settings.java
package fly.mcp.launch;

import fly.FlyException;
import fly.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Secrets of a launched app: variables of the caller's environment, and the server's token. */
public final class LaunchSecrets {
  private static final String TOKEN = "FLY_MCP_BEARER_TOKEN";

  private final Map<String, String> values = new LinkedHashMap<>();

  /**
   * @param names variables that the server needs
   * @param dryRun true if no values are needed
   */
  public LaunchSecrets(List<String> names, boolean dryRun) {
    for (var name : names) {
      var value = dryRun ? "" : Settings.lookup(name);
      if (value == null) {
        throw FlyException.usage(
            name + " is not set", "--secret names it", "export " + name + "=...");
      }
      values.put(name, value);
    }
    values.put(TOKEN, "");
  }

  /** Takes the server's token from a file; creates both if there is no file. */
  public void tokenIn(Path file, Consumer<String> story) {
    values.put(TOKEN, Files.exists(file) ? read(file) : create(file, story));
  }

  public Map<String, String> values() {
    return values;
  }

  private static String read(Path file) {
    try {
      var token = Files.readString(file).strip();
      if (token.matches("[\\x20-\\x7e]+")) return token;
    } catch (IOException e) {
      // the same refusal
    }
    throw FlyException.usage(
        file + " holds no usable token",
        "it must be one line of printable ASCII",
        "check its content, or --bearer-token-file FILE");
  }

  private static String create(Path file, Consumer<String> story) {
    var random = new byte[32];
    new SecureRandom().nextBytes(random);
    var token = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    try {
      Files.createDirectories(file.getParent());
      if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        var mine = PosixFilePermissions.fromString("rw-------");
        Files.createFile(file, PosixFilePermissions.asFileAttribute(mine));
      }
      try {
        Files.writeString(file, token + "\n");
      } catch (IOException e) {
        Files.deleteIfExists(file); // an empty one would be refused next time
        throw e;
      }
    } catch (IOException e) {
      throw FlyException.usage(
          "the token cannot be kept in " + file, e.toString(), "--bearer-token-file FILE");
    }
    story.accept("A new token for the server is in " + file);
    return token;
  }
}
