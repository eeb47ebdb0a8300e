//SOURCES FlyException.java
package fly;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The guide's environment variables, each declared once. A value comes from a script's option, else
 * from the system property, else from the environment variable, else from the file {@code .env} of
 * the working directory, else it is the default. A blank value counts as none.
 */
public enum Settings {
  ORG("personal", "slug of the organization"),
  FLY_API_TOKEN(null, "organization token: https://fly.io/dashboard, Tokens"),
  FLY_API_HOSTNAME("https://api.machines.dev", "where the Machines API is"),
  FLY_API_BASE_URL("https://api.fly.io", "where GraphQL is, below /graphql"),
  FLY_EDGE_URL("https://{app}.fly.dev/", "where apps answer"),
  APP_NAME(null, "the app"),
  REGION(null, "three letters, such as iad; without it, what the request body says"),
  MACHINE_ID(null, "the Machine: 14 hex digits"),
  FLY_MCP_BEARER_TOKEN(null, "what the MCP server asks for, if it asks");

  private final String fallback;
  public final String description;

  Settings(String fallback, String description) {
    this.fallback = fallback;
    this.description = description;
  }

  /** A secret's value is never shown. */
  public boolean secret() {
    return name().endsWith("_TOKEN");
  }

  /** The value, or the default, or null. */
  public String get() {
    var value = lookup(name());
    return value == null ? fallback : value;
  }

  public String require() {
    var value = get();
    if (value != null) return value;
    throw FlyException.usage(
        name() + " is not set",
        "looked for it in the environment and in .env (" + description + ")",
        "export " + name() + "=" + example());
  }

  /** Where an app answers. */
  public static String edgeUrl(String app) {
    return FLY_EDGE_URL.get().replace("{app}", app);
  }

  /** Where fly-mcp-launch keeps the token that an app's MCP server asks for. */
  public static Path tokenFile(String app) {
    var folder = lookup("XDG_CONFIG_HOME");
    var config =
        folder == null ? Path.of(System.getProperty("user.home"), ".config") : Path.of(folder);
    return config.resolve("fly-mcp").resolve(app + ".token");
  }

  /** What stands after {@code export NAME=} in a hint. */
  public String example() {
    return switch (this) {
      case FLY_API_TOKEN -> "\"FlyV1 fm2_...\"";
      case APP_NAME -> "$(fly-name-app)";
      case MACHINE_ID -> "$(fly-list-machines -q | head -n 1)";
      case REGION -> "iad";
      default -> "...";
    };
  }

  /** Any variable, declared here or not; null where it is nowhere. */
  public static String lookup(String name) {
    var value = present(System.getProperty(name));
    if (value == null) value = present(System.getenv(name));
    return value == null ? present(dotEnv().get(name)) : value;
  }

  private static String present(String value) {
    return value == null || value.isBlank() ? null : value;
  }

  /** Lines {@code NAME=value} or {@code export NAME="value"}; # starts a comment. */
  private static Map<String, String> dotEnv() {
    var variables = new LinkedHashMap<String, String>();
    var file = Path.of(System.getProperty("user.dir"), ".env");
    if (!Files.isRegularFile(file)) return variables;
    try {
      for (var line : Files.readAllLines(file)) {
        var parts = line.strip().replaceFirst("^export\\s+", "").split("=", 2);
        if (parts.length == 2 && parts[0].strip().matches("\\w+")) {
          variables.put(parts[0].strip(), unquote(parts[1].strip()));
        }
      }
    } catch (IOException e) {
      throw FlyException.usage(
          "could not read " + file,
          String.valueOf(e.getMessage()),
          "it must be a text file, UTF-8");
    }
    return variables;
  }

  private static String unquote(String value) {
    for (var quote : new String[] {"\"", "'"}) {
      var end = value.indexOf(quote, 1);
      if (value.startsWith(quote) && end > 0) return value.substring(1, end);
    }
    return value.replaceFirst("\\s+#.*", "");
  }
}
