package fly.sandbox;

/** The API says no: a status and the text of {@code {"error": ...}}. */
final class ApiError extends RuntimeException {
  final int status;

  /** The machine-readable {@code status} of the body, such as name_taken; or null. */
  final String code;

  ApiError(int status, String message) {
    this(status, message, null);
  }

  ApiError(int status, String message, String code) {
    super(message);
    this.status = status;
    this.code = code;
  }

  static ApiError invalid(String message) {
    return new ApiError(400, message);
  }
}
