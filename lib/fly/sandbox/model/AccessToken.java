package fly.sandbox.model;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The one token of the sandbox; it may do everything. */
public record AccessToken(String value) {
  private static final String USUAL = "Bearer ";
  private static final Pattern SCHEMES = Pattern.compile("(?i)^((bearer|flyv1)\\s+)+");

  /** True if an Authorization header has the token, alone or as one of several between commas. */
  public boolean isIn(String header) {
    if (header.startsWith(USUAL) && is(header.substring(USUAL.length()))) return true;
    var bare = SCHEMES.matcher(header).replaceFirst("");
    if (header.equals(bare)) return false;
    return Stream.concat(Stream.of(bare), Stream.of(bare.split(",")))
        .anyMatch(one -> is(one.strip()));
  }

  /** Compares in constant time. */
  public boolean is(String text) {
    return MessageDigest.isEqual(
        text.getBytes(StandardCharsets.UTF_8), value.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String toString() {
    return "***";
  }
}
