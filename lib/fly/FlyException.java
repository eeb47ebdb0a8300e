//DEPS com.fasterxml.jackson.core:jackson-databind:2.22.4
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Map;

/** A failure that its reader can act on: what happened, why, and what to try next. */
public final class FlyException extends RuntimeException {
  /** Fly.io or the network said no. */
  public static final int REFUSED = 1;

  /** Wrong command line, missing or wrong setting. */
  public static final int USAGE = 2;

  /** The token was not accepted. */
  public static final int TOKEN = 4;

  /** It may have happened: something may exist that nobody has seen. */
  public static final int AMBIGUOUS = 5;

  /** The failure in a line. */
  public final String what;

  public final String why;

  /** The next command, by its bare alias, or step; may be empty. */
  public final String tryNext;

  public final int exitCode;

  /** The HTTP status behind it; 0 without one, {@link #UNANSWERED} if the answer never came. */
  public final int status;

  /** The request was sent, and no answer came back: it may have happened. */
  static final int UNANSWERED = -1;

  public FlyException(String what, String why, String tryNext) {
    this(what, why, tryNext, REFUSED);
  }

  public FlyException(String what, String why, String tryNext, int exitCode) {
    this(what, why, tryNext, exitCode, 0);
  }

  public FlyException(String what, String why, String tryNext, int exitCode, int status) {
    super(what);
    this.what = what;
    this.why = why;
    this.tryNext = tryNext;
    this.exitCode = exitCode;
    this.status = status;
  }

  /** All three lines, as a program prints it that does not catch it. */
  @Override
  public String toString() {
    return "error: "
        + what
        + (why.isEmpty() ? "" : "\n  why: " + why)
        + (tryNext.isEmpty() ? "" : "\n  try: " + tryNext);
  }

  /** Whether the request may have taken effect all the same. */
  boolean ambiguous() {
    return status == UNANSWERED || status == 408 || status >= 500;
  }

  public static FlyException usage(String what, String why, String tryNext) {
    return new FlyException(what, why, tryNext, USAGE);
  }

  /**
   * Fly.io answered, and said no.
   *
   * @param body the answer, parsed: {@code {"error": text, "status": text}}, or {@code {"message":
   *     text}} from some central endpoints (superfly/fly-go, flaps_error.go)
   */
  public static FlyException refused(
      String method, String url, int status, String requestId, JsonNode body) {
    var message = message(body);
    var refusal = Refusal.of(status, message, body.path("status").asText());
    var why = "%s (%d from %s %s%s)".formatted(message, status, method, url, id(requestId));
    return new FlyException(
        refusal.what.isEmpty() ? "Fly.io refused the request" : refusal.what,
        refusal.because.isEmpty() ? why : refusal.because + ": " + why,
        refusal.next,
        status == 401 || status == 403 ? TOKEN : REFUSED,
        status);
  }

  /** GraphQL reports a failure inside a 200. */
  public static FlyException refusedByGraphQl(String url, String requestId, JsonNode errors) {
    var message = errors.at("/0/message").asText("(no message)");
    var code = errors.at("/0/extensions/code").asText();
    var status =
        Map.of("UNAUTHORIZED", 401, "UNAUTHENTICATED", 401, "FORBIDDEN", 403, "NOT_FOUND", 404)
            .getOrDefault(code, 200);
    var refusal = Refusal.of(status, message, code);
    return new FlyException(
        refusal.what.isEmpty() ? "Fly.io refused the request" : refusal.what,
        "%s (%s in a 200 from POST %s%s)"
            .formatted(message, code.isEmpty() ? "an error" : code, url, id(requestId)),
        refusal.next,
        status == 401 || status == 403 ? TOKEN : REFUSED,
        status);
  }

  /**
   * No answer.
   *
   * @param sent whether the request may have reached Fly.io
   */
  public static FlyException unreachable(String method, String url, Throwable cause, boolean sent) {
    return new FlyException(
        (sent ? "no answer from " : "could not reach ") + hostOf(url),
        "%s (%s %s)".formatted(reason(cause), method, url),
        url.contains("//127.0.0.1") || url.contains("//localhost")
            ? "is the sandbox running? eval \"$(fly-sandbox --start)\""
            : "check your network, FLY_API_HOSTNAME and https://status.flyio.net",
        REFUSED,
        sent ? UNANSWERED : 0);
  }

  /** Why a connection failed, in words. */
  public static String reason(Throwable failure) {
    var reason = failure.getClass().getSimpleName();
    for (var cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof HttpTimeoutException) return "no answer in time";
      if (cause instanceof ConnectException && cause.getMessage() == null) {
        return hasCause(cause, UnresolvedAddressException.class)
            ? "no such host"
            : "connection refused";
      }
      if (cause.getMessage() != null) reason = cause.getMessage();
    }
    return reason;
  }

  private static boolean hasCause(Throwable failure, Class<?> type) {
    for (var cause = failure; cause != null; cause = cause.getCause()) {
      if (type.isInstance(cause)) return true;
    }
    return false;
  }

  static FlyException notJson(
      String method, String url, int status, String requestId, String body) {
    var start = body.strip();
    if (start.length() > 200) start = start.substring(0, 200) + "...";
    return new FlyException(
        "the answer of " + hostOf(url) + " is not JSON",
        "%s (%d from %s %s%s)".formatted(start, status, method, url, id(requestId)),
        "is this the Machines API? The public address is FLY_API_HOSTNAME=https://api.machines.dev",
        REFUSED,
        status);
  }

  private static String id(String requestId) {
    return requestId.isEmpty() ? "" : ", request id " + requestId;
  }

  private static String hostOf(String url) {
    return url.replaceFirst("^(\\w+://[^/]+).*", "$1");
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
    MACHINE_NAME(409, "unique machine name violation", "a Machine of this name is there", "", ""),
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
    CONFIG(
        400,
        "invalid config|cannot unmarshal|invalid_argument",
        "Fly.io does not understand the request",
        "",
        "look at it with --dry-run"),
    TROUBLE(
        500,
        "",
        "Fly.io is in trouble",
        "",
        "look at https://status.flyio.net, then run this again"),
    OTHER(0, "", "", "", "");

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
