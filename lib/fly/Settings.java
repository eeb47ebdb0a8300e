//SOURCES EnvFile.java FlyException.java Network.java
package fly;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The guide's environment variables, each declared once. The first source with a value counts: the
 * script's option, the system property, the environment, the file {@code .env} of the working
 * directory, the default. A blank value counts as none.
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

  /** Allows secrets of the environment for addresses that a {@code .env} file sets. */
  static final String TRUST = "FLY_TRUST_ENV_FILE";

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

  /** The address at which an app answers. */
  public static String edgeUrl(String app) {
    return FLY_EDGE_URL.get().replace("{app}", app);
  }

  /** The file in which fly-mcp-launch keeps the token of an app's MCP server. */
  public static Path tokenFile(String app) {
    var folder = lookup("XDG_CONFIG_HOME");
    var config =
        folder == null ? Path.of(System.getProperty("user.home"), ".config") : Path.of(folder);
    return config.resolve("fly-mcp").resolve(app + ".token");
  }

  /** The text after {@code export NAME=} in a hint; flyctl's variable, if that one is set. */
  public String example() {
    var flyctl =
        switch (this) {
          case FLY_API_TOKEN -> "FLY_ACCESS_TOKEN";
          case APP_NAME -> "FLY_APP";
          default -> null;
        };
    if (flyctl != null && environment(flyctl) != null) return "\"$" + flyctl + "\"";
    return switch (this) {
      case FLY_API_TOKEN -> "\"FlyV1 fm2_...\"";
      case APP_NAME -> "$(fly-name-app)";
      case MACHINE_ID -> "$(fly-list-machines -q | head -n 1)";
      case REGION -> "iad";
      default -> "...";
    };
  }

  /** Any variable, declared here or not; null if it is not set. */
  public static String lookup(String name) {
    var value = environment(name);
    return value == null ? present(dotEnv().get(name)) : value;
  }

  private static String environment(String name) {
    var value = present(System.getProperty(name));
    return value == null ? present(System.getenv(name)) : value;
  }

  private static String present(String value) {
    return value == null || value.isBlank() ? null : value;
  }

  private static Path envFile() {
    return Path.of(System.getProperty("user.dir"), ".env");
  }

  private static Map<String, String> dotEnv() {
    return EnvFile.read(envFile());
  }

  /** Sources of a value; the first one wins. */
  public enum Source {
    PROPERTY,
    ENVIRONMENT,
    FILE,
    DEFAULT
  }

  /** The source of this setting's value. */
  public Source source() {
    if (present(System.getProperty(name())) != null) return Source.PROPERTY;
    if (present(System.getenv(name())) != null) return Source.ENVIRONMENT;
    return present(dotEnv().get(name())) != null ? Source.FILE : Source.DEFAULT;
  }

  /**
   * A secret for requests to these addresses. An address that the {@code .env} file of the working
   * directory sets, and that is not Fly.io's own, gets a secret of the same file only.
   *
   * @return null if there is none
   * @throws FlyException if the secret comes from elsewhere; {@value #TRUST}=1 allows it
   */
  public String getFor(Settings... addresses) {
    return secretFor(name(), addresses);
  }

  /** The same as {@link #getFor}, for any variable. */
  public static String secretFor(String name, Settings... addresses) {
    for (var address : addresses) {
      if (address.trusted()) continue;
      var own = present(dotEnv().get(name));
      if (own != null) return own;
      if (lookup(name) == null) continue;
      var program = present(System.getProperty(name)) != null;
      throw address.untrusted(
          name + " of " + (program ? "this program" : "your environment"),
          "that file has no " + name);
    }
    return lookup(name);
  }

  /**
   * Refuses to send a secret from elsewhere to an address that a {@code .env} file sets.
   *
   * @param secret its name for the reader
   */
  public void requireTrusted(String secret) {
    if (!trusted()) throw untrusted(secret, "the secret is not from there");
  }

  private boolean trusted() {
    return source() != Source.FILE
        || flyIo(get())
        || present(System.getenv(TRUST)) != null
        || present(System.getProperty(TRUST)) != null;
  }

  private FlyException untrusted(String secret, String because) {
    return FlyException.usage(
        "%s would not be sent to %s".formatted(secret, shown()),
        "%s comes from %s, and %s: a folder must not decide who gets your secret"
            .formatted(this, envFile(), because),
        "export %s=%s if you trust it, or %s=1".formatted(this, shown(), TRUST));
  }

  /** The token as pasted, for the hosts of the API. */
  public static String requireApiToken() {
    return FLY_API_TOKEN.requireFor(FLY_API_HOSTNAME, FLY_API_BASE_URL);
  }

  /** The same as {@link #getFor}, for a secret that has to be there. */
  public String requireFor(Settings... addresses) {
    var value = getFor(addresses);
    return value == null ? require() : value;
  }

  private String shown() {
    return Network.shown(get());
  }

  private static boolean flyIo(String url) {
    return url.matches("https://([\\w{}-]+\\.)*(fly\\.io|fly\\.dev|machines\\.dev)(/.*)?");
  }

  /** A warning for the user if others may read a {@code .env} that holds a secret. */
  public static Optional<String> openSecret() {
    var file = envFile();
    if (!EnvFile.open(file)) return Optional.empty();
    var secrets = dotEnv().keySet().stream().filter(name -> name.endsWith("_TOKEN")).toList();
    if (secrets.isEmpty()) return Optional.empty();
    return Optional.of(
        "every user of this machine can read %s in %s: chmod 600 .env"
            .formatted(String.join(", ", secrets), file));
  }
}
