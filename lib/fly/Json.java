package fly;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.PrettyPrinter;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BigIntegerNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads and writes Jackson's trees of JSON without its {@link ObjectMapper}, whose start takes as
 * long as all else in a dry run. The methods have the mapper's names.
 *
 * <p>A text is one JSON value and nothing behind it: "404 page not found" is not the number 404.
 */
public final class Json {
  private static final JsonFactory LENIENT =
      JsonFactory.builder().enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN).build();

  /** Refuses a key that is given twice in one object. */
  private static final JsonFactory UNAMBIGUOUS =
      LENIENT.rebuild().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** Takes the last value of a key that is given twice. */
  static final Json USUAL = new Json(LENIENT, false);

  /** Refuses a key that is given twice in one object. */
  static final Json STRICT = new Json(UNAMBIGUOUS, false);

  /** The same, and keeps the digits of decimals. */
  static final Json EXACT = new Json(UNAMBIGUOUS, true);

  private static final DefaultPrettyPrinter PRETTY =
      new DefaultPrettyPrinter(
              DefaultPrettyPrinter.DEFAULT_SEPARATORS
                  .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                  .withObjectEmptySeparator("")
                  .withArrayEmptySeparator(""))
          .withArrayIndenter(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);

  private final JsonFactory factory;
  private final boolean exact;

  private Json(JsonFactory factory, boolean exact) {
    this.factory = factory;
    this.exact = exact;
  }

  /** Jackson's mapper with the same rules, for records, maps and other classes. */
  public ObjectMapper mapper() {
    return Mapper.MAPPER;
  }

  private static final class Mapper {
    static final ObjectMapper MAPPER =
        new ObjectMapper(LENIENT.copy()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  }

  public ObjectNode createObjectNode() {
    return JsonNodeFactory.instance.objectNode();
  }

  public ArrayNode createArrayNode() {
    return JsonNodeFactory.instance.arrayNode();
  }

  public JsonNode nullNode() {
    return NullNode.getInstance();
  }

  public JsonNode missingNode() {
    return MissingNode.getInstance();
  }

  /**
   * The value of a text; a {@link MissingNode} for a blank one.
   *
   * @throws JsonProcessingException if it is not one JSON value, with line and column
   */
  public JsonNode readTree(String text) throws JsonProcessingException {
    try (var parser = factory.createParser(text)) {
      return only(parser);
    } catch (JsonProcessingException e) {
      throw e;
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a text in memory has no other failure
    }
  }

  /**
   * The value of a text in UTF-8; a {@link MissingNode} for a blank one.
   *
   * @throws IOException if it is not one JSON value
   */
  public JsonNode readTree(byte[] text) throws IOException {
    try (var parser = factory.createParser(text)) {
      return only(parser);
    }
  }

  /** All values of a text that holds several, one behind the other. */
  public List<JsonNode> readTrees(String text) throws JsonProcessingException {
    try (var parser = factory.createParser(text)) {
      var values = new ArrayList<JsonNode>();
      while (parser.nextToken() != null) values.add(value(parser));
      return values;
    } catch (JsonProcessingException e) {
      throw e;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode only(JsonParser parser) throws IOException {
    if (parser.nextToken() == null) return missingNode();
    var value = value(parser);
    if (parser.nextToken() == null) return value;
    throw new JsonParseException(parser, "More follows behind the JSON value");
  }

  /** The value that begins with the current token. A parser refuses a depth over 1,000. */
  private JsonNode value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        var object = createObjectNode();
        for (var name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
          parser.nextToken();
          object.set(name, value(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        var array = createArrayNode();
        while (parser.nextToken() != JsonToken.END_ARRAY) array.add(value(parser));
        yield array;
      }
      case VALUE_STRING -> TextNode.valueOf(parser.getText());
      case VALUE_NUMBER_INT ->
          switch (parser.getNumberType()) {
            case INT -> IntNode.valueOf(parser.getIntValue());
            case LONG -> LongNode.valueOf(parser.getLongValue());
            default -> BigIntegerNode.valueOf(parser.getBigIntegerValue());
          };
      case VALUE_NUMBER_FLOAT ->
          exact
              ? DecimalNode.valueOf(parser.getDecimalValue())
              : DoubleNode.valueOf(parser.getDoubleValue());
      case VALUE_TRUE -> BooleanNode.TRUE;
      case VALUE_FALSE -> BooleanNode.FALSE;
      default -> nullNode();
    };
  }

  /** JSON in one line. */
  static String line(JsonNode json) {
    return text(json, null);
  }

  /** JSON as people write it, indented by two. */
  static String pretty(JsonNode json) {
    return text(json, PRETTY.createInstance());
  }

  /** A tree's own toString() would build a mapper. */
  private static String text(JsonNode json, PrettyPrinter printer) {
    var out = new StringWriter();
    try (var generator = LENIENT.createGenerator(out)) {
      write(json, generator.setPrettyPrinter(printer));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString();
  }

  /** JSON in one line of UTF-8. */
  public byte[] writeValueAsBytes(JsonNode json) {
    var out = new ByteArrayOutputStream();
    try (var generator = LENIENT.createGenerator(out)) {
      write(json, generator);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static void write(JsonNode json, JsonGenerator out) throws IOException {
    if (json.isObject()) {
      out.writeStartObject();
      for (var field : json.properties()) {
        out.writeFieldName(field.getKey());
        write(field.getValue(), out);
      }
      out.writeEndObject();
    } else if (json.isArray()) {
      out.writeStartArray();
      for (var item : json) write(item, out);
      out.writeEndArray();
    } else if (json.isNull()) {
      out.writeNull();
    } else {
      json.serialize(out, null); // texts, numbers and booleans ask for no settings
    }
  }
}
