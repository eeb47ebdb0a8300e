//SOURCES Count.java
package fly;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Reads HTTP/1.1 answers from the bytes of a connection. An answer that is cut is an error. */
public final class HttpReader {
  /** A header of an answer. */
  public record Field(String name, String value) {}

  /** Status and headers of an answer. */
  public record Head(int status, boolean persistent, List<Field> fields) {
    /** All values of a header. */
    public List<String> all(String name) {
      return fields.stream().filter(f -> f.name.equalsIgnoreCase(name)).map(Field::value).toList();
    }

    /** The first value of a header, or null. */
    public String first(String name) {
      var all = all(name);
      return all.isEmpty() ? null : all.get(0);
    }
  }

  private static final int MOST_HEAD = 64 << 10;
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.([01]) (\\d{3})(?: .*)?");

  private final InputStream in;

  HttpReader(InputStream in) {
    this.in = in;
  }

  /** Reads the head of the answer. */
  Head head() throws IOException {
    var budget = new int[] {MOST_HEAD};
    for (int informational = 0; informational < 20; informational++) {
      var line = line(budget);
      if (line == null) throw new EOFException("the connection was closed without an answer");
      var match = STATUS.matcher(line);
      if (!match.matches()) throw new IOException("the answer is not HTTP");
      var status = Integer.parseInt(match.group(2));
      var fields = fields(budget);
      if (status >= 100 && status < 200) continue;
      return new Head(status, persistent(match.group(1).equals("1"), fields), fields);
    }
    throw new IOException("the answer does not begin");
  }

  private static boolean persistent(boolean newer, List<Field> fields) {
    for (var field : fields) {
      if (!field.name.equalsIgnoreCase("Connection")) continue;
      var value = field.value.toLowerCase(Locale.ROOT);
      if (value.contains("close")) return false;
      if (value.contains("keep-alive")) return true;
    }
    return newer;
  }

  private List<Field> fields(int[] budget) throws IOException {
    var fields = new ArrayList<Field>();
    for (var line = line(budget); ; line = line(budget)) {
      if (line == null) throw new EOFException("the answer was cut in its head");
      if (line.isEmpty()) return fields;
      var colon = line.indexOf(':');
      var folded = line.charAt(0) <= ' '; // continues the line before
      if (colon > 0 && !folded) {
        fields.add(new Field(line.substring(0, colon).strip(), line.substring(colon + 1).strip()));
      }
    }
  }

  /** A line without its end; null at the end of the stream. */
  private String line(int[] budget) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int next = in.read(); ; next = in.read()) {
      if (next < 0) {
        if (line.size() == 0) return null;
        throw new EOFException("the answer was cut in a line");
      }
      if (next == '\n') break;
      if (--budget[0] < 0) throw new IOException("the head of the answer is too long");
      line.write(next);
    }
    var text = line.toString(StandardCharsets.ISO_8859_1);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  /** The body of the answer, to be read by one thread. */
  Body body(String method, Head head) throws IOException {
    var coding = String.join(",", head.all("Transfer-Encoding")).toLowerCase(Locale.ROOT).strip();
    var length = head.all("Content-Length").stream().distinct().toList();
    if (method.equals("HEAD") || head.status == 204 || head.status == 304) {
      return new Body(0, false);
    }
    if (coding.equals("chunked")) return new Body(0, true);
    if (!coding.isEmpty()) {
      throw new IOException("the answer has an unknown transfer coding: " + coding);
    }
    if (length.isEmpty()) return new Body(-1, false);
    if (length.size() > 1 || !length.get(0).matches("\\d{1,18}")) {
      throw new IOException("the answer's length is no number: " + length);
    }
    return new Body(Long.parseLong(length.get(0)), false);
  }

  /**
   * A body as it arrives: a read returns the bytes received so far, and fails if the body is cut.
   */
  public final class Body extends InputStream {
    private final boolean chunked;
    private final boolean openEnded;
    private final int[] budget = {MOST_HEAD};
    private long left;
    private boolean first = true;
    private boolean whole;

    private Body(long left, boolean chunked) {
      this.left = left;
      this.chunked = chunked;
      this.openEnded = left < 0;
      this.whole = left == 0 && !chunked;
    }

    /** True once its last byte was read. */
    boolean whole() {
      return whole;
    }

    /** True if only the end of the connection ends the body, so a cut would not show. */
    public boolean openEnded() {
      return openEnded;
    }

    /** Bytes that are announced and have not arrived; -1 if that is not known. */
    public long announced() {
      return chunked ? -1 : left;
    }

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int start, int count) throws IOException {
      if (count == 0) return 0;
      if (!whole && chunked && left == 0) nextChunk();
      if (whole) return -1;
      var most = openEnded ? count : (int) Math.min(count, left);
      var read = in.read(target, start, most);
      if (read < 0 && openEnded) {
        whole = true;
        return -1;
      }
      if (read < 0)
        throw new EOFException("the answer was cut; missing: " + Count.of(left, "byte"));
      if (!openEnded) left -= read;
      if (left == 0 && !chunked) whole = true;
      return read;
    }

    private void nextChunk() throws IOException {
      budget[0] = MOST_HEAD;
      if (!first) {
        var end = line(budget);
        if (end == null) throw new EOFException("the answer was cut after a chunk");
        if (!end.isEmpty()) throw new IOException("the answer has a bad chunk");
      }
      first = false;
      var line = line(budget);
      if (line == null) throw new EOFException("the answer was cut: its last chunk is missing");
      var size = line.replaceFirst("[;\\s].*", "");
      if (!size.matches("0*[0-9a-fA-F]{1,8}")) throw new IOException("the answer has a bad chunk");
      left = Long.parseLong(size, 16);
      if (left > 0) return;
      fields(budget);
      whole = true;
    }
  }
}
