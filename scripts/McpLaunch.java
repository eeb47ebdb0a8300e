///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Launch any stdio MCP server on Fly.io, behind a token, for the MCP clients of this machine.
//MAIN McpLaunch
//SOURCES ../lib/fly/Steps.java NameApp.java CreateApp.java AllocateIps.java CreateVolume.java CreateMachine.java
//SOURCES CallMcp.java McpConfig.java

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Cli;
import fly.Fly;
import fly.FlyException;
import fly.Options;
import fly.Settings;
import fly.Steps;
import fly.Template;
import fly.mcp.ClientConfig;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import kong.unirest.core.Unirest;
import kong.unirest.core.UnirestException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-mcp-launch",
    header =
        "fly-mcp-launch --volume data:/data -- npx -f @modelcontextprotocol/server-filesystem"
            + " /data",
    description =
        "Launch any stdio MCP server on Fly.io, behind a token, for the MCP clients of this"
            + " machine.",
    footer = {
      "%nIt creates an app, its addresses, a volume if asked, a secret and a Machine, waits until"
          + " the",
      "server answers, and adds it to the clients' configuration. Run it again with --app to go on",
      "where it failed. Afterwards: fly-status, fly-logs, and at the end fly-cleanup.",
      "%nCOMMAND may be a JBang script: fly-mcp-launch MyServer.java. It is shipped to the"
          + " Machine,",
      "which fetches JBang and a JDK when it starts; with a volume it keeps the JDK there."
    })
class McpLaunch implements Callable<Integer> {
  private static final String TOKEN = "FLY_MCP_BEARER_TOKEN";
  private static final String DIGEST = "launch_digest";
  private static final Pattern OTHER_FILES = Pattern.compile("(?m)^//(SOURCES|FILES)\\s+(\\S.*)$");

  /**
   * Runs JBang where there is one, and installs it where there is none; stdout stays the server's.
   */
  private static final String WITH_JBANG =
      "command -v jbang >/dev/null || { curl -Ls https://sh.jbang.dev | bash -s - app setup >&2;"
          + " PATH=$HOME/.jbang/bin:$PATH; }; exec jbang \"$@\"";

  @Mixin Cli.Api cli;

  @Option(
      names = "--app",
      paramLabel = "NAME",
      description = "The app ($$APP_NAME; default: a new name).")
  String app;

  @Option(names = "--org", paramLabel = "SLUG", description = "The organization ($$ORG).")
  String org;

  @Option(names = "--region", paramLabel = "CODE", description = "The region ($$REGION).")
  String region;

  @Option(
      names = "--volume",
      paramLabel = "NAME:PATH",
      description = "A volume, and where the Machine has it: data:/data.")
  String volume;

  @Option(names = "--volume-size", paramLabel = "GB", description = "Its size (default: 1 GB).")
  Integer volumeSize;

  @Option(
      names = "--file",
      paramLabel = "PATH=LOCAL",
      description = "A file for the Machine: /etc/notes.txt=notes.txt; may be repeated.")
  Map<String, Path> files = new LinkedHashMap<>();

  @Option(
      names = "--secret",
      paramLabel = "NAME",
      description = "A variable of your environment that the server needs, as a secret of the app.")
  List<String> secrets = List.of();

  @Option(
      names = "--set",
      paramLabel = "PATH=VALUE",
      description = "Set one field of the Machine's request body.")
  Map<String, String> fields = new LinkedHashMap<>();

  @Option(
      names = "--bearer-token-file",
      paramLabel = "FILE",
      description = "Where the token is, or shall be (default: ~/.config/fly-mcp/APP.token).")
  Path tokenFile;

  @Option(
      names = "--client",
      paramLabel = "NAME",
      description = "The MCP client to configure; may be repeated (default: all found here).")
  List<String> clients = List.of();

  @Option(names = "--no-config", description = "Configure no client.")
  boolean noConfig;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long the server may take to answer (default: 5m).")
  Duration timeout = Duration.ofMinutes(5);

