//SOURCES ../Ensure.java ../Fly.java ../Story.java Fleet.java
package fly.fleet;

import fly.Ensure;
import fly.Fly;
import fly.Story;
import java.util.List;

/** The app of one user's environment: with addresses, so that the internet reaches it. */
public final class FleetApp {
  private FleetApp() {}

  /** Creates the app of each member; one that fails is named, and its member fails later. */
  public static void ensureAll(
      Fly fly, Story story, List<Fleet.Member> members, String organization) {
    var apps = members.stream().map(Fleet.Member::app).toList();
    var atOnce = fly.dryRun() ? 1 : 20; // one by one, the requests are printed in order
    var failures = fly.each(apps, atOnce, app -> ensure(fly, story, app, organization));
    failures.forEach((app, e) -> story.insist("warning: %s: %s (%s)", app, e.what, e.why));
  }

  /** Creates the app and its addresses, unless they are there. */
  public static void ensure(Fly fly, Story story, String app, String organization) {
    var ensure = new Ensure(fly, story);
    var request = Fly.JSON.createObjectNode().put("app_name", app);
    ensure.app(app, request.put("org_slug", organization));
    for (var type : List.of("shared_v4", "v6")) {
      if (ensure.address(app, type).isEmpty()) ensure.allocate(app, type);
    }
  }
}
