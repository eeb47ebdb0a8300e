//SOURCES Count.java FlyException.java
package fly;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A Fly.io token as people paste it, and the Authorization header made of it: {@code FlyV1} for
 * macaroons, {@code Bearer} for anything else (superfly/fly-go, tokens package).
 *
 * @param scheme {@code FlyV1} or {@code Bearer}
 * @param pieces the parts between commas; several only for macaroons
 */
public record Token(String scheme, List<String> pieces) {
  private static final Pattern MACAROON = Pattern.compile("(fm1r_|fm1a_|fm2_|m2\\.).*");
  private static final Pattern SCHEME =
      Pattern.compile("(?i)(authorization:|bearer|flyv1)(?=\\s|$)\\s*");

  /** A macaroon anywhere in a text, with its slashes escaped or not. */
  private static final Pattern ANY_MACAROON =
      Pattern.compile("(fm1r_|fm1a_|fm2_)[\\w+/=\\\\%-]{8,}");

  /** Length of a token's beginning that is taken for the token. */
  private static final int RECOGNIZED = 12;

  private static final int TOO_LARGE = 1 << 28;

  /**
   * Takes {@code FlyV1 fm2_...,fm2_...}, the same without {@code FlyV1}, {@code Bearer ...},
   * quoted, or broken over lines.
   *
   * @throws FlyException if it is no token, or only a part of one
   */
  public static Token parse(String pasted) {
    var text = pasted.strip().replaceAll("[\"'\\r\\n]", " ").strip();
    for (var m = SCHEME.matcher(text); m.lookingAt(); m = SCHEME.matcher(text)) {
      text = text.substring(m.end()).strip();
    }
    text = text.replaceAll("\\s*,\\s*", ",");
    if (MACAROON.matcher(text).matches()) text = text.replaceAll("\\s", ""); // a wrapped line
    if (text.isEmpty()) throw wrong("only the word before it is there");
    if (text.endsWith("...") || text.contains("IJPECAAA...")) {
      throw wrong("it ends in \"...\", as the example in the guide does");
    }
    if (text.matches("(?is)flyv1?fm.*|bearerfm.*")) throw wrong("the blank after FlyV1 is gone");
    if (!text.matches("[\\x21-\\x7e]+")) {
      throw wrong("there are blanks or non-ASCII characters inside it");
    }
    var pieces = new ArrayList<String>();
    var macaroons = new ArrayList<String>();
    for (var piece : text.split(",", -1)) {
      if (piece.isEmpty()) throw wrong("it ends at a comma: a part was not copied");
      pieces.add(piece);
      if (MACAROON.matcher(piece).matches()) {
        check(piece);
        macaroons.add(piece);
      }
    }
    return macaroons.isEmpty()
        ? new Token("Bearer", List.of(text))
        : new Token("FlyV1", List.copyOf(pieces));
  }

  /** The kind of token: {@code 2 macaroons}, or {@code opaque}. */
  public String shape() {
    return scheme.equals("FlyV1") ? Count.of(pieces.size(), "macaroon") : "opaque";
  }

  /** The header's value for the Machines API, which takes only macaroons if there are any. */
  public String header() {
    var wanted =
        scheme.equals("FlyV1")
            ? pieces.stream().filter(piece -> MACAROON.matcher(piece).matches()).toList()
            : pieces;
    return scheme + " " + String.join(",", wanted);
  }

  /** The header's value for GraphQL, which takes every piece. */
  public String graphqlHeader() {
    return scheme + " " + String.join(",", pieces);
  }

  @Override
  public String toString() {
    return scheme + " ***";
  }

  /** The same failure without this token in its text. */
  public FlyException hide(FlyException e) {
    var hidden = new FlyException(hide(e.what), hide(e.why), hide(e.tryNext), e.exitCode, e.status);
    hidden.setStackTrace(e.getStackTrace());
    return hidden;
  }

