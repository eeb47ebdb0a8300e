//SOURCES ApiError.java Logs.java Rest.java World.java
package fly.sandbox;

import static fly.sandbox.Rest.json;
import static fly.sandbox.Rest.object;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.function.Predicate;

/**
 * The logs as flyctl asks for them (superfly/fly-go, resource_logs.go), below the address that has
 * GraphQL too. A page without {@code next_token} is the newest lines; each page's token leads to
 * what came after it.
 */
final class LogsApi {
  private static final int PAGE = 100;

  private final World world;

  LogsApi(World world) {
    this.world = world;
  }

  void routes(RoutesConfig routes) {
    routes.get("/api/v1/apps/{app}/logs", json(this::logs));
  }

  private JsonNode logs(Context x) {
    var logs = world.app(x.pathParam("app")).logs;
    var token = given(x, "next_token");
    if (token != null && !token.matches("\\d{1,18}|[0-8]\\d{18}")) {
      throw ApiError.invalid("invalid next_token");
    }
    var newest = logs.last();
    var lines =
        token == null
            ? logs.newest(PAGE, wanted(x))
            : logs.after(Long.parseLong(token), PAGE, wanted(x));
    var answer = object();
    answer.set("data", Rest.list(lines, LogsApi::entry));
    var next =
        !lines.isEmpty()
            ? String.valueOf(lines.get(lines.size() - 1).id())
            : token != null ? token : String.valueOf(newest);
    answer.putObject("meta").put("next_token", next);
    return answer;
  }

  private static Predicate<Logs.Line> wanted(Context x) {
    var instance = given(x, "instance");
    var region = given(x, "region");
    return line ->
        (instance == null || instance.equals(line.instance()))
            && (region == null || region.equals(line.region()));
  }

  /** Clients send empty ones, too. */
  private static String given(Context x, String name) {
    var value = x.queryParam(name);
    return value == null || value.isEmpty() ? null : value;
  }

  private static ObjectNode entry(Logs.Line line) {
    var json = object().put("id", String.valueOf(line.id())).put("type", "log");
    var attributes =
        json.putObject("attributes")
            .put("timestamp", line.at().toString())
            .put("message", line.message())
            .put("level", line.level())
            .put("instance", line.instance())
            .put("region", line.region());
    var meta =
        attributes.putObject("meta").put("instance", line.instance()).put("region", line.region());
    if (line.process() > 0) meta.put("process", line.process());
    meta.putObject("event").put("provider", line.provider());
    return json;
  }
}
