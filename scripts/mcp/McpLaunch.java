///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Launch any stdio MCP server on Fly.io, behind a token, for the MCP clients of this machine.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/ShellWord.java ../../lib/fly/Template.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Hint.java ../../lib/fly/cli/Options.java ../../lib/fly/mcp/check/HandshakeCheck.java
//SOURCES ../../lib/fly/mcp/check/ServerOptions.java ../../lib/fly/mcp/launch/ClientConfigFile.java
//SOURCES ../../lib/fly/mcp/launch/Launch.java ../../lib/fly/mcp/launch/LaunchRequest.java
//SOURCES ../../lib/fly/mcp/launch/LaunchSecrets.java
//FILES app.json=../guide/app.json machine.json=../guide/machine.json volume.json=../guide/volume.json requests.jsonl=../guide/requests.jsonl

import fly.Fly;
import fly.ShellWord;
import fly.Template;
import fly.cli.Cli;
import fly.cli.Hint;
import fly.cli.Options;
import fly.mcp.check.HandshakeCheck;
import fly.mcp.check.ServerOptions;
import fly.mcp.launch.ClientConfigFile;
import fly.mcp.launch.Launch;
import fly.mcp.launch.LaunchRequest;
import fly.mcp.launch.LaunchSecrets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-mcp-launch",
    header =
        "fly-mcp-launch --volume data:/data -- npx -f"
            + " @modelcontextprotocol/server-filesystem /data",
    description =
        "Launch any stdio MCP server on Fly.io, behind a token, for the MCP clients of this"
            + " machine.",
    footer = {
      "%nIt creates an app, its addresses, a volume if asked, a secret and a Machine, waits until",
      "the server answers, and adds it to the clients' configuration. Run it again with --app to",
      "continue a failed launch: nothing is made twice. At the end: fly-cleanup.",
      "%nCOMMAND is an MCP server on stdin and stdout that the image flyio/mcp can start (npx,",
      "uvx), or a JBang script: MyServer.java goes to the Machine with its //SOURCES and //FILES,",
      "and JBang runs it behind fly-mcp-wrap, in " + LaunchRequest.JBANG_IMAGE + ".",
      "That start on Fly.io is untried; each cold start compiles and fetches //DEPS."
    })
class McpLaunch implements Callable<Integer> {
  @Mixin Cli.Api cli;
  @Mixin Options.App app;
  @Mixin Options.Json json;
  @Mixin Options.Org org;
  @Mixin Options.Region region;
  @Mixin Options.Body body;

  @Option(names = "--volume", paramLabel = "NAME:PATH", description = "A volume: data:/data.")
  String volume;

  @Option(names = "--volume-size", paramLabel = "GB", description = "Its size (default: 1 GB).")
  Integer volumeSize;

  @Option(names = "--file", paramLabel = "PATH=LOCAL", description = "A file: /etc/x.txt=x.txt.")
  Map<String, Path> files = Map.of();

  @Option(names = "--secret", paramLabel = "NAME", description = "A variable for the server.")
  List<String> secrets = List.of();

  @Option(
      names = "--bearer-token-file",
      paramLabel = "FILE",
      description = "File for the server's token (default: ~/.config/fly-mcp/APP.token).")
  Path tokenFile;

  @Option(names = "--client", paramLabel = "NAME", description = "${COMPLETION-CANDIDATES} (all).")
  List<ClientConfigFile.Client> clients = List.of();

  @Option(names = "--no-config", description = "Configure no client.")
  boolean noConfig;

  @Option(names = "--update", description = "Let an earlier launch's Machine run this instead.")
  boolean update;

  @Option(names = "--timeout", paramLabel = "TIME", description = "Time for the answer (5m).")
  Duration timeout = Duration.ofMinutes(5);

  @Parameters(arity = "0..*", paramLabel = "COMMAND", description = "After --: the MCP server.")
  List<String> command = List.of();

  public static void main(String... args) {
    Cli.main(new McpLaunch(), args);
  }

  @Override
  public Integer call() {
    if (body.printed("machine.json", cli)) return 0;

    // 1. Build the requests, and refuse what cannot be before anything is created.
    var configs = noConfig ? List.<ClientConfigFile>of() : ClientConfigFile.ofUser(clients);
    var values = new LaunchSecrets(secrets, cli.dryRun);
    var machine = body.load("machine.json", Map.of());
    region.into(machine);
    new LaunchRequest(machine).mount(volume).ship(files).run(command);
    body.changed(machine, cli);
    var empty = Template.load(null, "volume.json", Map.of());
    var disk = LaunchRequest.volume(empty, machine, volumeSize);
    var name = app.nameOrNew();
    var server = ServerOptions.of(name, tokenFile);
    var url = server.server();
    var check = new HandshakeCheck(url, name, Template.text("requests.jsonl"));
    var proxy = configs.isEmpty() || cli.dryRun ? List.<String>of() : server.proxy(url, cli);

    // 2. Create what is missing: the app, its addresses, the secrets, the volume, the Machine.
    cli.sayTarget(org.slug());
    var launch = new Launch(cli, name);
    return launch.run(
        () -> {
          launch.app(Template.load(null, "app.json", Map.of("APP_NAME", name, "ORG", org.slug())));
          if (!cli.dryRun) values.tokenIn(server.tokenFile, cli::say);
          var created = launch.machine(machine, values.values(), disk, update);

          // 3. Prove that the server answers, and that it refuses requests without the token.
          if (cli.dryRun) {
            cli.out().println(check.curl());
            return;
          }
          launch.createNothing();
          cli.say("Asking " + ServerOptions.shown(url) + " ...");
          check.requireAnswers(server, timeout, cli::say, cli.trace());
          check.requireToken().ifPresent(why -> cli.warn("the token could not be tested: " + why));

          // 4. Configure the clients, print the result, and say what comes next.
          var result = Fly.JSON.createObjectNode().put("app", name);
          result.put("machine", created.path("id").asText()).put("url", url.toString());
          var written = result.put("bearer_token_file", "" + server.tokenFile).putArray("clients");
          for (var config : configs) {
            config.put(name, config.entry(proxy));
            written.add(config.file.toString());
            cli.say("%s has the server %s now; restart it: %s", config.client, name, config.file);
          }
          cli.print(result, name);
          cli.say("export APP_NAME=%s", name);
          var file = " --bearer-token-file " + ShellWord.of(server.tokenFile);
          cli.say("Next: " + Hint.of("fly-call-mcp") + " --list tools" + file);
          if (noConfig) cli.say("For clients: %s --url %s%s", Hint.of("fly-mcp-config"), url, file);
          cli.say("To end it: %s --app %s --confirm %s", Hint.of("fly-cleanup"), name, name);
        });
  }
}
