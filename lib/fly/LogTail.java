//SOURCES Fly.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The log lines of an app, of one Machine or of one region, page after page. A page may repeat
 * lines of the page before; each line comes once.
 */
public final class LogTail {
  private final Fly fly;
  private final String path;
  private final Object[] ids;
  private String token = "";
  private Set<JsonNode> seen = Set.of();

  /**
   * @param machine null for all
   * @param region null for all
   */
  public LogTail(Fly fly, String app, String machine, String region) {
    var path = new StringBuilder("/api/v1/apps/{app}/logs?next_token={token}");
    var more = new ArrayList<Object>(List.of(app, ""));
    if (machine != null) {
      path.append("&instance={machine}");
      more.add(machine);
    }
    if (region != null) {
      path.append("&region={region}");
      more.add(region);
    }
    this.fly = fly;
    this.path = path.toString();
    this.ids = more.toArray();
  }

  /** The lines since the last call; the first call returns the newest, 100 at most. */
  public List<JsonNode> next() {
    ids[1] = token;
    var page = fly.getCentral(path, ids);
    var next = page.at("/meta/next_token").asText("");
    if (!next.isEmpty()) token = next;
    var lines = new ArrayList<JsonNode>();
    var here = new HashSet<JsonNode>();
    for (var line : page.path("data")) {
      here.add(line);
      if (!seen.contains(line)) lines.add(line.path("attributes"));
    }
    seen = here;
    return lines;
  }
}
