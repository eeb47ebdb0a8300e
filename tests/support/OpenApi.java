//DEPS com.networknt:json-schema-validator:2.0.4
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import com.networknt.schema.path.PathType;
import fly.Fly;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Holds requests and answers against Fly.io's OpenAPI document of the Machines API.
 *
 * <p>The document is loose: hardly a schema names the fields that must be there, and none forbids
 * any. Here an object may have its declared properties only. {@code openapi-overlay.json} names the
 * fields that clients need, and each known difference between Fly.io and the document, with its
 * reason.
 *
 * <p>A finding is a sentence, such as {@code POST /v1/apps/x/machines answer 200: $.config.foo is
 * not in fly.MachineConfig}. No findings, no objections.
 */
final class OpenApi {
  /** The document is no part of the repository; {@code FLY_SHARED} is its folder. */
  static final Path DOCUMENT =
      Optional.ofNullable(System.getenv("FLY_SHARED"))
          .map(Path::of)
          .orElse(Sh.ROOT.resolve("../shared"))
          .resolve("spec/machines-openapi3.json");

  static final Path OVERLAY = Sh.ROOT.resolve("tests/support/openapi-overlay.json");

  private static final List<String> METHODS = List.of("get", "post", "put", "patch", "delete");

  /** The keywords that the validator checks; the rest of a schema is for people. */
  private static final List<String> KEYWORDS =
      List.of(
          "$ref",
          "additionalProperties",
          "allOf",
          "enum",
          "format",
          "items",
          "pattern",
          "patternProperties",
          "properties",
          "required",
          "type");

  /**
   * @param method in capitals
   * @param path a template below {@link #base}, such as {@code /apps/{app_name}}
   */
  record Operation(String method, String path, String id) {
    @Override
    public String toString() {
      return method + " " + path;
    }
  }

  private final JsonNode document;
  private final JsonNode overlay;
  private final ObjectNode schemas = Fly.JSON.createObjectNode();
  private final List<Operation> operations = new ArrayList<>();
  private final Map<JsonNode, Schema> compiled = new ConcurrentHashMap<>();
  private final SchemaRegistry registry =
      SchemaRegistry.withDefaultDialect(
          SpecificationVersion.DRAFT_2020_12,
          builder ->
              builder.schemaRegistryConfig(
                  SchemaRegistryConfig.builder()
                      .pathType(PathType.JSON_PATH)
                      .formatAssertionsEnabled(true)
                      .build()));

  OpenApi(JsonNode document, JsonNode overlay) {
    this.document = document;
    this.overlay = overlay;
    for (var schema : document.at("/components/schemas").properties()) {
      schemas.set(schema.getKey(), strict(schema.getValue()));
    }
    for (var entry : overlay.path("schemas")) amend(entry);
    for (var path : document.path("paths").properties()) {
      for (var method : METHODS) {
        var operation = path.getValue().path(method);
        if (operation.isMissingNode()) continue;
        operations.add(
            new Operation(
                method.toUpperCase(Locale.ROOT),
                path.getKey(),
                operation.path("operationId").asText()));
      }
    }
  }

  /** Loads the document; without it the test is skipped. */
  static OpenApi load() {
    assumeTrue(
        Files.exists(DOCUMENT),
        "no " + DOCUMENT.normalize() + "; FLY_SHARED says where else it is");
    return new OpenApi(read(DOCUMENT), read(OVERLAY));
  }

  /** All operations of the document, in its order. */
  List<Operation> operations() {
    return operations;
  }

  /** The prefix of every path: {@code /v1}. */
  String base() {
    return document.at("/servers/0/url").asText().replaceFirst("^https?://[^/]+", "");
  }

  Optional<Operation> operation(String method, String path) {
    return operations.stream()
        .filter(operation -> operation.method().equals(method))
        .filter(operation -> path.matches(base() + pattern(operation.path())))
        .max((a, b) -> literals(a) - literals(b)); // /apps/x/certificates/acme is no {hostname}
  }