  @Parameters(
      arity = "1..*",
      paramLabel = "COMMAND",
      description = "The MCP server, after --; or a JBang script and its arguments.")
  List<String> command;

  private Steps steps;

  public static void main(String... args) {
    Cli.main(new McpLaunch(), args);
  }

  @Override
  public Integer call() {
    steps = new Steps(cli);
    var template = template(); // before anything is created, what cannot be is told
    var values = secretValues();
    if (app == null) app = Settings.APP_NAME.get();
    if (app == null)
      app = steps.run("A name for the app", null, new NameApp(), "--prefix", "mcp").strip();
    System.setProperty(Settings.APP_NAME.name(), app);
    new Options.App().name(); // or an error
    if (tokenFile == null) tokenFile = Settings.tokenFile(app);
    try {
      launch(template, values);
      return 0;
    } catch (Steps.Failed e) {
      goOn();
      return e.exitCode;
    } catch (FlyException e) {
      goOn();
      throw e;
    }
  }

  private void launch(ObjectNode template, Map<String, String> values) {
    values.put(TOKEN, cli.dryRun ? null : token());
    step("An app", new CreateApp(), org == null ? List.of() : List.of("--org", org));
    step("Its addresses", new AllocateIps(), List.of());
    secrets(values);
    var digest = digest(template);
    var machine = cli.dryRun ? Optional.<String>empty() : there(digest);
    if (machine.isPresent()) {
      cli.say("%nThe Machine %s is there already, and runs this.", machine.get());
    } else {
      if (volume != null) step("A volume", new CreateVolume(), volumeOptions());
      machine = Optional.of(create(template, digest));
    }
    prove();
    if (cli.dryRun) return;
    requireClosed();
    var configured = configure();
    tell(machine.get(), configured);
  }

  private String step(String heading, Object script, List<String> options) {
    var args = new ArrayList<>(options);
    if (!cli.dryRun) return steps.run(heading, null, script, args.toArray(String[]::new));
    var out = new StringWriter();
    args.add(0, "--dry-run");
    var exitCode = steps.quietly(script, out, args.toArray(String[]::new));
    cli.out().print(out);
    if (exitCode != 0) throw new FlyException(heading + ": this cannot be shown", "", "", exitCode);
    return "";
  }

  private void goOn() {
    if (cli.dryRun) return;
    cli.say(
        "%nWhat was created stays, in the app %s. To go on, run this again with --app %s",
        app, app);
    cli.say("To end it: %s --app %s --confirm %s", Cli.hint("fly-cleanup"), app, app);
  }

  // ---- The secrets

  private Map<String, String> secretValues() {
    var values = new LinkedHashMap<String, String>();
    for (var name : secrets) {
      var value = Settings.lookup(name);
      if (value == null && !cli.dryRun) {
        throw FlyException.usage(
            name + " is not set", "--secret names it", "export " + name + "=...");
      }
      values.put(name, value);
    }
    return values;
  }

  /** The one in the file, or a new one that is written there, for its owner alone. */
  private String token() {
    try {
      if (Files.exists(tokenFile)) {
        var token = Files.readString(tokenFile).strip();
        if (token.matches("[\\x21-\\x7e]{16,}")) return token;
        throw FlyException.usage(
            tokenFile + " holds no token",
            "one line of 16 printable characters at least was expected",
            "remove it, and a new one is made");
      }
      var random = new byte[32];
      new SecureRandom().nextBytes(random);
      var token = HexFormat.of().formatHex(random);
      var folder = tokenFile.toAbsolutePath().getParent();
      Files.createDirectories(folder);
      Files.createFile(tokenFile, ownerOnly(folder));
      Files.writeString(tokenFile, token + "\n");
      cli.say("%nA new token for the server is in %s", tokenFile);
      return token;
    } catch (IOException e) {
      throw new FlyException(
          "the token cannot be kept in " + tokenFile, e.toString(), "--bearer-token-file FILE");
    }
  }

