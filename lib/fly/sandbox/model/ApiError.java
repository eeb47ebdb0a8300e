//SOURCES MachineState.java
package fly.sandbox.model;

import java.time.Instant;

/**
 * A refusal: a status and the text of {@code {"error": ...}}. Each is named by its cause, and this
 * is the one place for their texts, which makes it long. The rules name the fields.
 */
public final class ApiError extends RuntimeException {
  public static final int NOT_RECORDED = 507;

  public final int status;

  /** The machine-readable {@code status} of the body, such as name_taken; or null. */
  public final String code;

  private ApiError(int status, String message) {
    this(status, message, null);
  }

  private ApiError(int status, String message, String code) {
    super(message);
    this.status = status;
    this.code = code;
  }

  // Fields and parameters

  public static ApiError required(String field) {
    return new ApiError(400, field + " is required");
  }

  public static ApiError invalid(String field) {
    return new ApiError(400, "invalid " + field);
  }

  public static ApiError invalid(String field, String rule) {
    return invalid(field + ", " + rule);
  }

  public static ApiError notWhole(String field) {
    return invalid(field, "must be a whole number");
  }

  public static ApiError notBetween(String field, int least, int most) {
    return invalid(field, "must be a whole number from %d to %d".formatted(least, most));
  }

  /** A refusal in the words of gRPC, which some routes have. */
  public static ApiError invalidArgument(String reason) {
    return new ApiError(400, "invalid_argument: " + reason);
  }

  public static ApiError invalidJson(String reason) {
    return new ApiError(400, "invalid JSON: " + reason);
  }

  /** A value of another type, in the words of Go's JSON decoder. */
  public static ApiError wrongType(String type, String field, String wanted) {
    return new ApiError(
        400,
        "json: cannot unmarshal %s into Go struct field %s of type %s"
            .formatted(type, field, wanted));
  }

  public static ApiError validationFailed(String reason) {
    return new ApiError(422, "Validation failed: " + reason);
  }

  public static ApiError unknownRegion(int status, String region) {
    return new ApiError(status, "region %s not found".formatted(region));
  }

  /** A thing that a field names, and that is not there. */
  public static ApiError absent(String thing) {
    return new ApiError(400, thing + " not found");
  }

  // Forms that many causes share

  /** An action that needs another state of the Machine or volume. */
  private static ApiError failedPrecondition(String message) {
    return new ApiError(412, "failed_precondition: " + message);
  }

  public static ApiError notFound(String thing) {
    return new ApiError(404, "not_found: " + thing + " not found");
  }

  /** The central API's words for {@link #notFound}. */
  public static ApiError couldNotFind(String kind) {
    return new ApiError(404, "Could not find " + kind);
  }

  public static ApiError couldNotFind(String kind, String name) {
    return couldNotFind("%s \"%s\"".formatted(kind, name));
  }

  // Any request

  public static ApiError unauthenticated() {
    return new ApiError(401, "Authenticate: token validation error");
  }

  public static ApiError rateLimit() {
    return new ApiError(429, "rate limit exceeded");
  }

  public static ApiError bodyTooLarge(long mostBytes) {
    return new ApiError(413, "the body is larger than %d MiB".formatted(mostBytes >> 20));
  }

  /** A refusal of the web server itself. */
  public static ApiError ofServer(int status, String message) {
    return new ApiError(status, message);
  }

  /** A failure of the sandbox's own code. */
  public static ApiError bug(Throwable failure) {
    return new ApiError(500, failure.toString());
  }

  // The sandbox itself

  public static ApiError otherHost() {
    return new ApiError(
        403,
        "the sandbox answers to localhost and 127.0.0.1 only,"
            + " and to the {app}.fly.dev and {app}.localhost of its apps");
  }

  public static ApiError otherOrigin() {
    return new ApiError(403, "the sandbox does not answer web pages of another origin");
  }

  public static ApiError otherPage() {
    return new ApiError(403, "the sandbox shows itself to its own page only");
  }

  /** A route that is out of scope for the sandbox. */
  public static ApiError notHere(String method, String path) {
    return new ApiError(
        501,
        "%s %s is not part of the sandbox: it keeps no keys, has no identity at other clouds,"
                .formatted(method, path)
            + " and its Machines have this computer's memory");
  }