  /**
   * @param path as sent, with {@code /v1}, without the query
   * @param query as sent, or null
   * @param body as sent; null or empty if there was none
   */
  List<String> request(String method, String path, String query, String body) {
    var label = method + " " + path + " request";
    var operation = operation(method, path);
    if (operation.isEmpty()) return undeclared(method, path);
    var findings = new ArrayList<String>();
    for (var message : schema(query(operation.get())).validate(values(operation.get(), query))) {
      findings.add(label + ": " + sentence(message).replaceFirst("^\\$\\.", "?"));
    }
    var schema = at(operation.get(), "/requestBody/content/application~1json/schema");
    if (body == null || body.isEmpty()) {
      if (needsBody(schema)) findings.add(label + ": has no body");
    } else if (schema.isMissingNode()) {
      findings.add(label + ": has a body, and none is declared");
    } else {
      findings.addAll(check(label, body, strict(schema)));
    }
    return findings;
  }

  /**
   * @param query of the request, or null: it may change the answer
   * @param body as received; null or empty if there was none
   */
  List<String> answer(String method, String path, String query, int status, String body) {
    var label = "%s %s answer %d".formatted(method, path, status);
    var operation = operation(method, path);
    if (operation.isEmpty()) return undeclared(method, path);
    var schema = answer(operation.get(), String.valueOf(query), status);
    if (schema == null) return List.of(label + ": is not declared for " + operation.get());
    if (schema.isMissingNode()) {
      return body == null || body.isEmpty()
          ? List.of()
          : List.of(label + ": has a body, and none is declared");
    }
    if (body == null || body.isEmpty()) return List.of(label + ": has no body");
    if (schema.equals(TEXT)) return List.of();
    return check(label, body, strict(schema));
  }

  /** Entries of the overlay that say nothing: about what is not there, or what is so anyway. */
  List<String> idleOverlay() {
    var idle = new ArrayList<String>();
    for (var entry : overlay.path("schemas")) {
      var name = entry.path("of").asText();
      var declared = document.at("/components/schemas/" + name);
      if (declared.isMissingNode()) idle.add("there is no schema " + name);
      for (var property : entry.path("properties").properties()) {
        if (property.getValue().equals(declared.path("properties").get(property.getKey()))) {
          idle.add(name + "." + property.getKey() + " is declared so");
        }
      }
      for (var list : List.of("needs", "nullable")) {
        for (var property : entry.path(list)) {
          if (!property.asText().equals("*") && !schemas.at(property(name, property)).isObject()) {
            idle.add(name + " has no " + property.asText());
          }
        }
      }
    }
    for (var entry : overlay.path("queries")) {
      if (matching(entry).isEmpty()) idle.add("no operation is " + entry.path("of"));
    }
    for (var entry : overlay.path("answers")) {
      var differs =
          matching(entry).stream()
              .anyMatch(operation -> !entry.path("schema").equals(declared(operation, entry)));
      if (!differs) idle.add(entry.path("of") + " is declared so");
    }
    return idle;
  }

  private static final JsonNode TEXT = Fly.JSON.createObjectNode().put("type", "string");

  private List<String> undeclared(String method, String path) {
    return List.of(method + " " + path + ": is not in the document");
  }

  private JsonNode at(Operation operation, String pointer) {
    return document
        .path("paths")
        .path(operation.path())
        .path(operation.method().toLowerCase(Locale.ROOT))
        .at(pointer);
  }

  /** The schema of an answer's body; missing if it has none; null if it is not declared. */
  private JsonNode answer(Operation operation, String query, int status) {
    JsonNode found = null;
    var declared = at(operation, "/responses/" + status);
    if (!declared.isMissingNode()) {
      var json = declared.at("/content/application~1json/schema");
      found = json.isMissingNode() ? declared.at("/content/text~1plain/schema") : json;
    }
    for (var entry : overlay.path("answers")) {
      var statuses = entry.path("statuses");
      var asked = entry.path("query").asText();
      if (matches(entry, operation)
          && contains(statuses, String.valueOf(status))
          && (asked.isEmpty() || List.of(query.split("&")).contains(asked))) {
        found = entry.path("schema");
      }
    }
    return found;
  }