  private static FileAttribute<?>[] ownerOnly(Path folder) {
    if (!folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      return new FileAttribute<?>[0];
    }
    var permissions = PosixFilePermissions.fromString("rw-------");
    return new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)};
  }

  private void secrets(Map<String, String> values) {
    cli.say("%nSecrets of the app: %s", String.join(", ", values.keySet()));
    for (var secret : values.entrySet()) {
      var variable = "${" + secret.getKey() + "}";
      var value = secret.getValue() == null ? variable : secret.getValue();
      // In the curl command the shell puts the value in, out of the single quotes.
      var fly =
          cli.dryRun
              ? Fly.connect(
                  curl -> cli.out().println(curl.replace(variable, "'\"" + variable + "\"'")),
                  null,
                  cli::say)
              : cli.fly();
      var body = Fly.JSON.createObjectNode().put("value", value);
      fly.action("/v1/apps/{app}/secrets/{name}", body, app, secret.getKey());
    }
  }

  // ---- The Machine

  /** The guide's request body, with this server in it. */
  private ObjectNode template() {
    var body = Template.load(null, "machine.json", Map.of());
    ObjectNode config = body.withObject("/config");
    config.remove("mounts");
    var mount = "";
    if (volume != null) {
      if (!volume.matches("[a-z0-9_]{1,30}:/[^:]+")) {
        throw FlyException.usage(
            "--volume " + volume + " is no volume and its place",
            "NAME:PATH, the name of lowercase letters, digits and underscores",
            "--volume data:/data");
      }
      mount = volume.substring(volume.indexOf(':') + 1);
      var entry = config.putArray("mounts").addObject();
      entry.put("volume", volume.substring(0, volume.indexOf(':'))).put("path", mount);
    }
    var script = Path.of(command.get(0));
    if (command.get(0).matches(".*\\.(java|jsh|kt|groovy)")) {
      var guest = "/app/" + script.getFileName();
      files.put(guest, script);
      requireWhole(script);
      command = new ArrayList<>(command);
      command.set(0, guest);
      command.add(0, "jbang");
    }
    if (command.get(0).equals("jbang")) {
      var line = new ArrayList<>(List.of("sh", "-c", WITH_JBANG));
      line.addAll(command);
      command = line;
      // A resumed Machine need not fetch JBang again; a JDK and what is compiled the volume keeps.
      ((ObjectNode) body.at("/config/services/0")).put("autostop", "suspend");
      if (!mount.isEmpty())
        body.withObject("/config/env").put("JBANG_CACHE_DIR", mount + "/.jbang");
    }
    var shipped = config.putArray("files");
    files.forEach(
        (path, local) ->
            shipped.addObject().put("guest_path", path).put("raw_value", base64(path, local)));
    if (shipped.isEmpty()) config.remove("files");
    Template.set(body, fields, cli::warn);
    return body;
  }

  /** A script of several files would miss the others in the Machine. */
  private void requireWhole(Path script) {
    var others = OTHER_FILES.matcher(new String(read(script), StandardCharsets.UTF_8));
    while (others.find()) {
      for (var other : others.group(2).strip().split("\\s+")) {
        var name = other.contains("=") ? other.substring(other.indexOf('=') + 1) : other;
        var guest = Path.of("/app").resolve(name).normalize().toString();
        if (name.contains("://") || files.containsKey(guest)) continue;
        throw FlyException.usage(
            "%s is not all of the server: it needs %s".formatted(script, name),
            "a script is shipped alone",
            "--file %s=%s".formatted(guest, script.resolveSibling(name)));
      }
    }
  }

  private static String base64(String path, Path local) {
    if (!path.startsWith("/") || path.endsWith("/")) {
      throw FlyException.usage(
          "--file " + path + " is no file of a Machine",
          "its path begins with /",
          "--file /etc/x=x");
    }
    return Base64.getEncoder().encodeToString(read(local));
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw FlyException.usage(
          "cannot read " + file,
          "no such file, or no access",
          "look at its name: it is taken from " + Path.of("").toAbsolutePath());
    }
  }

  private String digest(ObjectNode template) {
    try {
      var all = template + "\n" + command + "\n" + region;
      var digest =
          MessageDigest.getInstance("SHA-256").digest(all.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The Machine that an earlier launch of the same has made. */
  private Optional<String> there(String digest) {
    String other = null;
    for (var machine : cli.fly().get("/v1/apps/{app}/machines", app)) {
      var launched = machine.at("/config/metadata/" + DIGEST).asText();
      if (launched.equals(digest)) return Optional.of(machine.path("id").asText());
      if (!launched.isEmpty()) other = machine.path("id").asText();
    }
    if (other == null) return Optional.empty();
    throw new FlyException(
        "the app %s runs another MCP server already".formatted(app),
        "its Machine %s was launched with another command, other files or other fields"
            .formatted(other),
        "%s --app %s --force %s, or another --app"
            .formatted(Cli.hint("fly-destroy-machine"), app, other));
  }

  private List<String> volumeOptions() {
    var options = new ArrayList<>(List.of("--name", volume.substring(0, volume.indexOf(':'))));
    if (volumeSize != null) options.addAll(List.of("--size", volumeSize.toString()));
    if (region != null) options.addAll(List.of("--region", region));
    return options;
  }

  private String create(ObjectNode template, String digest) {
    try {
      var body = template.deepCopy();
      body.withObject("/config").withObject("/metadata").put(DIGEST, digest);
      var file = Files.createTempFile("fly-mcp-launch", ".json"); // readable to its owner alone
      try {
        Files.writeString(file, Fly.pretty(body));
        var options = new ArrayList<>(List.of("--template", file.toString()));
        if (region != null) options.addAll(List.of("--region", region));
        options.add("--");
        options.addAll(command);
        var machine = step("A Machine", new CreateMachine(), options);
        return cli.dryRun || cli.quiet
            ? machine.strip()
            : Fly.JSON.readTree(machine).path("id").asText();
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // ---- Its clients

  private void prove() {
    var options =
        new ArrayList<>(List.of("--list", "tools", "--timeout", timeout.toSeconds() + "s"));
    if (!cli.dryRun) options.addAll(List.of("--bearer-token-file", tokenFile.toString()));
    step("The server answers", new CallMcp(), options);
  }

  /** Only who has the token gets in: that is seen, and not believed. */
  private void requireClosed() {
    try {
      var status =
          Unirest.post(Settings.edgeUrl(app)).requestTimeout(20_000).body("").asEmpty().getStatus();
      if (status == 401) return;
      throw new FlyException(
          "the server asks for no token",
          "a request without one was answered with " + status,
          "stop it: %s --app %s".formatted(Cli.hint("fly-cleanup"), app));
    } catch (UnirestException e) {
      cli.warn("whether it refuses who has no token, could not be seen: " + e.getMessage());
    }
  }

  private List<String> configure() {
    var options =
        new ArrayList<>(
            List.of("--url", Settings.edgeUrl(app), "--bearer-token-file", tokenFile.toString()));
    options.addAll(List.of("--name", app));
    for (var client : clients) options.addAll(List.of("--client", client));
    if (noConfig || clients.isEmpty() && ClientConfig.found().isEmpty()) {
      cli.say(
          "%nTo configure a client: %s %s", Cli.hint("fly-mcp-config"), String.join(" ", options));
      return List.of();
    }
    return step("Its clients", new McpConfig(), options).lines().toList();
  }

  private void tell(String machine, List<String> configured) {
    JsonNode result =
        Fly.JSON
            .createObjectNode()
            .put("app", app)
            .put("machine", machine)
            .put("url", Settings.edgeUrl(app))
            .put("bearer_token_file", tokenFile.toAbsolutePath().toString())
            .set("clients", Fly.JSON.valueToTree(configured));
    cli.say("");
    if (cli.quiet) cli.out().println(app);
    else cli.print(result);
    cli.say("export APP_NAME=%s", app);
    cli.say("To end it: %s --app %s --confirm %s", Cli.hint("fly-cleanup"), app, app);
  }
}