  /** The text without this token, whole or cut, and without any macaroon. */
  public String hide(String text) {
    var hidden = ANY_MACAROON.matcher(text).replaceAll("***");
    for (var piece : pieces) {
      var head = piece.substring(0, Math.min(RECOGNIZED, piece.length()));
      for (int at = hidden.indexOf(head); at >= 0; at = hidden.indexOf(head, at + 3)) {
        var end = at + head.length();
        for (int i = head.length(); i < piece.length() && end < hidden.length(); i++, end++) {
          if (hidden.charAt(end) != piece.charAt(i)) break;
        }
        hidden = hidden.substring(0, at) + "***" + hidden.substring(end);
      }
    }
    return hidden;
  }

  private static void check(String macaroon) {
    if (!macaroon.startsWith("fm2_")) return;
    var base64 = macaroon.substring(4);
    if (base64.isEmpty()) throw wrong("nothing follows fm2_");
    byte[] bytes;
    try {
      bytes =
          (base64.matches(".*[-_].*") ? Base64.getUrlDecoder() : Base64.getDecoder())
              .decode(base64);
    } catch (IllegalArgumentException e) {
      throw wrong("what follows fm2_ is not whole Base64: a part is missing or garbled");
    }
    // A macaroon is a MessagePack array of four: nonce, location, caveats, tail.
    if (bytes[0] == (byte) 0x94 && end(bytes, 0) > bytes.length) {
      throw wrong("the macaroon ends too early");
    }
  }

  /** The end of the MessagePack value at {@code at}; past the array if the value is cut off. */
  private static int end(byte[] bytes, int at) {
    if (at >= bytes.length) return Integer.MAX_VALUE;
    int type = bytes[at] & 0xff;
    if (type < 0x80 || type >= 0xe0 || type >= 0xc0 && type <= 0xc3) return at + 1;
    if (type < 0x90) return items(bytes, at + 1, 2 * (type & 0x0f));
    if (type < 0xa0) return items(bytes, at + 1, type & 0x0f);
    if (type < 0xc0) return at + 1 + (type & 0x1f);
    return switch (type) {
      case 0xc4, 0xd9 -> sized(bytes, at, 1, 0);
      case 0xc5, 0xda -> sized(bytes, at, 2, 0);
      case 0xc6, 0xdb -> sized(bytes, at, 4, 0);
      case 0xc7 -> sized(bytes, at, 1, 1);
      case 0xc8 -> sized(bytes, at, 2, 1);
      case 0xc9 -> sized(bytes, at, 4, 1);
      case 0xcc, 0xd0 -> at + 2;
      case 0xcd, 0xd1 -> at + 3;
      case 0xce, 0xd2, 0xca -> at + 5;
      case 0xcf, 0xd3, 0xcb -> at + 9;
      case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 -> at + 2 + (1 << (type - 0xd4));
      case 0xdc -> items(bytes, at + 3, number(bytes, at + 1, 2));
      case 0xdd -> items(bytes, at + 5, number(bytes, at + 1, 4));
      case 0xde -> items(bytes, at + 3, 2 * number(bytes, at + 1, 2));
      default -> items(bytes, at + 5, 2 * number(bytes, at + 1, 4));
    };
  }

  private static int sized(byte[] bytes, int at, int width, int extra) {
    return at + 1 + width + extra + number(bytes, at + 1, width);
  }

  private static int items(byte[] bytes, int at, int count) {
    for (int i = 0; i < count; i++) {
      at = end(bytes, at);
      if (at > bytes.length) return Integer.MAX_VALUE;
    }
    return at;
  }

  private static int number(byte[] bytes, int at, int width) {
    if (at + width > bytes.length) return TOO_LARGE;
    long number = 0;
    for (int i = 0; i < width; i++) number = number << 8 | bytes[at + i] & 0xff;
    return (int) Math.min(number, TOO_LARGE);
  }

  private static FlyException wrong(String why) {
    return new FlyException(
        "FLY_API_TOKEN is not a whole token",
        why,
        "copy it again with the button Copy to clipboard: export FLY_API_TOKEN=\"FlyV1 fm2_...\"",
        FlyException.TOKEN);
  }
}
