//SOURCES ApiError.java Rest.java World.java
package fly.sandbox;

import static fly.sandbox.Rest.json;
import static fly.sandbox.Rest.object;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;

/** The organizations as flyctl asks for them beside GraphQL (superfly/fly-go, uiex). */
final class OrganizationsApi {
  void routes(RoutesConfig routes) {
    routes.get("/api/v1/organizations", json(x -> all()));
    routes.get("/api/v1/organizations/{slug}", json(OrganizationsApi::one));
  }

  private static ObjectNode all() {
    var answer = object();
    answer.putArray("organizations").add(organization());
    return answer;
  }

  private static ObjectNode one(Context x) {
    if (!List.of(World.ORG, "sandbox").contains(x.pathParam("slug"))) {
      throw new ApiError(404, "Could not find Organization");
    }
    return object().set("organization", organization());
  }

  private static ObjectNode organization() {
    return object()
        .put("id", World.ORG_ID)
        .put("internal_numeric_id", World.ORG_NUMBER)
        .put("slug", World.ORG)
        .put("raw_slug", "sandbox")
        .put("name", "Sandbox")
        .put("personal", true)
        .put("paid_plan", false)
        .put("billable", true)
        .put("billing_status", "CURRENT");
  }
}