  public static ApiError fault(int status, String text) {
    return new ApiError(status, "a fault that was asked for: " + text);
  }

  public static ApiError invalidOptions(String reason, String example) {
    return new ApiError(400, reason + ": " + example);
  }

  public static ApiError controlClosed() {
    return new ApiError(401, "the sandbox obeys requests with its token only");
  }

  public static ApiError pageClosed() {
    return new ApiError(
        401,
        "the page opens by its start link, which works once: fly-sandbox --status prints a new"
            + " one");
  }

  // Organizations and apps

  /**
   * @param status 404, or 403 for one that may exist
   */
  public static ApiError unknownOrganization(int status) {
    return new ApiError(status, status == 403 ? "unauthorized" : "organization not found");
  }

  public static ApiError invalidAppName() {
    return new ApiError(
        400, "Validation failed: Name under 63 chars using numbers, lowercase letters and dashes");
  }

  public static ApiError unknownIpType(int status, String type) {
    return new ApiError(status, "invalid ip address type: " + type);
  }

  /** The words by which flyctl recognizes an image that is in no registry (superfly/fly-go). */
  public static ApiError unknownRepository() {
    return new ApiError(404, "Unknown repository");
  }

  public static ApiError appNotFound() {
    return new ApiError(404, "app not found");
  }

  public static ApiError appNameTaken() {
    return new ApiError(422, "Validation failed: Name has already been taken", "name_taken");
  }

  // Machines

  public static ApiError machineNotFound() {
    return notFound("machine");
  }

  public static ApiError machineNameTaken(String id, String name) {
    return new ApiError(
        409,
        "already_exists: unique machine name violation, machine ID %s already exists with name \"%s\""
            .formatted(id, name));
  }

  public static ApiError waitWithoutVersion() {
    return new ApiError(400, "instance_id required when waiting for stopped machine");
  }

  public static ApiError stillStarting() {
    return new ApiError(409, "aborted: machine still attempting to start");
  }

  public static ApiError replacing() {
    return failedPrecondition("machine getting replaced, refusing to start");
  }

  public static ApiError unable(String action, MachineState state) {
    return failedPrecondition(
        "unable to %s machine from current state: '%s'".formatted(action, state));
  }

  public static ApiError notSuspendable() {
    return failedPrecondition("this machine cannot be suspended");
  }

  public static ApiError notDestroyable() {
    return failedPrecondition(
        "unable to destroy machine, not currently stopped, suspended, failed or created");
  }

  public static ApiError concurrentUpdate() {
    return new ApiError(409, "aborted: machine update failed due to concurrent update");
  }

  public static ApiError otherVersion(String is, String wanted) {
    return failedPrecondition("machine version is %s, not %s".formatted(is, wanted));
  }

  public static ApiError otherMetadataVersion() {
    return failedPrecondition("machine version mismatch");
  }

  public static ApiError notRunning() {
    return failedPrecondition("machine not running");
  }

  public static ApiError stateOnly() {
    return failedPrecondition("this machine is state only and runs nothing");
  }

  public static ApiError execTooLong() {
    return new ApiError(408, "deadline_exceeded: the command did not end in time");
  }

  public static ApiError execFailed(String reason) {
    return failedPrecondition("exec request failed: " + reason);
  }

  /** A wait that is over before the state was reached. */
  public static ApiError late(String message) {
    return new ApiError(408, message);
  }

  // The edge

  public static ApiError noAddress(String app) {
    return new ApiError(
        503,
        "the app %s has no IP address, so its name does not resolve: allocate one with"
                .formatted(app)
            + " fly-allocate-ips");
  }

  public static ApiError bodyTooLargeToReplay() {
    return new ApiError(502, "PA01: a request whose body is larger than 1 MiB cannot be replayed");
  }

  public static ApiError tooManyReplays() {
    return new ApiError(502, "PA02: too many replays of a request");
  }

  public static ApiError malformedReplay(String header) {
    return new ApiError(502, "PA03: the app's fly-replay is malformed: " + header);
  }

