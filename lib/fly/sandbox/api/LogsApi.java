//SOURCES ../http/Json.java ../model/ApiError.java ../model/AppLogs.java ../model/JsonNodes.java
//SOURCES ../service/Organization.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.json;
import static fly.sandbox.model.JsonNodes.object;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.AppLogs;
import fly.sandbox.model.JsonNodes;
import fly.sandbox.service.Organization;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.function.Predicate;

/**
 * The logs as flyctl requests them (superfly/fly-go, resource_logs.go), at the host of GraphQL. A
 * page without {@code next_token} has the newest lines; each page's token leads to the lines after
 * it.
 */
public final class LogsApi {
  private static final int PAGE = 100;

  private final Organization organization;

  public LogsApi(Organization organization) {
    this.organization = organization;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/api/v1/apps/{app}/logs", json(this::logs));
  }

  private JsonNode logs(Context x) {
    var logs = organization.app(x.pathParam("app")).logs;
    var token = given(x, "next_token");
    if (token != null && !token.matches("\\d{1,18}|[0-8]\\d{18}")) {
      throw ApiError.invalid("next_token");
    }
    var newest = logs.last();
    var lines =
        token == null
            ? logs.newest(PAGE, wanted(x))
            : logs.after(Long.parseLong(token), PAGE, wanted(x));
    var answer = object();
    answer.set("data", JsonNodes.list(lines, LogsApi::entry));
    var next =
        !lines.isEmpty()
            ? String.valueOf(lines.get(lines.size() - 1).id())
            : token != null ? token : String.valueOf(newest);
    answer.putObject("meta").put("next_token", next);
    return answer;
  }

  private static Predicate<AppLogs.Line> wanted(Context x) {
    var instance = given(x, "instance");
    var region = given(x, "region");
    return line ->
        (instance == null || instance.equals(line.instance()))
            && (region == null || region.equals(line.region()));
  }

  /** Clients also send empty parameters. */
  private static String given(Context x, String name) {
    var value = x.queryParam(name);
    return value == null || value.isEmpty() ? null : value;
  }

  private static ObjectNode entry(AppLogs.Line line) {
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
