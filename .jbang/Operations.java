///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Derive lib/fly/api/operations.json from the OpenAPI document of the Machines API: ops FILE DATE.
//DEPS com.fasterxml.jackson.core:jackson-databind:2.23.0

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;

/** Keeps of the OpenAPI document what fly-api needs: an operation per line. */
class Operations {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String... args) throws Exception {
    if (args.length != 2) {
      System.err.println("error: ops FILE DATE expected\n  try: ./jbang ops openapi3.json 2026-05");
      System.exit(2);
    }
    var document = JSON.readTree(Path.of(args[0]).toFile());
    var lines = new ArrayList<String>();
    for (var path : document.path("paths").properties()) {
      for (var method : path.getValue().properties()) {
        lines.add(operation(document, path.getKey(), method.getKey(), method.getValue()));
      }
    }
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    Files.writeString(
        root.resolve("lib/fly/api/operations.json"),
        "{\"source\": \"OpenAPI document of the Machines API, https://docs.machines.dev\","
            + " \"date\": \"%s\", \"operations\": [\n".formatted(args[1])
            + String.join(",\n", lines)
            + "\n]}\n");
  }

  private static String operation(JsonNode document, String path, String method, JsonNode from) {
    var operation = JSON.createObjectNode().put("id", from.path("operationId").asText());
    operation.put("method", method.toUpperCase()).put("path", "/v1" + path);
    operation.put("summary", from.path("summary").asText().strip());
    for (var place : new String[] {"query", "header"}) {
      var names = operation.putArray(place);
      for (var parameter : from.path("parameters")) {
        if (parameter.path("in").asText().equals(place)) names.add(parameter.path("name").asText());
      }
      if (names.isEmpty()) operation.remove(place);
    }
    var schema = from.at("/requestBody/content/application~1json/schema");
    if (schema.has("$ref")) schema = document.at(schema.path("$ref").asText().substring(1));
    var body = operation.putArray("body");
    schema.path("properties").fieldNames().forEachRemaining(body::add);
    if (body.isEmpty()) operation.remove("body");
    return operation.toString();
  }
}