  public static ApiError noAppToReplayTo(String app) {
    return new ApiError(502, "PA04: there is no app " + app);
  }

  public static ApiError atHardLimit(String app) {
    return new ApiError(
        503, "PR03: every Machine of the app %s is at its hard_limit".formatted(app));
  }

  public static ApiError notListening(int port, String machine) {
    return new ApiError(
        502,
        "PC01: nothing listens for port %d of Machine %s: its program has to listen where its variable PORT says"
            .formatted(port, machine));
  }

  public static ApiError imageStateOnly(String machine, String image) {
    return new ApiError(
        503,
        "Machine %s runs the image %s, which is state only here: the sandbox runs the commands of"
                .formatted(machine, image)
            + " flyio/mcp, and what --image NAME=COMMAND names");
  }

  public static ApiError programEnded(String machine, String lastWords) {
    return new ApiError(502, "the program of Machine %s ended: %s".formatted(machine, lastWords));
  }

  public static ApiError unhealthy(String machine) {
    return new ApiError(
        503, "a health check of Machine %s fails: see its checks".formatted(machine));
  }

  public static ApiError closedBeforeAnswer(String machine) {
    return new ApiError(
        502, "Machine %s closed the connection before it answered".formatted(machine));
  }

  public static ApiError clientGone() {
    return new ApiError(499, "the client has gone");
  }

  public static ApiError startedLate(String machine) {
    return new ApiError(503, "Machine %s did not start in time".formatted(machine));
  }

  public static ApiError noSuchInstance(String app, String machine) {
    return new ApiError(
        503,
        "the app %s has no Machine %s that serves requests, as fly-force-instance-id demands"
            .formatted(app, machine));
  }

  public static ApiError nobodyInRegion(String app, String region) {
    return new ApiError(
        503, "the app %s has no Machine in %s that serves requests".formatted(app, region));
  }

  public static ApiError noMachine(String app) {
    return new ApiError(
        503,
        "the app %s has no Machine that serves requests: create one with fly-create-machine"
            .formatted(app));
  }

  public static ApiError noService(String app) {
    return new ApiError(
        503,
        "no Machine of the app %s has a service in its config, so nothing leads there"
            .formatted(app));
  }

  public static ApiError noneStarts(String app) {
    return new ApiError(
        503,
        "no Machine of the app %s is started, and none has a service with autostart: start one with fly-start-machine"
            .formatted(app));
  }

  // Leases

  public static ApiError leaseNotFound() {
    return new ApiError(404, "lease not found");
  }

  public static ApiError leaseHeld(String id, String owner, Instant until) {
    return new ApiError(
        409,
        "aborted: machine ID %s lease currently held by %s, expires at %s"
            .formatted(id, owner, until));
  }

  // Volumes

  public static ApiError volumeNotFound() {
    return new ApiError(404, "volume not found");
  }

  public static ApiError invalidVolumeName() {
    return invalid(
        "volume name: only lowercase letters, numbers and underscores are allowed, 30 characters at"
            + " most");
  }

  public static ApiError noCapacity(String region) {
    return new ApiError(400, "no capacity available in " + region);
  }

  public static ApiError wrongRegion(int status, String volume, String region, String wanted) {
    return new ApiError(
        status,
        "Mounts source volume \"%s\" is in the wrong region (\"%s\" != \"%s\")"
            .formatted(volume, region, wanted));
  }

  public static ApiError volumeIs(String state) {
    return failedPrecondition("volume is " + state);
  }

  public static ApiError volumeBound(String machine) {
    return failedPrecondition("volume is currently bound to machine: " + machine);
  }

  public static ApiError volumeClaimed(String machine) {
    return failedPrecondition("volume already claimed by machine " + machine);
  }

  /** A change that cannot be kept over the sandbox's end. */
  public static ApiError notRecorded(String reason) {
    return new ApiError(
        NOT_RECORDED,
        "the sandbox cannot write to its data folder, and refuses changes until it can: " + reason);
  }

  /** The end of the sandbox, which records nothing more. */
  public static ApiError ending() {
    return new ApiError(503, "unavailable: the sandbox is ending");
  }
}
