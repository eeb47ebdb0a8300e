///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Send any request of the API: by path, by operation, or by GraphQL.
//SOURCES ../../lib/fly/Fly.java ../../lib/fly/Template.java ../../lib/fly/api/Call.java ../../lib/fly/api/Fields.java
//SOURCES ../../lib/fly/api/Operations.java ../../lib/fly/api/RawRequest.java ../../lib/fly/cli/Cli.java
//SOURCES ../../lib/fly/cli/Options.java
//FILES operations.json=../../lib/fly/api/operations.json

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.Template;
import fly.api.Call;
import fly.api.Fields;
import fly.api.Operations;
import fly.api.RawRequest;
import fly.cli.Cli;
import fly.cli.Options;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "fly-api",
    header = "fly-api Machines_list --app mcp-demo --jq '.[].id'",
    description = "Send any request of the API: by path, by operation, or by GraphQL.",
    footer = {
      "%nGET, or POST with a field or --input. Fields: a=1, a[b]=1 (in an object), a[]=1 (in a",
      "list); those named in the path or the query of the operation go there. {app}, {org} and",
      "{machine_id} in a path are filled from the settings. It sends once, and repeats nothing.",
      "%nOf a refusal the body is on stdout, the message on stderr; exit code 4 for a token."
    })
class Api implements Runnable {
  @Mixin Cli.Api cli;
  @Mixin Options.Json json;

  @Parameters(arity = "0..1", paramLabel = "PATH", description = "A path or an operation's id.")
  String target;

  @Option(
      names = {"-X", "--method"},
      paramLabel = "METHOD",
      description = "The HTTP method.")
  String method;

  @Option(
      names = {"-f", "--raw-field"},
      paramLabel = "KEY=VALUE",
      description = "A string.")
  List<String> texts = List.of();

  @Option(
      names = {"-F", "--field"},
      paramLabel = "KEY=VALUE",
      description = "A typed value: true, false, null, a whole number, @FILE, or a string.")
  List<String> typed = List.of();

  @Option(
      names = {"-H", "--header"},
      paramLabel = "NAME:VALUE",
      description = "Send this, too.")
  List<String> headers = List.of();

  @Option(names = "--input", paramLabel = "FILE", description = "The body, JSON; - is stdin.")
  String input;

  @Option(names = "--set", paramLabel = "PATH=VALUE", description = "Change a field of --input.")
  Map<String, String> changes = new LinkedHashMap<>();

  @Option(
      names = {"-a", "--app"},
      paramLabel = "NAME",
      description = "The app ($$APP_NAME).")
  String app;

  @Option(names = "--graphql", paramLabel = "QUERY", description = "A query; fields are variables.")
  String query;

  @Option(names = "--paginate", description = "Get all pages, and join their lists.")
  boolean paginate;

  @Option(
      names = {"-i", "--include"},
      description = "Print status and headers, too.")
  boolean include;

  @Option(names = "--ops", description = "List the operations, or those that match PATH.")
  boolean ops;

  public static void main(String... args) {
    Cli.main(new Api(), args);
  }

  @Override
  public void run() {
    if (ops) {
      Operations.found(target == null ? "" : target).forEach(this::list);
      return;
    }

    // 1. Build the request.
    var request = request();
    if (cli.dryRun) {
      request.show(cli.fly());
      return;
    }

    // 2. Send it. The answer goes to stdout, be it a refusal or not.
    if (paginate) {
      print(request.allPages(cli.deadline));
      return;
    }
    var answer = request.send(cli.deadline);
    var failure = request.failure(answer);
    if (include) cli.out().println(answer.head());
    var read = answer.json();
    if (read == null && !answer.body().isBlank()) cli.out().println(answer.body());
    if (failure == null) print(read);
    else if (read != null) cli.out().println(Fly.pretty(read));
    cli.out().flush();
    if (failure != null) throw failure;
  }

  private RawRequest request() {
    if (query != null) target = "graphql";
    var call = new Call(target, method, app);
    if (query != null) call.field("query=" + query, false);
    if (input != null) call.body(Fields.json(input));
    texts.forEach(field -> call.field(field, false));
    typed.forEach(field -> call.field(field, true));
    headers.forEach(call::header);
    call.change(body -> Template.set(body, changes, cli::warn), !changes.isEmpty());
    return call.request(paginate);
  }

  private void print(JsonNode answer) {
    if (answer != null) cli.json(answer);
  }

  private void list(Operations.Operation operation) {
    cli.out().printf("%-30s %-6s %s%n", operation.id(), operation.method(), operation.path());
    if (target == null) return;
    cli.out().println("    " + operation.summary());
    if (!operation.query().isEmpty()) cli.out().println("    query: " + operation.query());
    if (!operation.body().isEmpty()) cli.out().println("    body: " + operation.body());
  }
}
