//SOURCES ../../Fly.java
package fly.mcp.launch;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import fly.Fly;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.function.Predicate;

/**
 * Adds and removes members of one object at the top of a JSON file that people edit, too. Comments,
 * order and blanks of all else stay as they are.
 */
final class JsoncEditor {
  private static final JsonFactory JSONC =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_JAVA_COMMENTS)
          .enable(JsonReadFeature.ALLOW_TRAILING_COMMA)
          .build();
  private static final ObjectMapper MAPPER = new ObjectMapper(JSONC);

  /** Position of an object in the text, and the end of its last member (-1 if it has none). */
  private record Place(int open, int close, int first, int lastEnd) {}

  /** Position of a member, and the end of the one before it (-1 for the first). */
  private record Member(int start, int value, int end, int before) {}

  private final String text;
  private Place root;
  private Place object;
  private Member member;

  /**
   * @param section the object's name, such as mcpServers
   * @param name the member's name
   * @throws JsonProcessingException if the text is not JSON, with line and column
   */
  private JsoncEditor(String text, String section, String name) throws JsonProcessingException {
    this.text = text;
    if (text.isBlank()) return;
    try (var parser = JSONC.createParser(new StringReader(text))) {
      require(parser, parser.nextToken());
      root =
          object(
              parser,
              section::equals,
              () -> {
                require(parser, parser.currentToken());
                object = object(parser, name::equals, null);
              });
      if (parser.nextToken() != null) throw broken(parser, "there is something behind the object");
    } catch (JsonProcessingException e) {
      throw e;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private interface Reader {
    void read() throws IOException;
  }

  /** Reads the object whose brace the parser has just read. */
  private Place object(JsonParser parser, Predicate<String> wanted, Reader reader)
      throws IOException {
    var open = offset(parser);
    var first = -1;
    var lastEnd = -1;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      var start = offset(parser);
      if (first < 0) first = start;
      var match = wanted.test(parser.currentName());
      parser.nextToken();
      var value = offset(parser);
      if (match && reader != null) {
        reader.read();
      } else {
        if (parser.currentToken().isStructStart()) parser.skipChildren();
        else parser.getText();
      }
      var end = (int) parser.currentLocation().getCharOffset();
      if (match && reader == null) member = new Member(start, value, end, lastEnd);
      lastEnd = end;
    }
    return new Place(open, offset(parser), first, lastEnd);
  }

  private static int offset(JsonParser parser) {
    return (int) parser.currentTokenLocation().getCharOffset();
  }

  private static void require(JsonParser parser, JsonToken token) throws IOException {
    if (token != JsonToken.START_OBJECT) throw broken(parser, "an object was expected");
  }

  private static com.fasterxml.jackson.core.JsonParseException broken(JsonParser p, String why) {
    return new com.fasterxml.jackson.core.JsonParseException(p, why);
  }

  /** The member's value; missing if there is none. */
  static JsonNode get(String text, String section, String name) throws JsonProcessingException {
    return text.isBlank() ? Fly.JSON.missingNode() : MAPPER.readTree(text).path(section).path(name);
  }

  /** The text with the member set to the value. */
  static String put(String text, String section, String name, JsonNode value)
      throws JsonProcessingException {
    var at = new JsoncEditor(text, section, name);
    var unit = at.unit();
    if (at.root == null) {
      var whole = Fly.JSON.createObjectNode();
      whole.putObject(section).set(name, value);
      return at.pretty(whole, "", unit) + at.newline();
    }
    if (at.member != null) {
      var indent = at.indentOf(at.member.start());
      return text.substring(0, at.member.value())
          + at.pretty(value, indent, unit)
          + text.substring(at.member.end());
    }
    if (at.object != null) {
      var indent = at.object.first() < 0 ? unit + unit : at.indentOf(at.object.first());
      return at.insert(at.object, indent, quoted(name) + ": " + at.pretty(value, indent, unit));
    }
    var members = Fly.JSON.createObjectNode();
    members.set(name, value);
    return at.insert(at.root, unit, quoted(section) + ": " + at.pretty(members, unit, unit));
  }

  /** The text without the member; the same text if there is none. */
  static String remove(String text, String section, String name) throws JsonProcessingException {
    var at = new JsoncEditor(text, section, name);
    if (at.member == null) return text;
    var start = at.member.start();
    while (start > 0 && " \t".indexOf(text.charAt(start - 1)) >= 0) start--;
    if (start > 0 && text.charAt(start - 1) == '\n') start--;
    if (start > 0 && text.charAt(start - 1) == '\r') start--;
    var end = at.member.end();
    var comma = at.commaAfter(end);
    if (comma >= 0) return text.substring(0, start) + text.substring(comma + 1);
    if (at.member.before() >= 0) {
      var before = at.commaAfter(at.member.before());
      return text.substring(0, before) + text.substring(before + 1, start) + text.substring(end);
    }
    var left = text.substring(at.object.open() + 1, start) + text.substring(end, at.object.close());
    return text.substring(0, at.object.open() + 1)
        + (left.isBlank() ? "" : left)
        + text.substring(at.object.close());
  }

  private String insert(Place place, String indent, String added) {
    if (place.lastEnd() < 0) {
      var inner = text.substring(place.open() + 1, place.close());
      return text.substring(0, place.open() + 1)
          + newline()
          + indent
          + added
          + (inner.isBlank() ? newline() + indentOf(place.open()) : inner)
          + text.substring(place.close());
    }
    var comma = commaAfter(place.lastEnd());
    var from = comma < 0 ? place.lastEnd() : comma + 1;
    var line = text.indexOf('\n', from);
    var rest = line < 0 || line > place.close() ? "x" : text.substring(from, line);
    var at =
        rest.strip().matches("(//.*|/\\*[^*]*\\*/)?") ? from + rest.stripTrailing().length() : from;
    return text.substring(0, place.lastEnd())
        + (comma < 0 ? "," : "")
        + text.substring(place.lastEnd(), at)
        + newline()
        + indent
        + added
        + lineEnd(place, at)
        + text.substring(at);
  }

  /** Moves a brace on the line of the former last member to a new line. */
  private String lineEnd(Place place, int at) {
    return text.substring(at, place.close()).contains("\n")
        ? ""
        : newline() + indentOf(place.open());
  }

  /** The comma behind a value, comments passed over; -1 if there is none. */
  private int commaAfter(int from) {
    for (int i = from; i < text.length(); i++) {
      var c = text.charAt(i);
      if (c == ',') return i;
      if (text.startsWith("//", i)) i = text.indexOf('\n', i);
      else if (text.startsWith("/*", i)) i = text.indexOf("*/", i) + 1;
      else if (!Character.isWhitespace(c)) return -1;
    }
    return -1;
  }

  /** The blanks at the beginning of the line. */
  private String indentOf(int offset) {
    var start = text.lastIndexOf('\n', offset - 1) + 1;
    var end = start;
    while (end < offset && " \t".indexOf(text.charAt(end)) >= 0) end++;
    return text.substring(start, end);
  }

  private String unit() {
    var indent = root == null || root.first() < 0 ? "" : indentOf(root.first());
    return indent.isEmpty() ? "  " : indent;
  }

  private String newline() {
    return text.contains("\r\n") ? "\r\n" : "\n";
  }

  private String pretty(JsonNode value, String indent, String unit) throws JsonProcessingException {
    var printer =
        new DefaultPrettyPrinter(
            Separators.createDefaultInstance()
                .withObjectFieldValueSpacing(Separators.Spacing.AFTER));
    var indenter = new DefaultIndenter(unit, newline());
    printer.indentObjectsWith(indenter);
    return Fly.JSON.mapper().writer(printer).writeValueAsString(value).replace("\n", "\n" + indent);
  }

  private static String quoted(String name) throws JsonProcessingException {
    return Fly.JSON.mapper().writeValueAsString(name);
  }
}
