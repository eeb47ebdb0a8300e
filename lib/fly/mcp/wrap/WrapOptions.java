//SOURCES ../../Durations.java ../../FlyException.java ../../Settings.java ../http/AccessGuard.java BridgeConfig.java
//SOURCES ProgramEnvironment.java
package fly.mcp.wrap;

import fly.Durations;
import fly.FlyException;
import fly.Settings;
import fly.mcp.http.AccessGuard;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Options of {@code fly-mcp-wrap}, with the variables of flyctl's wrap that it obeys. */
public final class WrapOptions {
  private static final String PRIVATE = "FLY_MCP_PRIVATE";

  /** The replacement for each byte that the JVM could not decode. */
  private static final char UNDECODED = '\uFFFD';

  public String host = "127.0.0.1";
  public int port = 8080;
  public BridgeConfig.Protocol protocol = BridgeConfig.Protocol.AUTO;
  public Path tokenFile;
  public String user;
  public boolean isPrivate;
  public final Set<String> origins = new LinkedHashSet<>();
  public final Set<String> hosts = new LinkedHashSet<>();
  public long maxBody = 64 << 20;
  public Duration idle = Duration.ofMinutes(30);
  public Duration heartbeat = Duration.ofSeconds(15);
  public boolean shared;
  public boolean restart;
  public boolean cleanEnvironment;
  public final List<String> environment = new ArrayList<>();
  public boolean quiet;
  public boolean verbose;
  public List<String> command = List.of();

  /** Stores an option's value. */
  private interface Value {
    void store(String text);
  }

  /** Names of all options that take a value. */
  private final Map<String, Value> values = new LinkedHashMap<>();

  private final Map<String, Runnable> flags = new LinkedHashMap<>();

  public WrapOptions() {
    values.put("--host", text -> host = text);
    values.put("--port", text -> port = Integer.parseInt(text));
    values.put("--protocol", text -> protocol = protocol(text));
    values.put("--bearer-token-file", text -> tokenFile = Path.of(text));
    values.put("--user", text -> user = text);
    values.put("--allow-origin", origins::add);
    values.put("--allow-host", hosts::add);
    values.put("--max-body", text -> maxBody = Long.parseLong(text));
    values.put("--idle", text -> idle = duration(text));
    values.put("--heartbeat", text -> heartbeat = duration(text));
    values.put("--env", environment::add);
    flags.put("--private", () -> isPrivate = true);
    flags.put("--shared", () -> shared = true);
    flags.put("--restart", () -> restart = true);
    flags.put("--clean-env", () -> cleanEnvironment = true);
    for (var name : List.of("-q", "--quiet")) flags.put(name, () -> quiet = true);
    for (var name : List.of("-v", "--verbose")) flags.put(name, () -> verbose = true);
    var given = Settings.lookup("PORT");
    if (given != null && given.matches("\\d{1,5}")) port = Integer.parseInt(given);
  }

  /**
   * Reads a command line: options, {@code --}, and the program's own words.
   *
   * @throws FlyException for an option that is not known, or a value that does not fit
   */
  public static WrapOptions parse(String... args) {
    var options = new WrapOptions();
    var words = Arrays.asList(args);
    var dashes = words.indexOf("--");
    if (dashes < 0 || dashes + 1 == words.size()) throw misuse("there is no program after --");
    options.command = List.copyOf(words.subList(dashes + 1, words.size()));
    for (var rest = new ArrayList<>(words.subList(0, dashes)); !rest.isEmpty(); )
      options.read(rest);
    return options;
  }

  /** The options of a command line that is right; empty for any other, or for damaged text. */
  public static Optional<WrapOptions> of(String... args) {
    if (String.join("", args).indexOf(UNDECODED) >= 0) return Optional.empty();
    try {
      return Optional.of(parse(args));
    } catch (FlyException e) {
      return Optional.empty();
    }
  }

  /** All option names. */
  public Set<String> names() {
    var names = new LinkedHashSet<>(values.keySet());
    names.addAll(flags.keySet());
    return names;
  }

