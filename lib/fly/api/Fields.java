//SOURCES ../Fly.java ../FlyException.java ../TextFile.java
package fly.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import fly.Fly;
import fly.FlyException;
import fly.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Fields of a request as {@code gh api} takes them: {@code a=1}, {@code a[b]=1} for a field of an
 * object, {@code a[]=1} for an element of a list, {@code a[]} for an empty list.
 */
public final class Fields {
  private static final Pattern KEY = Pattern.compile("([^\\[\\]]+)((?:\\[[^\\[\\]]*])*)");

  private Fields() {}

  /** {@code true}, {@code false}, {@code null} and whole numbers typed; {@code @file} is read. */
  public static JsonNode typed(String value) {
    if (value.startsWith("@")) return TextNode.valueOf(read(value.substring(1)));
    if (value.matches("true|false")) return BooleanNode.valueOf(Boolean.parseBoolean(value));
    if (value.equals("null")) return NullNode.getInstance();
    if (value.matches("-?\\d{1,18}")) return LongNode.valueOf(Long.parseLong(value));
    return TextNode.valueOf(value);
  }

  /** Puts one field, {@code KEY=VALUE}, into the body; a field that is there already is refused. */
  public static void put(ObjectNode body, String field, boolean typed) {
    var equals = field.indexOf('=');
    var emptyList = equals < 0 && field.endsWith("[]");
    if (equals <= 0 && !emptyList) throw wrong(field, "KEY=VALUE was expected");
    var key = KEY.matcher(emptyList ? field : field.substring(0, equals));
    if (!key.matches()) throw wrong(field, "brackets are a[b]=VALUE or a[]=VALUE");
    var names = new ArrayList<String>(List.of(key.group(1)));
    for (var part : key.group(2).split("[\\[\\]]+", -1)) if (!part.isEmpty()) names.add(part);
    var list = key.group(2).endsWith("[]");
    if (key.group(2).replaceFirst("\\[]$", "").contains("[]")) {
      throw wrong(field, "a list of objects is too much for fields");
    }
    var parent = body;
    for (var name : names.subList(0, names.size() - 1)) {
      var child = parent.path(name);
      if (!child.isMissingNode() && !child.isObject()) throw twice(field, name);
      parent = child.isObject() ? (ObjectNode) child : parent.putObject(name);
    }
    var name = names.get(names.size() - 1);
    var old = parent.path(name);
    if (!old.isMissingNode() && !(list && old.isArray())) throw twice(field, name);
    var text = emptyList ? "" : field.substring(equals + 1);
    var value = typed ? typed(text) : TextNode.valueOf(text);
    if (!list) {
      parent.set(name, value);
    } else {
      var array = old instanceof ArrayNode there ? there : parent.putArray(name);
      if (!emptyList) array.add(value);
    }
  }

  /** A file's text; {@code -} is stdin. */
  public static String read(String file) {
    return file.equals("-") ? TextFile.stdin() : TextFile.read(Path.of(file));
  }

  /** A request body from a file; {@code -} is stdin. */
  public static JsonNode json(String file) {
    try {
      return Fly.JSON.readTree(read(file));
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw FlyException.usage(file + " is not JSON", e.getOriginalMessage(), "--input FILE");
    }
  }

  private static FlyException twice(String field, String name) {
    return wrong(field, name + " has a value already, and a field is given once");
  }

  private static FlyException wrong(String field, String why) {
    return FlyException.usage(
        "cannot take the field " + field, why, "-f name=text or -F count=1; --input FILE for more");
  }
}
