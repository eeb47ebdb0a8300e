//SOURCES ../../Fly.java ../http/ErrorBodies.java ../http/Json.java ../model/AccessToken.java ../model/ApiError.java
//SOURCES ../model/JsonNodes.java ../model/Org.java
package fly.sandbox.api;

import static fly.sandbox.http.Json.body;
import static fly.sandbox.http.Json.json;
import static fly.sandbox.model.JsonNodes.object;
import static fly.sandbox.model.JsonNodes.string;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.Fly;
import fly.sandbox.http.ErrorBodies;
import fly.sandbox.model.AccessToken;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.Org;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;

/** Tokens: the sandbox has one, and it may do everything. */
public final class TokensApi {
  private final AccessToken token;

  public TokensApi(AccessToken token) {
    this.token = token;
  }

  public void routes(RoutesConfig routes) {
    routes.get("/v1/tokens/current", json(x -> currentToken()));
    routes.post("/v1/tokens/authenticate", json(this::authenticate));
    routes.post("/v1/tokens/authorize", json(this::authorize));
    routes.post("/v1/tokens/kms", ErrorBodies::notHere);
    routes.post("/v1/tokens/oidc", ErrorBodies::notHere);
  }

  private static JsonNode currentToken() {
    var answer = object();
    var own =
        answer
            .putArray("tokens")
            .addObject()
            .put("token_id", "sandbox")
            .put("organization", Org.ID)
            .put("org_slug", Org.SLUG)
            .put("user", "you@sandbox.invalid");
    own.putArray("apps");
    return answer;
  }

  private JsonNode authenticate(Context x) {
    var header = requireHeader(body(x, "TokenHeader"));
    var answer = Fly.JSON.createArrayNode();
    answer.addObject().put("header", header);
    return answer;
  }

  private JsonNode authorize(Context x) {
    var request = body(x, "TokenHeader");
    var header = requireHeader(request);
    var answer = object();
    answer.set("access", request.path("access").isObject() ? request.path("access") : object());
    answer.putObject("verified_token").put("header", header);
    return answer;
  }

  private String requireHeader(ObjectNode request) {
    var header = string(request, "header");
    if (header == null || !token.isIn(header)) {
      throw ApiError.invalidArgument("no valid token in header");
    }
    return header;
  }
}
