///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Add your MCP server to the configuration of Claude, Cursor or VS Code.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/FlyException.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Options.java ../../lib/fly/cli/Trust.java ../../lib/fly/mcp/check/ServerOptions.java
//SOURCES ../../lib/fly/mcp/launch/ClientConfigFile.java

import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Cli;
import fly.cli.Options;
import fly.cli.Trust;
import fly.mcp.check.ServerOptions;
import fly.mcp.launch.ClientConfigFile;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-mcp-config",
    header = "fly-mcp-config --client cursor --url https://mcp-demo-0123456789ab.fly.dev/",
    description = "Add your MCP server to the configuration of Claude, Cursor or VS Code.",
    footer = {
      "%nComments and order of the file stay as they are; as it was, it is kept beside it as .bak.",
      "No secret is written: the client reads the token from --bearer-token-file, or has",
      "FLY_MCP_BEARER_TOKEN in its own environment.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class McpConfig implements Runnable {
  /** The owner of a configuration. */
  enum Scope {
    USER,
    PROJECT
  }

  @Mixin Cli cli;
  @Mixin Options.Json json;
  @Mixin Trust trust;
  @Mixin ServerOptions options;
  @ArgGroup Task task = new Task();

  static class Task {
    @Option(names = "--show", description = "Show what is there.")
    boolean show;

    @Option(names = "--remove", description = "Remove the server.")
    boolean remove;
  }

  @Option(
      names = "--client",
      paramLabel = "NAME",
      description = "${COMPLETION-CANDIDATES}; may be repeated (default: all found here).")
  List<ClientConfigFile.Client> clients = List.of();

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "What the client calls the server (default: the first part of its host).")
  String name;

  @Option(names = "--scope", paramLabel = "WHOSE", description = "user (default) or project.")
  Scope scope = Scope.USER;

  @Option(names = "--folder", description = "The project's folder (default: this one).")
  Path folder = Path.of("");

  public static void main(String... args) {
    Cli.main(new McpConfig(), args);
  }

  @Override
  public void run() {
    var server = options.server();
    if (!options.headers.isEmpty()) {
      throw FlyException.usage(
          "a header is not written into a configuration",
          "it may hold a secret",
          "--bearer-token-file FILE");
    }
    var called = name == null ? nameOf(server) : name;
    var proxy = task.show || task.remove ? List.<String>of() : options.proxy(server, cli);
    for (var config : configs()) {
      if (task.show) show(config, called);
      else if (task.remove) remove(config, called);
      else add(config, called, proxy);
    }
  }

  private void add(ClientConfigFile config, String called, List<String> proxy) {
    var changed = config.put(called, config.entry(proxy));
    cli.out().println(config.file);
    cli.say(
        changed ? "%s has the server %s now; restart it." : "%s has the server %s already.",
        config.client,
        called);
  }

  private void remove(ClientConfigFile config, String called) {
    var removed = config.remove(called);
    if (removed) cli.out().println(config.file);
    cli.say(removed ? "%s: removed %s." : "%s has no server %s.", config.client, called);
  }

  private void show(ClientConfigFile config, String called) {
    ObjectNode shown = Fly.JSON.createObjectNode();
    shown.put("client", config.client.toString()).put("file", config.file.toString());
    shown.put("name", called).set("server", config.get(called));
    cli.printLine(shown);
  }

  private List<ClientConfigFile> configs() {
    var wanted = clients.isEmpty() ? ClientConfigFile.found() : clients;
    if (wanted.isEmpty()) {
      throw FlyException.usage(
          "no MCP client was found here",
          "none of their folders is there",
          "--client NAME: " + List.of(ClientConfigFile.Client.values()));
    }
    if (scope == Scope.PROJECT && !Files.isDirectory(folder.toAbsolutePath())) {
      throw FlyException.usage(
          "there is no folder " + folder, "a project is in one that is there", "--folder FOLDER");
    }
    return wanted.stream()
        .map(
            client ->
                scope == Scope.USER
                    ? ClientConfigFile.ofUser(client)
                    : ClientConfigFile.ofProject(client, folder.toAbsolutePath()))
        .toList();
  }

  private static String nameOf(URI server) {
    var parts = server.getPath() == null ? new String[0] : server.getPath().split("/");
    if (parts.length > 2 && parts[1].equals("edge")) return parts[2];
    return server.getHost().matches("[\\d.:\\[\\]]+") ? "mcp" : server.getHost().split("\\.")[0];
  }
}
