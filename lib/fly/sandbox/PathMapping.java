package fly.sandbox;

import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes a program see its volumes at their paths where no namespace does: {@code /data} in its
 * arguments and in the JSON lines that it reads becomes the folder on the host, and the folder in
 * what it writes becomes {@code /data}.
 */
final class PathMapping {
  private final List<Program.Mount> mounts;

  PathMapping(List<Program.Mount> mounts) {
    this.mounts = mounts;
  }

  /** An argument that is the path, or lies below it. */
  String toHost(String argument) {
    for (var mount : mounts) {
      var path = mount.path().replaceFirst("/+$", "");
      if (argument.equals(path) || argument.startsWith(path + "/")) {
        return mount.source() + argument.substring(path.length());
      }
    }
    return argument;
  }

  /** What the program is to read. */
  OutputStream toHost(OutputStream stdin) {
    if (mounts.isEmpty()) return stdin;
    return new FilterOutputStream(stdin) {
      private final ByteArrayOutputStream line = new ByteArrayOutputStream();

      @Override
      public synchronized void write(int b) throws IOException {
        line.write(b);
        if (b == '\n') pass();
      }

      @Override
      public synchronized void write(byte[] bytes, int start, int length) throws IOException {
        for (int i = start; i < start + length; i++) write(bytes[i]);
      }

      @Override
      public synchronized void close() throws IOException {
        pass();
        super.close();
      }

      private void pass() throws IOException {
        out.write(lineToHost(line.toString(StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8));
        line.reset();
      }
    };
  }

  /** What the program wrote. */
  InputStream toMachine(InputStream output) {
    if (mounts.isEmpty()) return output;
    return new FilterInputStream(output) {
      private byte[] line = {};
      private int next;

      @Override
      public int read() throws IOException {
        return fill() ? line[next++] & 0xff : -1;
      }

      @Override
      public int read(byte[] bytes, int start, int length) throws IOException {
        if (length == 0) return 0;
        if (!fill()) return -1;
        var count = Math.min(length, line.length - next);
        System.arraycopy(line, next, bytes, start, count);
        next += count;
        return count;
      }

      private boolean fill() throws IOException {
        if (next < line.length) return true;
        var bytes = new ByteArrayOutputStream();
        for (int b = in.read(); b >= 0; b = in.read()) {
          bytes.write(b);
          if (b == '\n') break;
        }
        line = lineToMachine(bytes.toString(StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
        next = 0;
        return line.length > 0;
      }
    };
  }

  private String lineToHost(String line) {
    for (var mount : mounts) {
      var path = mount.path().replaceFirst("/+$", "");
      line =
          Pattern.compile("\"" + Pattern.quote(path) + "(?=[/\"])")
              .matcher(line)
              .replaceAll(Matcher.quoteReplacement("\"" + escaped(mount)));
    }
    return line;
  }

  private String lineToMachine(String line) {
    for (var mount : mounts) {
      line = line.replace(escaped(mount), mount.path().replaceFirst("/+$", ""));
    }
    return line;
  }

  /** The folder as it stands inside a JSON string. */
  private static String escaped(Program.Mount mount) {
    return mount.source().toString().replace("\\", "\\\\").replace("\"", "\\\"");
  }
}
