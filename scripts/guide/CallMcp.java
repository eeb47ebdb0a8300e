///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Access the MCP: call the server on your Machine, and see that it works.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/cli/Cli.java ../../lib/fly/cli/Options.java
//SOURCES ../../lib/fly/mcp/check/Questions.java ../../lib/fly/mcp/check/ReplyView.java
//SOURCES ../../lib/fly/mcp/check/ServerCheck.java ../../lib/fly/mcp/check/ServerOptions.java
//SOURCES ../../lib/fly/mcp/check/Task.java
//FILES requests.jsonl

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.cli.Cli;
import fly.cli.Options;
import fly.mcp.check.Questions;
import fly.mcp.check.ReplyView;
import fly.mcp.check.ServerCheck;
import fly.mcp.check.ServerOptions;
import fly.mcp.check.Task;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "fly-call-mcp",
    header = "fly-call-mcp --tool read_text_file --args '{\"path\": \"/data/notes.txt\"}'",
    description = "Access the MCP: call the server on your Machine, and see that it works.",
    footer = {
      "%nWithout --tool, --list or --requests it asks the guide's questions: initialize,",
      "tools/list, and tools/call list_directory. stdout gets the replies, one JSON per line,",
      "and stderr the time of each stage. A terminal gets short replies; --json prints a report.",
      "%nExit codes: 0 all replies came, none an error; 4 not authorized; 10 no connection;",
      "11 initialize failed; 12 a list failed; 13 a call failed.",
      "%nGuide: https://fly.io/docs/mcp/deploy-with/machines-api/#accessing-the-mcp"
    })
class CallMcp implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin ServerOptions options;
  @Mixin Task task;
  @Mixin Options.Json json;

  @Option(names = "--timeout", paramLabel = "TIME", description = "For everything (default: 60s).")
  Duration timeout = Duration.ofSeconds(60);

  public static void main(String... args) {
    Cli.main(new CallMcp(), args);
  }

  @Override
  public void run() {
    // 1. Build the messages: the guide's three, or those that the options ask for.
    var messages = task.messages("requests.jsonl");
    var server = options.server();
    if (cli.dryRun) {
      var authorized = options.requestHeaders(server).containsKey("Authorization");
      cli.out().println(ServerCheck.curl(server.toString(), authorized, messages));
      return;
    }

    // 2. Connect by the transport that the server speaks, and wait for a Machine that starts.
    cli.say("Asking %s ...", ServerOptions.shown(server));
    try (var questions = new Questions(server, options, timeout, cli::say, cli.trace())) {

      // 3. Ask one after the other, and print each reply as it comes.
      var all = Fly.JSON.createArrayNode();
      var failure = questions.ask(messages, task.isList(), json.wanted() ? all::add : this::print);
      if (json.wanted()) cli.json(questions.report(all, failure));
      if (failure != null) throw failure;
    }
  }

  /** A line of JSON; for people at a terminal a short view, and of a tool's call its text only. */
  private void print(JsonNode reply) {
    var viewed = cli.viewed() && !cli.quiet;
    if (viewed && task.isCall() && !ReplyView.isCall(reply)) return;
    if (viewed) cli.out().println(ReplyView.of(reply));
    else cli.jsonLine(reply);
    cli.out().flush();
  }
}
