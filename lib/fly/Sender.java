//SOURCES Access.java Answer.java Curl.java Deadline.java Durations.java FlyException.java Json.java Pace.java
//SOURCES Refusals.java Retry.java Waiting.java Wire.java
package fly;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import kong.unirest.core.UnirestException;
import kong.unirest.core.UnirestInstance;

/**
 * Sends a request until there is an answer to keep: at Fly.io's pace, again where {@link Retry}
 * allows it, and within a deadline.
 */
final class Sender {
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(30);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(75); // /wait holds for 60 s

  private final UnirestInstance http;
  private final String apiUrl;
  private final String centralUrl;
  private final Consumer<String> verbose;
  private final Waiting waiting;
  private final Pace pace;
  private final Access access;
  private final String leaseNonce;

  private Sender(
      UnirestInstance http,
      String apiUrl,
      String centralUrl,
      Consumer<String> verbose,
      Waiting waiting,
      Pace pace,
      Access access,
      String leaseNonce) {
    this.http = http;
    this.apiUrl = apiUrl;
    this.centralUrl = centralUrl;
    this.verbose = verbose;
    this.waiting = waiting;
    this.pace = pace;
    this.access = access;
    this.leaseNonce = leaseNonce;
  }

  /**
   * @param apiUrl of the Machines API
   * @param centralUrl of the host that serves GraphQL
   * @param verbose takes a line for each request and each answer; or null
   */
  Sender(
      UnirestInstance http,
      String apiUrl,
      String centralUrl,
      Consumer<String> verbose,
      Waiting waiting) {
    this(
        http,
        apiUrl,
        centralUrl,
        verbose,
        waiting,
        Pace.of(new Refusals.Request("", apiUrl).loopback()),
        new Access(),
        null);
  }

  /** The same sender as the holder of a Machine's lease: each request carries the nonce. */
  Sender leased(String nonce) {
    return new Sender(http, apiUrl, centralUrl, verbose, waiting, pace, access, nonce);
  }

  static String graphql(String centralUrl) {
    return centralUrl + "/graphql";
  }

  /** The request as a command; the token is a variable in it. */
  String curl(String method, String url, JsonNode body) {
    return Curl.command(method, url, body, leaseNonce);
  }

  /**
   * Sends the request.
   *
   * @param body null for none
   * @param budget limits all tries together
   */
  JsonNode send(
      String method,
      String url,
      JsonNode body,
      Retry.Kind kind,
      Answer.Shape shape,
      Deadline budget) {
    try {
      return repeat(new Refusals.Request(method, url), body, kind, shape, budget);
    } catch (FlyException e) {
      throw access.hide(e); // an answer may repeat the token
    }
  }

  private JsonNode repeat(
      Refusals.Request request,
      JsonNode body,
      Retry.Kind kind,
      Answer.Shape shape,
      Deadline budget) {
    var authorization = authorization(request.url());
    var begin = Deadline.clock().nanos();
    var perhapsDone = false;
    for (int tries = 1; ; tries++) {
      keepPace(request, budget);
      FlyException problem;
      Retry.Failure failure;
      var status = 0;
      var wait = Optional.<Duration>empty();
      Answer answer = null;
      try {
        answer = exchange(request, authorization, body, kind, budget);
        status = answer.status();
        if (request.method().equals("DELETE") && status == 404 && perhapsDone) {
          return Json.USUAL.createObjectNode();
        }
        if (answer.success()) return result(request, answer, kind, shape);
        failure = Retry.of(status);
        problem = Refusals.refused(request, answer);
        wait = Durations.retryAfter(answer.retryAfter(), Deadline.clock().now());
        if (status == 429) pace.limited(request.method(), path(request.url()));
      } catch (Answer.Unreadable e) {
        failure = Retry.Failure.UNREADABLE;
        problem = Refusals.unreadable(request, answer, e);
      } catch (UnirestException e) {
        verbose("< ", FlyException.reason(e));
        failure = Retry.of(e);
        problem = Refusals.unanswered(request, failure, e);
      }
      if (!Retry.again(kind, failure, status, tries, request.loopback())) {
        throw kind == Retry.Kind.ONCE && Retry.ambiguous(failure)
            ? Refusals.ambiguous(problem)
            : problem;
      }
      perhapsDone |= Retry.ambiguous(failure);
      var backoff = Retry.backoff(tries);
      var asked = wait.isPresent() && (tries == 1 || wait.get().compareTo(backoff) >= 0);
      var pause = asked ? wait.get() : backoff;
      if (pause.compareTo(budget.left()) >= 0) {
        throw asked ? Refusals.later(problem, pause, budget) : Refusals.late(problem, budget);
      }
      waiting.say(begin, pause, reason(failure, status, pause, request.url()));
      Deadline.sleep(pause);
    }
  }

