///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Launch any stdio MCP server on Fly.io, behind a token, for the MCP clients of this machine.
//SOURCES ../../lib/fly/Ensure.java ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/Settings.java
//SOURCES ../../lib/fly/Template.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Hint.java
//SOURCES ../../lib/fly/cli/Options.java ../../lib/fly/mcp/check/Conversation.java
//SOURCES ../../lib/fly/mcp/check/ServerCheck.java ../../lib/fly/mcp/check/ServerOptions.java
//SOURCES ../../lib/fly/mcp/launch/ClientConfigFile.java ../../lib/fly/mcp/launch/ScriptBundle.java
//SOURCES ../../lib/fly/mcp/proxy/StdioProxy.java
//FILES app.json=../guide/app.json machine.json=../guide/machine.json volume.json=../guide/volume.json requests.jsonl=../guide/requests.jsonl
//FILES wrap/scripts/mcp/McpWrap.java=McpWrap.java
//FILES wrap/lib/fly/FlyException.java=../../lib/fly/FlyException.java
//FILES wrap/lib/fly/Settings.java=../../lib/fly/Settings.java
//FILES wrap/lib/fly/cli/Cli.java=../../lib/fly/cli/Cli.java
//FILES wrap/lib/fly/Durations.java=../../lib/fly/Durations.java
//FILES wrap/lib/fly/Fly.java=../../lib/fly/Fly.java
//FILES wrap/lib/fly/App.java=../../lib/fly/App.java
//FILES wrap/lib/fly/Deadline.java=../../lib/fly/Deadline.java
//FILES wrap/lib/fly/Machine.java=../../lib/fly/Machine.java
//FILES wrap/lib/fly/Story.java=../../lib/fly/Story.java
//FILES wrap/lib/fly/Token.java=../../lib/fly/Token.java
//FILES wrap/lib/fly/Volume.java=../../lib/fly/Volume.java
//FILES wrap/lib/fly/cli/Hint.java=../../lib/fly/cli/Hint.java
//FILES wrap/lib/fly/cli/Progress.java=../../lib/fly/cli/Progress.java
//FILES wrap/lib/fly/cli/Terminal.java=../../lib/fly/cli/Terminal.java
//FILES wrap/lib/fly/cli/TerminalWriter.java=../../lib/fly/cli/TerminalWriter.java
//FILES wrap/lib/fly/cli/ResultStream.java=../../lib/fly/cli/ResultStream.java
//FILES wrap/lib/fly/cli/Surroundings.java=../../lib/fly/cli/Surroundings.java
//FILES wrap/lib/fly/cli/Target.java=../../lib/fly/cli/Target.java
//FILES wrap/lib/fly/cli/View.java=../../lib/fly/cli/View.java
//FILES wrap/lib/fly/mcp/http/AccessGuard.java=../../lib/fly/mcp/http/AccessGuard.java
//FILES wrap/lib/fly/mcp/http/Exchange.java=../../lib/fly/mcp/http/Exchange.java
//FILES wrap/lib/fly/mcp/http/JdkServer.java=../../lib/fly/mcp/http/JdkServer.java
//FILES wrap/lib/fly/mcp/wrap/HttpBridge.java=../../lib/fly/mcp/wrap/HttpBridge.java
//FILES wrap/lib/fly/mcp/message/JsonRpcHead.java=../../lib/fly/mcp/message/JsonRpcHead.java
//FILES wrap/lib/fly/mcp/message/JsonRpcMessage.java=../../lib/fly/mcp/message/JsonRpcMessage.java
//FILES wrap/lib/fly/mcp/message/SpooledBytes.java=../../lib/fly/mcp/message/SpooledBytes.java
//FILES wrap/lib/fly/mcp/message/LineReader.java=../../lib/fly/mcp/message/LineReader.java
//FILES wrap/lib/fly/mcp/message/SpooledBody.java=../../lib/fly/mcp/message/SpooledBody.java
//FILES wrap/lib/fly/mcp/wrap/ClientSession.java=../../lib/fly/mcp/wrap/ClientSession.java
//FILES wrap/lib/fly/mcp/wrap/McpProgram.java=../../lib/fly/mcp/wrap/McpProgram.java
//FILES wrap/lib/fly/mcp/wrap/ReplayStream.java=../../lib/fly/mcp/wrap/ReplayStream.java
//FILES wrap/lib/fly/mcp/wrap/SharedProgram.java=../../lib/fly/mcp/wrap/SharedProgram.java
//FILES wrap/lib/fly/mcp/wrap/StdioProgram.java=../../lib/fly/mcp/wrap/StdioProgram.java

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Ensure;
import fly.Fly;
import fly.FlyException;
import fly.Settings;
import fly.Template;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.mcp.check.Conversation;
import fly.mcp.check.ServerCheck;
import fly.mcp.check.ServerOptions;
import fly.mcp.launch.ClientConfigFile;
import fly.mcp.launch.ScriptBundle;
import fly.mcp.proxy.StdioProxy;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
import java.util.stream.StreamSupport;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
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
      "where it failed: what is there is kept, and nothing is made twice. Afterwards: fly-status,",
      "fly-logs, and at the end fly-cleanup.",
      "%nCOMMAND is an MCP server on stdin and stdout that the image flyio/mcp can start (npx,"
          + " uvx), or",
      "a JBang script: MyServer.java goes to the Machine with the files of its //SOURCES and"
          + " //FILES, and",
      "JBang runs it behind fly-mcp-wrap, in " + McpLaunch.JBANG_IMAGE + ".",
      "That image and its start on Fly.io are not tried; each cold start compiles and fetches"
          + " //DEPS."
    })
