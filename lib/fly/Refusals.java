//SOURCES Answer.java Deadline.java Durations.java FlyException.java Network.java Retry.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;

/** Words for failures: each with its reason, and with a next step that its reader can take. */
public final class Refusals {
  private Refusals() {}

  /** The request that failed. */
  record Request(String method, String url) {
    @Override
    public String toString() {
      return method + " " + Network.shown(url);
    }

    String host() {
      return Network.shown(url).replaceFirst("^(\\w+://[^/?#]+).*", "$1");
    }

    boolean loopback() {
      return Network.loopback(url.replaceFirst("^\\w+://(\\[[^]]*]|[^/:?#]*).*", "$1"));
    }
  }

  /**
   * Fly.io refused: {@code {"error": text, "status": text}}, or {@code {"message": text}} from some
   * central endpoints (superfly/fly-go, flaps_error.go).
   */
  static FlyException refused(Request request, Answer answer) {
    return refused(
        request.method, request.url, answer.status(), answer.requestId(), answer.refusal());
  }

  /**
   * @param body the answer, parsed
   */
  public static FlyException refused(
      String method, String url, int status, String requestId, JsonNode body) {
    var request = new Request(method, url);
    var message = message(body);
    var why = "%s (%d from %s%s)".formatted(message, status, request, id(requestId));
    if (status >= 300 && status < 400) {
      return new FlyException(
          request.host() + " sends the request elsewhere",
          "a redirect is not followed, because the token would go along: " + why,
          "the Machines API itself: export FLY_API_HOSTNAME=https://api.machines.dev",
          FlyException.REFUSED,
          status);
    }
    var refusal = Refusal.of(status, message, body.path("status").asText());
    return new FlyException(
        refusal.what.isEmpty() ? "Fly.io refused the request" : refusal.what,
        refusal.because.isEmpty() ? why : refusal.because + ": " + why,
        refusal.next.replaceFirst(
            "^fly-destroy-machine", "fly-destroy-machine" + machine(message + " " + url)),
        status == 401 || status == 403 ? FlyException.TOKEN : FlyException.REFUSED,
        status);
  }

  /** The id of a Machine that is named there, after a blank; or nothing. */
  private static String machine(String text) {
    var id = Pattern.compile("machine: ([0-9a-z]+)|/machines/([0-9a-z]+)").matcher(text);
    return !id.find() ? "" : " " + (id.group(1) == null ? id.group(2) : id.group(1));
  }

  /** GraphQL reports a failure inside a 200. */
  static FlyException refusedByGraphQl(Request request, Answer answer, JsonNode errors) {
    return refusedByGraphQl(request.url, answer.requestId(), errors);
  }

  /**
   * @param errors of the answer, at least one
   */
  public static FlyException refusedByGraphQl(String url, String requestId, JsonNode errors) {
    var request = new Request("POST", url);
    var message = errors.at("/0/message").asText("(no message)");
    var code = errors.at("/0/extensions/code").asText();
    var status =
        Map.of("UNAUTHORIZED", 401, "UNAUTHENTICATED", 401, "FORBIDDEN", 403, "NOT_FOUND", 404)
            .getOrDefault(code, 200);
    var refusal = Refusal.of(status, message, code);
    return new FlyException(
        refusal.what.isEmpty() ? "Fly.io refused the request" : refusal.what,
        "%s (%s in a 200 from %s%s)"
            .formatted(message, code.isEmpty() ? "an error" : code, request, id(requestId)),
        refusal.next,
        status == 401 || status == 403 ? FlyException.TOKEN : FlyException.REFUSED,
        status);
  }

  /** True if a GraphQL answer has data beside its errors, so something was done. */
  public static boolean partly(JsonNode answer) {
    for (var field : answer.path("data")) if (!field.isNull()) return true;
    return false;
  }

  /** The pages of a list lead back to one that was read. */
  public static FlyException endless(String list) {
    return new FlyException(
        "a list has no end",
        "the pages of %s name a next one that was read before".formatted(list),
        "again in a minute; https://status.flyio.net");
  }

  /** No whole answer came to a request that is sent once. */
  public static FlyException unanswered(String method, String url, Throwable cause) {
    var failure = Retry.of(cause);
    var problem = unanswered(new Request(method, url), failure, cause);
    var open = !method.equals("GET") && Retry.ambiguous(failure);
    return open ? ambiguous(problem) : problem;
  }

