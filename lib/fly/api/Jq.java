//SOURCES ../Fly.java ../FlyException.java
//DEPS net.thisptr:jackson-jq:1.6.2
package fly.api;

import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import java.util.ArrayList;
import java.util.List;
import net.thisptr.jackson.jq.BuiltinFunctionLoader;
import net.thisptr.jackson.jq.JsonQuery;
import net.thisptr.jackson.jq.Scope;
import net.thisptr.jackson.jq.Versions;
import net.thisptr.jackson.jq.exception.JsonQueryException;

/** A jq expression, version 1.6 of the language. */
public final class Jq {
  private final JsonQuery query;
  private final Scope scope = Scope.newEmptyScope();
  private final String text;

  /** Refuses an expression that is none. */
  public Jq(String text) {
    this.text = text;
    try {
      query = JsonQuery.compile(text, Versions.JQ_1_6);
    } catch (JsonQueryException e) {
      throw FlyException.usage("--jq " + text + " is no jq expression", first(e), "--jq '.[].id'");
    }
    BuiltinFunctionLoader.getInstance().loadFunctions(Versions.JQ_1_6, scope);
  }

  /** The results as lines: a string is bare, other values are JSON. */
  public List<String> apply(JsonNode json) {
    var lines = new ArrayList<String>();
    try {
      query.apply(
          scope, json, value -> lines.add(value.isTextual() ? value.asText() : Fly.pretty(value)));
    } catch (JsonQueryException e) {
      throw new FlyException("--jq " + text + " failed", first(e), "look at it without --jq");
    }
    return lines;
  }

  private static String first(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