class McpLaunch implements Runnable {
  static final String JBANG_IMAGE = "jbangdev/jbang:v0.137.0-java-21";

  private static final String TOKEN = "FLY_MCP_BEARER_TOKEN";
  private static final String MACHINE_NAME = "mcp";

  /** Metadata: of what was asked for, and of that with the secrets. */
  private static final String DIGEST = "launch_digest";

  private static final String STATE = "launch_state";

  private static final String SERVER_FOLDER = "/app/";
  private static final String WRAP_FILE = "/mcp/wrap.zip";

  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Org org;
  @Mixin Options.Region region;
  @Mixin Options.Body body;

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
  Map<String, Path> files = Map.of();

  @Option(
      names = "--secret",
      paramLabel = "NAME",
      description = "A variable of your environment that the server needs, as a secret of the app.")
  List<String> secrets = List.of();

  @Option(
      names = "--bearer-token-file",
      paramLabel = "FILE",
      description = "Where the token is, or shall be (default: ~/.config/fly-mcp/APP.token).")
  Path tokenFile;

  @Option(
      names = "--client",
      paramLabel = "NAME",
      description = "${COMPLETION-CANDIDATES}; may be repeated (default: all found here).")
  List<ClientConfigFile.Client> clients = List.of();

  @Option(names = "--no-config", description = "Configure no client.")
  boolean noConfig;

  @Option(
      names = "--update",
      description = "Have the Machine of an earlier launch run this command and these files.")
  boolean update;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long the server may take to answer (default: 5m).")
  Duration timeout = Duration.ofMinutes(5);

  @Parameters(
      arity = "0..*",
      paramLabel = "COMMAND",
      description = "After --: the MCP server, or a JBang script and its arguments.")
  List<String> command = List.of();

  private Ensure ensure;
  private volatile boolean over;

  public static void main(String... args) {
    Cli.main(new McpLaunch(), args);
  }

