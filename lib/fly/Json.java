package fly;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;

/** Reads and writes JSON. */
final class Json {
  /** Takes one JSON value and nothing behind it: "404 page not found" is not the number 404. */
  static final ObjectMapper MAPPER =
      new ObjectMapper()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(JsonGenerator.Feature.WRITE_BIGDECIMAL_AS_PLAIN);

  private static final DefaultPrettyPrinter PRETTY =
      new DefaultPrettyPrinter(
              DefaultPrettyPrinter.DEFAULT_SEPARATORS
                  .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                  .withObjectEmptySeparator("")
                  .withArrayEmptySeparator(""))
          .withArrayIndenter(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);

  private Json() {}

  /** JSON in one line. Its own toString() would build a second mapper, which takes 20 ms. */
  static String line(JsonNode json) {
    return text(json, MAPPER.writer());
  }

  /** JSON as people write it, indented by two. */
  static String pretty(JsonNode json) {
    return text(json, MAPPER.writer(PRETTY));
  }

  private static String text(JsonNode json, ObjectWriter writer) {
    try {
      return writer.writeValueAsString(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
