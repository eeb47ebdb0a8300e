//SOURCES ../../Fly.java
package fly.sandbox.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import java.util.Collection;
import java.util.regex.Pattern;

/** Hides values that look like secrets in JSON and in text for display. */
public final class Redaction {
  static final String HIDDEN = "***";

  private static final String SECRET =
      "(?:secret|token|passw|passphrase|pwd|credential|authorization|cookie|nonce|private|signature"
          + "|api_?key|access_?key|auth_?key|encryption_?key)";
  private static final Pattern NAME = Pattern.compile("(?i)" + SECRET + "|^(auth|key|pass)$");
  private static final Pattern ASSIGNED =
      Pattern.compile(
          "(?i)(" + SECRET + "[\\w-]{0,40}\"?\\s{0,4}[=:]\\s{0,4})(\"[^\"]*\"|[^\\s,;&]+)");
  private static final Pattern SCHEME =
      Pattern.compile("(?i)\\b(bearer|basic|flyv1)(\\s{1,4})[\\w.,=+/~-]+");
  private static final Pattern USER_INFO = Pattern.compile("://[^/@\\s]{1,400}@");

  private Redaction() {}

  /**
   * A copy without the values whose name looks secret, and without the contents of files.
   *
   * @param secrets values to hide
   */
  public static JsonNode json(JsonNode json, Collection<String> secrets) {
    if (json instanceof ObjectNode object) {
      var copy = Fly.JSON.createObjectNode();
      for (var field : object.properties()) {
        var name = field.getKey();
        var hidden = NAME.matcher(name).find() || name.equals("raw_value");
        copy.set(name, hidden ? hide(field.getValue()) : json(field.getValue(), secrets));
      }
      return copy;
    }
    if (json instanceof ArrayNode array) {
      var copy = Fly.JSON.createArrayNode();
      var option = false;
      for (var item : array) {
        copy.add(option && item.isTextual() ? hide(item) : json(item, secrets));
        option = item.asText().startsWith("-") && secretName(item.asText());
      }
      return copy;
    }
    return json.isTextual()
        ? JsonNodeFactory.instance.textNode(text(json.asText(), secrets))
        : json;
  }

  /** The same shape with no value in it. */
  static JsonNode hide(JsonNode json) {
    if (json instanceof ObjectNode object) {
      var copy = Fly.JSON.createObjectNode();
      object.properties().forEach(field -> copy.set(field.getKey(), hide(field.getValue())));
      return copy;
    }
    if (json instanceof ArrayNode array) {
      var copy = Fly.JSON.createArrayNode();
      array.forEach(item -> copy.add(hide(item)));
      return copy;
    }
    return json.isNull() || json.isBoolean() ? json : JsonNodeFactory.instance.textNode(HIDDEN);
  }

  /** A line without the values of secret names, and without any of the secrets. */
  public static String text(String text, Collection<String> secrets) {
    var masked = text;
    for (var secret : secrets) masked = masked.replace(secret, HIDDEN);
    masked = SCHEME.matcher(masked).replaceAll("$1$2***");
    masked = ASSIGNED.matcher(masked).replaceAll("$1***");
    return USER_INFO.matcher(masked).replaceAll("://***@");
  }

  public static boolean secretName(String name) {
    return NAME.matcher(name).find();
  }
}