  @Override
  public void run() {
    if (body.printed("machine.json", cli)) return;
    var configs = configs(); // before anything is created, what cannot be is told
    var values = secretValues();
    var request = request();
    var name = app.nameOrNew();
    var server = new ServerOptions();
    server.url = Settings.edgeUrl(name);
    server.tokenFile = tokenFile == null ? Settings.tokenFile(name) : tokenFile.toAbsolutePath();
    ensure = new Ensure(cli.fly(), cli::say);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> goOn(name))); // Ctrl-C
    try {
      launch(name, request, values, server, configs);
      over = true;
    } catch (FlyException e) {
      goOn(name);
      throw e;
    }
  }

  private void launch(
      String name,
      ObjectNode request,
      Map<String, String> values,
      ServerOptions server,
      List<ClientConfigFile> configs) {
    cli.say("The app %s in the organization %s ...", name, org.slug());
    var app = Map.of("APP_NAME", name, "ORG", org.slug());
    ensure.app(name, Template.load(null, "app.json", app));
    for (var type : List.of("shared_v4", "v6")) {
      if (ensure.address(name, type).isPresent()) continue;
      cli.say("Its address, %s ...", type);
      ensure.allocate(name, type);
    }
    values.put(TOKEN, cli.dryRun ? "" : token(server));
    var machine = machine(name, request, values);

    var url = server.server();
    var messages = messages();
    if (cli.dryRun) {
      cli.out().println(ServerCheck.curl(url.toString(), true, messages));
      return;
    }
    cli.say("Asking %s ...", ServerOptions.shown(url));
    prove(name, server, messages);
    requireClosed(name, url);

    var result = Fly.JSON.createObjectNode().put("app", name);
    result.put("machine", machine.path("id").asText()).put("url", url.toString());
    result.put("bearer_token_file", server.tokenFile.toString());
    var written = result.putArray("clients");
    for (var config : configs) {
      config.put(name, config.entry(server.proxy(url)));
      written.add(config.file.toString());
      cli.say("%s has the server %s now; restart it: %s", config.client, name, config.file);
    }
    cli.print(result, name);

    var token = "--bearer-token-file " + server.tokenFile;
    cli.say("export APP_NAME=%s", name);
    cli.say("Next: %s --list tools %s", Hint.of("fly-call-mcp"), token);
    if (configs.isEmpty()) {
      cli.say("For a client: %s --url %s %s", Hint.of("fly-mcp-config"), url, token);
    }
    cli.say("To end it: %s --app %s --confirm %s", Hint.of("fly-cleanup"), name, name);
  }

  /** Once, where it was not whole; also where no story is told: it costs money. */
  private synchronized void goOn(String name) {
    if (over || cli.dryRun || ensure.created().isEmpty()) return;
    over = true;
    cli.warn("this was created, and stays: " + String.join(", ", ensure.created()));
    cli.err().printf("  To go on, run this again with --app %s%n", name);
    cli.err().printf("  To end it: %s --app %s --confirm %s%n", Hint.of("fly-cleanup"), name, name);
  }

  private List<ClientConfigFile> configs() {
    if (noConfig) return List.of();
    return (clients.isEmpty() ? ClientConfigFile.found() : clients)
        .stream().map(ClientConfigFile::ofUser).toList();
  }

  // ---- What is to be there

  private ObjectNode request() {
    if (command.isEmpty()) {
      throw FlyException.usage(
          "which MCP server?",
          "there is no command",
          Hint.of("fly-mcp-launch") + " -- npx -f @modelcontextprotocol/server-everything");
    }
    var request = body.load("machine.json", Map.of()).put("name", MACHINE_NAME);
    region.into(request);
    var config = request.withObject("/config");
    mount(config);
    var shipped = config.withArray("/files");
    files.forEach((path, file) -> ship(shipped, path, read(file)));
    if (command.get(0).matches("jbang|.*\\.(java|jsh|kt|groovy)")) script(config, shipped);
    else command.forEach(config.withObject("/init").putArray("cmd")::add);
    if (shipped.isEmpty()) config.remove("files");
    return body.changed(request, cli);
  }

  private void mount(ObjectNode config) {
    var mounts = config.withArray("/mounts");
    if (volume == null) {
      config.remove("mounts");
      return;
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
  }

  private static void ship(ArrayNode files, String path, byte[] content) {
    if (!path.matches("/.*[^/]")) {
      throw FlyException.usage(
          path + " is no path of a file in the Machine",
          "it begins with / and names a file",
          "--file /etc/my.conf=my.conf");
    }
    var encoded = Base64.getEncoder().encodeToString(content);
    files.addObject().put("guest_path", path).put("raw_value", encoded);
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw FlyException.usage(
          "cannot read " + file, "no such file, or no access", "--file /path/in/machine=FILE");
    }
  }

  /** JBang starts it for each session, behind our wrap, which JBang has started before. */
  private void script(ObjectNode config, ArrayNode shipped) {
    config.put("image", JBANG_IMAGE);
    var own = !command.get(0).equals("jbang");
    var start =
        "cd /mcp && jar xf wrap.zip && "
            + (own ? "jbang build \"$2\" && " : "") // two sessions at once would both build it
            + "exec jbang scripts/mcp/McpWrap.java --host 0.0.0.0 -- \"$@\"";
    var init = config.withObject("/init");
    List.of("sh", "-c", start, "wrap").forEach(init.putArray("entrypoint")::add);
    var run = init.putArray("cmd").add("jbang");
    if (own) shipScript(shipped, run);
    else command.stream().skip(1).forEach(run::add);
    ship(shipped, WRAP_FILE, wrap());
    // A Machine that was stopped has to compile again; one that was suspended goes on.
    for (var service : config.path("services")) ((ObjectNode) service).put("autostop", "suspend");
    var mount = config.at("/mounts/0/path").asText();
    if (!mount.isEmpty()) {
      config.withObject("/env").put("JBANG_CACHE_DIR", mount + "/.jbang");
    }
  }

  /** With the files that it names, at the same places beside it. */
  private void shipScript(ArrayNode shipped, ArrayNode run) {
    var script = Path.of(command.get(0)).toAbsolutePath().normalize();
    var all = ScriptBundle.files(script);
    var root = script.getParent();
    for (var file : all.keySet()) while (!file.startsWith(root)) root = root.getParent();
    for (var file : all.entrySet()) {
      ship(shipped, SERVER_FOLDER + slashed(root.relativize(file.getKey())), file.getValue());
    }
    run.add(SERVER_FOLDER + slashed(root.relativize(script)));
    command.stream().skip(1).forEach(run::add);
  }

  /** fly-mcp-wrap with all its sources, as they are in this repository. */
  private static byte[] wrap() {
    var sources = ScriptBundle.files(Path.of("scripts/mcp/McpWrap.java"), McpLaunch::shipped);
    var zip = new ByteArrayOutputStream();
    try (var out = new ZipOutputStream(zip)) {
      for (var source : sources.entrySet()) {
        var entry = new ZipEntry(slashed(source.getKey()));
        entry.setTime(0); // the same files, the same bytes
        out.putNextEntry(entry);
        out.write(source.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return zip.toByteArray();
  }

  private static byte[] shipped(Path path) throws IOException {
    try (var in = McpLaunch.class.getResourceAsStream("/wrap/" + slashed(path))) {
      if (in == null) throw new FileNotFoundException(path.toString());
      return in.readAllBytes();
    }
  }

  private static String slashed(Path path) {
    return path.toString().replace('\\', '/');
  }

  // ---- The secrets

  private Map<String, String> secretValues() {
    var values = new LinkedHashMap<String, String>();
    for (var name : secrets) {
      var value = cli.dryRun ? "" : Settings.lookup(name);
      if (value == null) {
        throw FlyException.usage(
            name + " is not set", "--secret names it", "export " + name + "=...");
      }
      values.put(name, value);
    }
    return values;
  }

  /** The one in the file, or a new one that is written there, for its owner alone. */
  private String token(ServerOptions server) {
    var file = server.tokenFile;
    if (Files.exists(file)) return server.bearerToken();
    var random = new byte[32];
    new SecureRandom().nextBytes(random);
    var token = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    try {
      Files.createDirectories(file.getParent());
      if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        var mine = PosixFilePermissions.fromString("rw-------");
        Files.createFile(file, PosixFilePermissions.asFileAttribute(mine));
      }
      Files.writeString(file, token + "\n");
    } catch (IOException e) {
      throw FlyException.usage(
          "the token cannot be kept in " + file, e.toString(), "--bearer-token-file FILE");
    }
    cli.say("A new token for the server is in %s", file);
    return token;
  }

  // ---- The Machine

  /** The one that was launched before if it is as wanted, or can be made so; else a new one. */
  private JsonNode machine(String name, ObjectNode request, Map<String, String> values) {
    var config = request.withObject("/config");
    var digest = digest(config.toString());
    var state = digest(config + "\n" + values);
    var there = cli.dryRun ? Optional.<JsonNode>empty() : launched(name);
    if (there.isPresent()) {
      var metadata = there.get().at("/config/metadata");
      var id = there.get().path("id").asText();
      if (metadata.path(STATE).asText().equals(state)) {
        cli.say("The Machine %s is there already, and runs this.", id);
        return there.get();
      }
      if (!metadata.path(DIGEST).asText().equals(digest) && !update) {
        throw new FlyException(
            "the app %s runs another MCP server already".formatted(name),
            "its Machine %s was launched with another command, other files or other fields"
                .formatted(id),
            "--update to run this there instead, or another --app");
      }
      if (there.get().at("/config/mounts").isEmpty() != (volume == null)) {
        throw new FlyException(
            "the Machine %s has %s volume".formatted(id, volume == null ? "a" : "no"),
            "that stays as it was when it was created",
            (volume == null ? "with --volume" : "without --volume") + ", or another --app");
      }
    }
    cli.say("Secrets of the app: %s ...", String.join(", ", values.keySet()));
    var version = cli.fly().setSecrets(name, values).path("version");
    if (version.isIntegralNumber()) request.set("min_secrets_version", version);
    if (!cli.dryRun) config.withObject("/metadata").put(DIGEST, digest).put(STATE, state);
    if (there.isPresent()) return update(name, request, there.get());
    if (volume != null) ensure.volume(name, disk(request), false);
    cli.say(
        "Creating a Machine: %s, %s MB, runs %s ...",
        config.path("image").asText(),
        config.at("/guest/memory_mb").asText("256"),
        String.join(" ", command));
    var machine = cli.fly().create("/v1/apps/{app}/machines", request, () -> launched(name), name);
    ensure.created("the Machine " + machine.path("id").asText());
    return machine;
  }

  private ObjectNode disk(JsonNode request) {
    var disk = Template.load(null, "volume.json", Map.of());
    disk.put("name", volume.substring(0, volume.indexOf(':')));
    if (volumeSize != null) disk.put("size_gb", volumeSize);
    if (request.has("region")) disk.set("region", request.get("region"));
    return disk;
  }

  /**
   * @throws FlyException where there are others, which would get the server's requests, too
   */
  private Optional<JsonNode> launched(String name) {
    var machines = cli.fly().get("/v1/apps/{app}/machines", name);
    var ours =
        StreamSupport.stream(machines.spliterator(), false)
            .filter(machine -> machine.at("/config/metadata").has(DIGEST))
            .findFirst();
    if (machines.size() == (ours.isPresent() ? 1 : 0)) return ours;
    throw new FlyException(
        "the app %s has other Machines".formatted(name),
        "requests to the app would reach them, too",
        "another --app, or look: " + Hint.of("fly-list-machines") + " --app " + name);
  }

  /** Keeps its volume: Fly.io replaces the whole config, and wants to know of which version. */
  private JsonNode update(String name, ObjectNode request, JsonNode old) {
    var id = old.path("id").asText();
    var mounts = old.at("/config/mounts");
    if (!mounts.isEmpty()) request.withObject("/config").set("mounts", mounts);
    request.set("current_version", old.path("instance_id"));
    cli.say("Updating the Machine %s ...", id);
    var updated = cli.fly().post("/v1/apps/{app}/machines/{machine}", request, name, id);
    try {
      var wait = "/v1/apps/{app}/machines/{machine}/wait?state=started&timeout=60&instance_id={v}";
      cli.fly().get(wait, name, id, updated.path("instance_id").asText());
    } catch (FlyException e) {
      if (e.status != 408) throw e; // it sleeps, and starts when it is asked
    }
    return updated;
  }

  private static String digest(String text) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)), 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  // ---- The proof

  /** The guide's, but for its last: initialize, initialized, and tools/list. */
  private static List<JsonNode> messages() {
    var messages = new ArrayList<JsonNode>();
    try {
      for (var line : Template.text("requests.jsonl").lines().limit(3).toList()) {
        messages.add(Fly.JSON.readTree(line));
      }
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    return messages;
  }

  private void prove(String name, ServerOptions server, List<JsonNode> messages) {
    var url = server.server();
    try (var dialog = dialog(url, server.requestHeaders(url))) {
      var proof = new ServerCheck(dialog, timeout, this::tell);
      var hello = proof.ask(messages.get(0), reply -> {});
      proof.tell(messages.get(1));
      if (hello.at("/result/capabilities").has("tools")) proof.ask(messages.get(2), reply -> {});
    } catch (FlyException e) {
      var look = Hint.of("fly-logs") + " --app " + name;
      throw new FlyException(e.getMessage(), e.why, look, e.exitCode, e.status);
    }
  }

  private Conversation dialog(URI url, Map<String, String> headers) {
    return new Conversation(
        url,
        StdioProxy.Transport.AUTO,
        headers,
        timeout,
        why -> cli.say("%s; waiting ...", why),
        cli.verbose ? cli.err()::println : line -> {});
  }

  private void tell(ServerCheck.Stage stage) {
    if (stage.ok()) cli.say("%s", stage.text()); // else it is told as an error
  }

  /** Only who has the token gets in: that is seen, and not believed. */
  private void requireClosed(String name, URI url) {
    try {
      var answer = Unirest.post(url.toString()).requestTimeout(20_000).body("").asEmpty();
      if (answer.getStatus() == 401) return;
      throw new FlyException(
          "the server asks for no token",
          "a request without one was answered with " + answer.getStatus(),
          "end it: %s --app %s --confirm %s".formatted(Hint.of("fly-cleanup"), name, name));
    } catch (UnirestException e) {
      cli.warn("whether it refuses who has no token, could not be seen: " + e.getMessage());
    }
  }
}