  private JsonNode declared(Operation operation, JsonNode entry) {
    return at(
        operation,
        "/responses/" + entry.at("/statuses/0").asText() + "/content/application~1json/schema");
  }

  /** An operation's query parameters as the schema of an object. */
  private ObjectNode query(Operation operation) {
    var schema = Fly.JSON.createObjectNode().put("type", "object");
    var properties = schema.putObject("properties");
    for (var parameter : at(operation, "/parameters")) {
      if (!parameter.path("in").asText().equals("query")) continue;
      properties.set(parameter.path("name").asText(), parameter.path("schema"));
      if (parameter.path("required").asBoolean()) {
        schema.withArray("/required").add(parameter.path("name"));
      }
    }
    for (var entry : overlay.path("queries")) {
      if (!matches(entry, operation)) continue;
      properties.setAll((ObjectNode) entry.path("properties"));
      if (entry.has("patternProperties")) {
        schema.set("patternProperties", entry.path("patternProperties"));
      }
    }
    return schema.put("additionalProperties", false);
  }

  /** The parameters; one that is sent several times is one value with commas. */
  private ObjectNode values(Operation operation, String query) {
    var values = Fly.JSON.createObjectNode();
    for (var pair : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
      var parts = pair.split("=", 2);
      var name = URLDecoder.decode(parts[0], StandardCharsets.UTF_8);
      var value = URLDecoder.decode(parts.length == 1 ? "" : parts[1], StandardCharsets.UTF_8);
      values.put(name, values.has(name) ? values.path(name).asText() + "," + value : value);
    }
    var properties = query(operation).path("properties");
    for (var value : List.copyOf(values.properties())) {
      var type = properties.path(value.getKey()).path("type").asText();
      var text = value.getValue().asText();
      if (type.equals("integer") && text.matches("-?\\d{1,18}")) {
        values.put(value.getKey(), Long.parseLong(text));
      } else if (type.equals("boolean") && text.matches("true|false")) {
        values.put(value.getKey(), Boolean.parseBoolean(text));
      }
    }
    return values;
  }

  private boolean needsBody(JsonNode schema) {
    var name = schema.path("$ref").asText().replaceFirst(".*/", "");
    return schemas.path(name).path("required").size() > 0;
  }

  private List<String> check(String label, String body, JsonNode schema) {
    JsonNode json;
    try {
      json = Fly.JSON.readTree(body);
    } catch (JsonProcessingException e) {
      return List.of(label + ": is not JSON: " + body.lines().findFirst().orElse(""));
    }
    return schema(schema).validate(json).stream()
        .map(message -> label + ": " + sentence(message))
        .distinct()
        .toList();
  }

  private Schema schema(JsonNode schema) {
    return compiled.computeIfAbsent(
        schema,
        key -> {
          var whole = Fly.JSON.createObjectNode();
          whole.setAll((ObjectNode) schema);
          whole.putObject("components").set("schemas", schemas);
          return registry.getSchema(whole);
        });
  }

  private static String sentence(Error message) {
    var names =
        Pattern.compile("/components/schemas/([^/]+)")
            .matcher(message.getSchemaLocation().toString());
    var name = names.find() ? names.group(1) : "the document";
    var at = message.getInstanceLocation();
    var where = at + "." + message.getProperty();
    return switch (message.getKeyword()) {
      case "additionalProperties" -> where + " is not in " + name;
      case "required" -> where + " is missing, and " + name + " needs it";
      case "type" -> {
        var types = message.getArguments();
        yield "%s: %s found, %s expected (%s)".formatted(at, types[0], types[1], name);
      }
      default ->
          "%s: %s does not satisfy %s %s (%s)"
              .formatted(
                  at,
                  message.getInstanceNode(),
                  message.getKeyword(),
                  message.getSchemaNode(),
                  name);
    };
  }