  static FlyException unanswered(Request request, Retry.Failure failure, Throwable cause) {
    return switch (failure) {
      case TLS -> Network.SYSTEM.tlsFailure(request.url, cause);
      case UNREACHED, PROXY -> unreached(request, cause);
      default -> cut(request, cause);
    };
  }

  /** Nothing was sent. */
  private static FlyException unreached(Request request, Throwable cause) {
    for (var each = cause; each != null; each = each.getCause()) {
      if (each instanceof Network.ProxyFailure proxy) return proxy.explained(request.url);
    }
    return new FlyException(
        "could not reach " + request.host(),
        "%s (%s)".formatted(FlyException.reason(cause), request),
        elsewhere(request));
  }

  /** The request was sent, and no whole answer came. */
  private static FlyException cut(Request request, Throwable cause) {
    return new FlyException(
        "no answer from " + request.host(),
        "%s (%s)".formatted(FlyException.reason(cause), request),
        elsewhere(request),
        FlyException.REFUSED,
        FlyException.UNANSWERED);
  }

  /** The answer is whole, and not in the declared shape. */
  static FlyException unreadable(Request request, Answer answer, Answer.Unreadable why) {
    var json = why.getMessage().startsWith("it is not JSON: ");
    return new FlyException(
        "the answer of " + request.host() + (json ? " is not JSON" : " cannot be read"),
        "%s (%d from %s%s)"
            .formatted(
                json ? answer.start() : why.getMessage(), answer.status(), request, id(answer)),
        "is this the Machines API? The public address is FLY_API_HOSTNAME=https://api.machines.dev",
        FlyException.REFUSED,
        FlyException.UNANSWERED);
  }

  /** The request may have taken effect. */
  public static FlyException ambiguous(FlyException failure) {
    return new FlyException(
        failure.what + ": it may have happened",
        failure.why,
        "look before you run this again: fly-status",
        FlyException.AMBIGUOUS,
        failure.status);
  }

  /** Fly.io asks for a longer wait than the deadline allows. */
  static FlyException later(FlyException failure, Duration wait, Deadline deadline) {
    return new FlyException(
        failure.what,
        "it asks to wait %s, and the deadline of %s ends before: %s"
            .formatted(Durations.text(wait), Durations.text(deadline.budget()), failure.why),
        "run this again after "
            + Durations.text(wait)
            + ", or with --deadline "
            + Durations.text(wait.plusMinutes(1)),
        failure.exitCode,
        failure.status);
  }

  /** Another try would begin after the deadline. */
  static FlyException late(FlyException failure, Deadline deadline) {
    return new FlyException(
        failure.what,
        "the deadline of %s leaves no time for another try: %s"
            .formatted(Durations.text(deadline.budget()), failure.why),
        failure.tryNext + "; --deadline %s allows more time".formatted(deadline.longer()),
        failure.exitCode,
        failure.status);
  }

  private static String elsewhere(Request request) {
    return request.loopback()
        ? "is the sandbox running? eval \"$(fly-sandbox --start)\""
        : "check your network, FLY_API_HOSTNAME and https://status.flyio.net";
  }

  private static String id(Answer answer) {
    return id(answer.requestId());
  }

  private static String id(String requestId) {
    return requestId.isEmpty() ? "" : ", request id " + requestId;
  }

  private static String message(JsonNode body) {
    for (var key : new String[] {"message", "error"}) {
      var text = body.path(key);
      if (text.isTextual() && !text.asText().isBlank()) return text.asText();
      if (text.isObject() || text.isArray()) return text.toString();
    }
    return "no message";
  }

