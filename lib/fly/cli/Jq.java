//SOURCES ../FlyException.java
//DEPS net.thisptr:jackson-jq:1.6.2
package fly.cli;

import com.fasterxml.jackson.databind.JsonNode;
import fly.FlyException;
import java.util.ArrayList;
import java.util.List;
import net.thisptr.jackson.jq.BuiltinFunctionLoader;
import net.thisptr.jackson.jq.JsonQuery;
import net.thisptr.jackson.jq.Scope;
import net.thisptr.jackson.jq.Versions;
import net.thisptr.jackson.jq.exception.JsonQueryException;

/** A jq expression, version 1.6 of the language. */
final class Jq {
  private final JsonQuery query;
  private final Scope scope = Scope.newEmptyScope();
  private final String text;

  /** Refuses an expression that is none. */
  Jq(String text) {
    this.text = text;
    try {
      query = JsonQuery.compile(text, Versions.JQ_1_6);
    } catch (JsonQueryException e) {
      throw FlyException.usage("--jq " + text + " is no jq expression", first(e), "--jq '.[].id'");
    }
    BuiltinFunctionLoader.getInstance().loadFunctions(Versions.JQ_1_6, scope);
  }

  List<JsonNode> apply(JsonNode json) {
    var values = new ArrayList<JsonNode>();
    try {
      query.apply(scope, json, values::add);
    } catch (JsonQueryException e) {
      throw new FlyException(
          "--jq " + text + " failed",
          first(e),
          "the request is done; look at what is there, without --jq, before you run it again");
    }
    return values;
  }

  private static String first(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