  /**
   * A copy that forbids what it does not declare, and says {@code nullable} as JSON Schema does.
   */
  private static JsonNode strict(JsonNode schema) {
    if (!(schema instanceof ObjectNode)) return schema;
    var strict = Fly.JSON.createObjectNode();
    for (var keyword : schema.properties()) {
      if (!KEYWORDS.contains(keyword.getKey())) continue;
      strict.set(
          keyword.getKey(),
          switch (keyword.getKey()) {
            case "properties", "patternProperties" -> strictEach(keyword.getValue());
            case "allOf" -> strictAll(keyword.getValue());
            case "items", "additionalProperties" -> strict(keyword.getValue());
            default -> keyword.getValue();
          });
    }
    // The document's way to describe a $ref; its type is "object" even where that is an enum.
    if (strict.has("allOf")) strict.remove("type");
    if (strict.has("properties") && !strict.has("additionalProperties")) {
      strict.put("additionalProperties", false);
    }
    return schema.path("nullable").asBoolean() ? nullable(strict) : strict;
  }

  private static ObjectNode strictEach(JsonNode schemas) {
    var strict = Fly.JSON.createObjectNode();
    for (var schema : schemas.properties()) strict.set(schema.getKey(), strict(schema.getValue()));
    return strict;
  }

  private static ArrayNode strictAll(JsonNode schemas) {
    var strict = Fly.JSON.createArrayNode();
    for (var schema : schemas) strict.add(strict(schema));
    return strict;
  }

  private static ObjectNode nullable(JsonNode schema) {
    var nullable = Fly.JSON.createObjectNode();
    nullable.putObject("if").put("type", "null");
    return nullable.set("else", schema);
  }

  private void amend(JsonNode entry) {
    var of = entry.path("of").asText();
    if (entry.has("replaces")) schemas.set(of, strict(entry.path("replaces")));
    if (!(schemas.get(of) instanceof ObjectNode schema) || !schema.has("properties")) return;
    var properties = schema.withObject("/properties");
    properties.setAll(strictEach(entry.path("properties")));
    for (var name : entry.path("needs")) schema.withArray("/required").add(name);
    for (var name : entry.path("nullable")) {
      for (var property : List.copyOf(properties.properties())) {
        if (!name.asText().equals("*") && !name.asText().equals(property.getKey())) continue;
        properties.set(property.getKey(), nullable(property.getValue()));
      }
    }
  }

  private List<Operation> matching(JsonNode entry) {
    return operations.stream().filter(operation -> matches(entry, operation)).toList();
  }

  /** The overlay names operations as {@code POST /apps}; a {@code *} is anything. */
  private static boolean matches(JsonNode entry, Operation operation) {
    return StreamSupport.stream(entry.path("of").spliterator(), false)
        .anyMatch(
            name ->
                Stream.of(name.asText().split("\\*", -1))
                    .map(Pattern::quote)
                    .collect(
                        Collectors.collectingAndThen(Collectors.joining(".*"), Pattern::compile))
                    .matcher(operation.toString())
                    .matches());
  }

  private static boolean contains(JsonNode list, String text) {
    return StreamSupport.stream(list.spliterator(), false)
        .anyMatch(item -> item.asText().equals(text));
  }

  private static String property(String schema, JsonNode name) {
    return "/" + schema + "/properties/" + name.asText();
  }

  private static String pattern(String template) {
    return Stream.of(template.split("\\{\\w+}", -1))
        .map(Pattern::quote)
        .collect(Collectors.joining("[^/]+"));
  }

  private static int literals(Operation operation) {
    return operation.path().replaceAll("\\{\\w+}", "").length();
  }

  private static JsonNode read(Path file) {
    try {
      return Fly.JSON.readTree(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