  /** The refusals that we know how to explain, the first match first. */
  private enum Refusal {
    NAME_TAKEN(
        422,
        "name_taken|already been taken",
        "the app name is taken",
        "app names are unique across all of Fly.io, and this one belongs to an app that your token"
            + " cannot see",
        "export APP_NAME=$(fly-name-app)"),
    APP_NAME(
        0,
        "Name under 63 chars",
        "the app name is not one that Fly.io takes",
        "lowercase letters, digits and dashes, 63 at most",
        "export APP_NAME=$(fly-name-app)"),
    TOKEN(401, "", "Fly.io did not accept the token", "", "fly-check-token"),
    FOREIGN(
        403,
        "",
        "this token may not do that",
        "the app may belong to an organization that the token cannot see, or a quota is used up",
        "fly-check-token"),
    NO_ORG(
        404,
        "organization not found|could not find organization",
        "there is no such organization",
        "",
        "one that your token can see: export ORG=$(fly-select-org)"),
    NO_APP(404, "app not found|could not find app", "there is no such app", "", "fly-create-app"),
    NO_MACHINE(404, "machine not found", "there is no such Machine", "", "fly-list-machines"),
    NO_VOLUME(0, "volume not found", "there is no such volume", "", "fly-create-volume"),
    VOLUME_NAME(
        400,
        "volume.*name|name.*volume",
        "the volume name is not one that Fly.io takes",
        "lowercase letters, digits and underscores, 30 at most",
        "fly-create-volume --name data"),
    VOLUME_REGION(
        0,
        "wrong region",
        "the volume is in another region than the Machine",
        "a volume lives on one host of one region",
        "fly-create-machine --region REGION_OF_THE_VOLUME"),
    VOLUME_BUSY(
        412,
        "volume already claimed",
        "the volume is attached to another Machine",
        "a volume serves one Machine at a time",
        "fly-create-volume, then fly-create-machine again"),
    VOLUME_BOUND(
        412, "volume is currently bound", "the volume is in use", "", "fly-destroy-machine"),
    NOT_STOPPED(
        412,
        "unable to destroy machine",
        "the Machine is running",
        "",
        "fly-destroy-machine --force"),
    LEASE(
        409,
        "lease currently held",
        "somebody else is working on this Machine",
        "they hold its lease",
        "wait until it expires, then run this again"),
    MACHINE_NAME(
        409,
        "unique machine name violation",
        "a Machine of this name is there",
        "",
        "another --name, or look: fly-list-machines"),
    REGION_FULL(
        0,
        "candidate host|insufficient_capacity|no capacity",
        "the region has no room for this",
        "",
        "another region: --region fra"),
    HOST_FULL(
        0,
        "could not reserve resource|insufficient resources|volume_placement_capacity",
        "the host has no room for this",
        "",
        "run this again, or use a smaller guest: --set config.guest.memory_mb=512"),
    WAIT(
        408,
        "failed to reach desired state",
        "the Machine did not get there in time",
        "",
        "fly-status"),
    RATE_LIMIT(
        429,
        "",
        "Fly.io is limiting the rate of requests",
        "one request a second for each action on each Machine or app, with a burst of three",
        "wait a few seconds, then run this again"),
    REGION(
        400,
        "region .*not found|invalid.* region",
        "there is no such region",
        "",
        "--region iad, or another: fly-list-regions"),
    GUEST(
        400,
        "config\\.guest",
        "Fly.io has no guest of this size",
        "",
        "--set config.guest.memory_mb=N, as they are listed: fly-list-sizes"),
    CONFIG(
        400,
        "invalid config|cannot unmarshal|invalid_argument",
        "Fly.io does not understand the request",
        "",
        "look at it with --dry-run"),
    LOGIN(
        511,
        "",
        "the network on the way wants a login",
        "",
        "log in to your network with a browser, then run this again"),
    TROUBLE(
        500,
        "",
        "Fly.io is in trouble",
        "",
        "look at https://status.flyio.net, then run this again"),
    TIMED_OUT(408, "", "Fly.io did not get done in time", "", "run this again"),
    STATE(
        412,
        "",
        "the Machine is in no state for this",
        "",
        "look at it: fly-status, then run this again"),
    CONFLICT(
        409,
        "aborted|concurrent",
        "another request is at work on this",
        "",
        "wait a few seconds, then run this again"),
    OTHER(0, "", "", "", "look at the request with --dry-run, and at https://status.flyio.net");

    private final int status;
    private final String pattern;
    private final String what;
    private final String because;
    private final String next;

    Refusal(int status, String pattern, String what, String because, String next) {
      this.status = status;
      this.pattern = "(?is).*(" + pattern + ").*";
      this.what = what;
      this.because = because;
      this.next = next;
    }

    static Refusal of(int status, String message, String code) {
      for (var refusal : values()) {
        var known =
            refusal.status == 0
                || refusal.status == status
                || refusal.status == 500 && status > 500;
        if (known && (message + " " + code).matches(refusal.pattern)) return refusal;
      }
      return OTHER;
    }
  }
}