  private JsonNode result(
      Refusals.Request request, Answer answer, Retry.Kind kind, Answer.Shape shape)
      throws Answer.Unreadable {
    var json = answer.read(shape);
    if (!request.url().equals(graphql(centralUrl)) || json.path("errors").isEmpty()) return json;
    var refusal = Refusals.refusedByGraphQl(request, answer, json.path("errors"));
    throw kind == Retry.Kind.ONCE && Refusals.partly(json) ? Refusals.ambiguous(refusal) : refusal;
  }

  private static String reason(Retry.Failure failure, int status, Duration pause, String url) {
    return switch (failure) {
      case LIMITED ->
          "Fly.io limits the rate of requests; waiting %.1f s ..."
              .formatted(pause.toMillis() / 1000.0);
      case TROUBLE -> "Fly.io answered %d; trying again ...".formatted(status);
      case UNREADABLE -> "The answer of %s cannot be read; trying again ...".formatted(url);
      default -> "No answer from %s; trying again ...".formatted(url);
    };
  }

  private void keepPace(Refusals.Request request, Deadline budget) {
    var wait = pace.take(request.method(), path(request.url()));
    if (wait.isZero()) return;
    if (wait.compareTo(budget.left()) >= 0) {
      throw budget.passed("Fly.io's rate limit leaves no room for " + request);
    }
    waiting.sayIfLong(
        wait, "Waiting %.1f s for Fly.io's rate limit ...".formatted(wait.toMillis() / 1000.0));
    Deadline.sleep(wait);
  }

  private static String path(String url) {
    var slash = url.indexOf('/', url.indexOf("://") + 3);
    return slash < 0 ? "" : url.substring(slash);
  }

  private Answer exchange(
      Refusals.Request sent,
      String authorization,
      JsonNode body,
      Retry.Kind kind,
      Deadline budget) {
    if (budget.over()) throw budget.passed("no time is left for " + sent);
    var read = kind == Retry.Kind.FREELY && sent.method().equals("GET");
    var most = read ? READ_TIMEOUT : ANSWER_TIMEOUT;
    var limit = budget.left().compareTo(most) < 0 ? budget.left() : most;
    verbose("> ", sent);
    var request =
        http.request(sent.method(), sent.url())
            .requestTimeout((int) Math.max(1, Deadline.clock().real(limit).toMillis()))
            .header("Authorization", authorization);
    if (kind != Retry.Kind.ONCE) request.header(Wire.REPEATABLE, "true");
    if (leaseNonce != null) request.header("fly-machine-lease-nonce", leaseNonce);
    var answer =
        body == null
            ? request.asObject(Answer::of)
            : request
                .header("Content-Type", "application/json")
                .body(Json.line(body))
                .asObject(Answer::of);
    var got = answer.getBody();
    var id = got.requestId();
    verbose("< ", got.status() + (id.isEmpty() ? "" : " (request id " + id + ")"));
    return got;
  }

  private String authorization(String url) {
    var central = url.equals(graphql(centralUrl)) || url.startsWith(centralUrl + "/api/");
    return access.header(central ? centralUrl : apiUrl, central);
  }

  private void verbose(String mark, Object line) {
    if (verbose != null) verbose.accept(access.hide(mark + line));
  }
}
