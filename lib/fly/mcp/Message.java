//SOURCES Head.java
package fly.mcp;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;

/**
 * The bytes of one JSON-RPC message, without a newline. Those of a large one are in a file that has
 * no name any more, so that the heap stays small whatever passes.
 */
final class Message implements AutoCloseable {
  /** Larger messages go to a file. */
  static final int LARGE = 64 * 1024;

  private final byte[] bytes;
  private final FileChannel file;
  private final long length;
  private Head head;

  private Message(byte[] bytes, FileChannel file, long length) {
    this.bytes = bytes;
    this.file = file;
    this.length = length;
  }

  static Message of(String json) {
    var bytes = json.getBytes(StandardCharsets.UTF_8);
    return new Message(bytes, null, bytes.length);
  }

  /** Several messages, one a line; they are small. */
  static Message lines(List<Message> messages) throws IOException {
    var lines = new ByteArrayOutputStream();
    for (var message : messages) {
      if (lines.size() > 0) lines.write('\n');
      message.writeTo(lines);
    }
    var all = new Message(lines.toByteArray(), null, lines.size());
    all.head = new Head();
    all.head.kind = Head.Kind.BATCH;
    return all;
  }

  long length() {
    return length;
  }

  /** What it is; looked up once. */
  synchronized Head head() throws IOException {
    if (head == null) head = Head.of(open());
    return head;
  }

  /** Its bytes from the first one on; one reader at a time. */
  InputStream open() throws IOException {
    if (file == null) return new ByteArrayInputStream(bytes);
    return new InputStream() {
      private long position;

      @Override
      public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] target, int start, int count) throws IOException {
        var n = file.read(ByteBuffer.wrap(target, start, count), position);
        if (n > 0) position += n;
        return n;
      }
    };
  }

  void writeTo(OutputStream out) throws IOException {
    if (file == null) {
      out.write(bytes);
      return;
    }
    try (var in = open()) {
      in.transferTo(out);
    }
  }

  /** The first bytes, for people. */
  String start(int count) throws IOException {
    try (var in = open()) {
      return new String(in.readNBytes(count), StandardCharsets.UTF_8);
    }
  }

  @Override
  public void close() {
    try {
      if (file != null) file.close();
    } catch (IOException e) {
      // a file that nobody can find any more
    }
  }

  /** Collects a message. A newline inside becomes a blank: JSON has none inside its strings. */
  static final class Builder {
    private byte[] bytes = new byte[512];
    private int length;
    private FileChannel file;
    private long filed;

    /** Nothing in it, or nothing but blanks. */
    boolean isBlank() {
      if (file != null) return false;
      for (int i = 0; i < length; i++) if (bytes[i] > ' ' || bytes[i] < 0) return false;
      return true;
    }

    void append(byte[] source, int start, int end) throws IOException {
      while (start < end) {
        if (length == bytes.length) grow(end - start);
        var count = Math.min(end - start, bytes.length - length);
        for (int i = 0; i < count; i++) {
          var b = source[start + i];
          bytes[length + i] = b == '\n' || b == '\r' ? (byte) ' ' : b;
        }
        length += count;
        start += count;
      }
    }

    void append(InputStream source) throws IOException {
      var buffer = new byte[16 * 1024];
      for (int n = source.read(buffer); n >= 0; n = source.read(buffer)) append(buffer, 0, n);
    }

    /** The message; the builder is empty again. */
    Message build() throws IOException {
      var message =
          file == null ? new Message(Arrays.copyOf(bytes, length), null, length) : filed();
      file = null;
      filed = 0;
      length = 0;
      return message;
    }

    void clear() throws IOException {
      build().close();
    }

    private Message filed() throws IOException {
      flush();
      return new Message(null, file, filed);
    }

    private void grow(int wanted) throws IOException {
      if (length < LARGE) {
        bytes = Arrays.copyOf(bytes, Math.min(LARGE, Math.max(2 * length, length + wanted)));
        return;
      }
      if (file == null) file = temporaryFile();
      flush();
    }

    private void flush() throws IOException {
      for (var rest = ByteBuffer.wrap(bytes, 0, length); rest.hasRemaining(); ) {
        filed += file.write(rest, filed);
      }
      length = 0;
    }

    /** Only its owner may read it; where the system allows, its name goes at once. */
    private static FileChannel temporaryFile() throws IOException {
      var path = Files.createTempFile("fly-mcp-", null);
      var file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      try {
        Files.deleteIfExists(path);
      } catch (IOException e) {
        // Windows: when it is closed, then
      }
      return file;
    }
  }
}
