package fly.sandbox.model;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Creates ids, names and numbers in Fly.io's forms. */
public final class Ids {
  private static final SecureRandom SECRETS = new SecureRandom();
  private static final String CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  private static final String ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyz";
  private static final AtomicLong NUMBERS = new AtomicLong(1_000_000);
  private static final List<String> ADJECTIVES =
      List.of("ancient", "billowing", "crimson", "delicate", "frosty", "quiet", "silent", "wild");
  private static final List<String> NOUNS =
      List.of("bird", "brook", "cloud", "dawn", "field", "leaf", "pine", "river");

  private Ids() {}

  public static String hex(int digits) {
    return text("0123456789abcdef", digits);
  }

  /** Hex digits that nobody can guess. */
  static String secret(int digits) {
    var bytes = new byte[(digits + 1) / 2];
    SECRETS.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes).substring(0, digits);
  }

  /** 14 hex digits. */
  public static String machine() {
    return hex(14);
  }

  static String volume() {
    return "vol_" + text(ALPHANUMERIC, 16);
  }

  public static String snapshot() {
    return "vs_" + text(ALPHANUMERIC, 16);
  }

  public static String ip() {
    return "ip_" + text(ALPHANUMERIC, 16);
  }

  /** 26 characters: 10 of the time in milliseconds, 16 by chance. */
  public static String ulid(Instant now) {
    var time = new StringBuilder();
    for (long rest = now.toEpochMilli(), i = 0; i < 10; i++, rest >>>= 5) {
      time.append(CROCKFORD.charAt((int) (rest & 31)));
    }
    return time.reverse() + text(CROCKFORD, 16);
  }

  /** A ULID that sorts after another one, even within the same millisecond. */
  public static String ulid(Instant now, String before) {
    var next = ulid(now);
    if (next.compareTo(before) > 0) return next;
    var digits = before.toCharArray();
    for (var i = digits.length - 1; ; i--) {
      var digit = CROCKFORD.indexOf(digits[i]) + 1;
      digits[i] = CROCKFORD.charAt(digit % CROCKFORD.length());
      if (digit < CROCKFORD.length()) return new String(digits);
    }
  }

  public static String machineName() {
    var random = ThreadLocalRandom.current();
    return ADJECTIVES.get(random.nextInt(ADJECTIVES.size()))
        + "-"
        + NOUNS.get(random.nextInt(NOUNS.size()))
        + "-"
        + random.nextInt(1000, 10_000);
  }

  /** 32 hex digits that nobody can guess. */
  public static String key() {
    return secret(32);
  }

  /** The token of a sandbox that is given none. */
  public static String token() {
    return "sandbox-" + secret(32);
  }

  static long number() {
    return NUMBERS.incrementAndGet();
  }

  /** Makes the next numbers greater than this one. */
  static void numbersAfter(long number) {
    NUMBERS.accumulateAndGet(number, Math::max);
  }

  /** An image's digest, the same for the same name. */
  public static String digest(String image) {
    try {
      var sha256 = MessageDigest.getInstance("SHA-256");
      return "sha256:"
          + HexFormat.of().formatHex(sha256.digest(image.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String text(String alphabet, int length) {
    var random = ThreadLocalRandom.current();
    var text = new StringBuilder(length);
    for (int i = 0; i < length; i++)
      text.append(alphabet.charAt(random.nextInt(alphabet.length())));
    return text.toString();
  }
}