  private void read(List<String> words) {
    var parts = words.remove(0).split("=", 2);
    var name = parts[0];
    if (flags.containsKey(name) && parts.length == 1) {
      flags.get(name).run();
      return;
    }
    if (!values.containsKey(name)) throw misuse("there is no option " + name);
    if (parts.length == 1 && words.isEmpty()) throw misuse(name + " has no value");
    var value = parts.length == 2 ? parts[1] : words.remove(0);
    try {
      values.get(name).store(value);
    } catch (IllegalArgumentException e) {
      throw misuse(name + " cannot be " + value);
    }
  }

  private static FlyException misuse(String what) {
    return FlyException.usage(what, "", "fly-mcp-wrap --help");
  }

  private static BridgeConfig.Protocol protocol(String text) {
    return BridgeConfig.Protocol.valueOf(text.toUpperCase(Locale.ROOT));
  }

  private static Duration duration(String text) {
    return Durations.parse(text).orElseThrow(IllegalArgumentException::new);
  }

  InetSocketAddress address() {
    if (port < 0 || port > 65535) {
      throw FlyException.usage(
          "there is no port " + port, "ports are 0 to 65535", "--port 0 takes any free one");
    }
    try {
      return new InetSocketAddress(InetAddress.getByName(host), port);
    } catch (UnknownHostException e) {
      throw FlyException.usage("there is no host " + host, "no such name", "--host 127.0.0.1");
    }
  }

  BridgeConfig config(InetAddress address, Consumer<String> log, Consumer<String> trace) {
    var guard =
        new AccessGuard(
            token(), user(), password(), address.isLoopbackAddress(), isPrivate(), origins, hosts);
    return new BridgeConfig(
        protocol,
        guard,
        maxBody,
        idle,
        heartbeat,
        Duration.ofSeconds(2),
        shared,
        restart,
        log,
        trace);
  }

  /**
   * The environment that the program gets.
   *
   * @throws FlyException if {@code --env} names a variable that no program gets
   */
  ProgramEnvironment programEnvironment() {
    for (var name : environment) {
      if (!ProgramEnvironment.withholds(name)) continue;
      throw FlyException.usage(
          "--env " + name + " is refused",
          "the program never gets Fly.io's tokens or the wrap's credentials",
          "give the program's own secret a name of its own");
    }
    if (!environment.isEmpty() && !cleanEnvironment) {
      throw FlyException.usage(
          "--env needs --clean-env",
          "without --clean-env the program gets all variables",
          "--clean-env --env " + environment.get(0));
    }
    return cleanEnvironment ? ProgramEnvironment.only(environment) : ProgramEnvironment.inherited();
  }

  private boolean isPrivate() {
    var value = Settings.lookup(PRIVATE);
    if (isPrivate || value == null) return isPrivate;
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "true", "1", "yes", "on" -> true;
      case "false", "0", "no", "off" -> false;
      default ->
          throw FlyException.usage(
              PRIVATE + "=" + value + " is neither true nor false",
              "it decides who may use this server",
              "export " + PRIVATE + "=true");
    };
  }

  private String token() {
    if (tokenFile == null) return Settings.FLY_MCP_BEARER_TOKEN.get();
    try {
      var token = Files.readString(tokenFile).strip();
      if (!token.isEmpty()) return token;
      throw FlyException.usage(
          tokenFile + " holds no token", "the file is empty", "write the token into it");
    } catch (IOException e) {
      throw FlyException.usage(
          "cannot read " + tokenFile, "no such file", "--bearer-token-file FILE");
    }
  }

  private String user() {
    return user == null ? Settings.lookup("FLY_MCP_USER") : user;
  }

  private String password() {
    var password = Settings.lookup("FLY_MCP_PASSWORD");
    if ((user() == null) == (password == null)) return password;
    if (user() == null) {
      throw FlyException.usage(
          "the password in FLY_MCP_PASSWORD has no user",
          "without a user it would keep nobody out",
          "--user NAME, or unset FLY_MCP_PASSWORD");
    }
    throw FlyException.usage(
        "the user " + user() + " has no password",
        "an empty password lets everybody in",
        "export FLY_MCP_PASSWORD=...");
  }
}
