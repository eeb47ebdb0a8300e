//SOURCES ContainedProcess.java
package fly.sandbox.runtime;

import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lets a program see its volumes at their paths where no namespace does it: the path becomes the
 * volume's folder in the command's words, in its variables and in the JSON lines that it reads, and
 * the folder becomes the path in what it writes. Of the strings it reads only those change that are
 * such a path, not those that speak of one.
 */
final class PathMapping {
  private final List<Volume> volumes = new ArrayList<>();

  /**
   * Texts are taken byte for byte, as Latin-1: whatever the encoding, nothing else changes. What
   * stands before a match, and stays, is group 1.
   */
  private static final class Volume {
    final String path;
    final String folder;
    final Pattern pathInJson;
    final Pattern folderInText;

    Volume(String path, String folder) {
      this.path = path;
      this.folder = folder;
      this.pathInJson =
          Pattern.compile(
              "(\"(?:file:(?:\\\\?/){2})?)"
                  + Pattern.quote(latin1(path)).replace("/", "\\E\\\\?/\\Q")
                  + "(?=\\\\?/|\")");
      this.folderInText =
          Pattern.compile(
              "((?<![\\w.-]))" + Pattern.quote(latin1(escaped(folder))) + "(?![\\w.-])");
    }
  }

  PathMapping(List<ContainedProcess.Mount> mounts) throws IOException {
    for (var mount : outermostFirst(mounts)) {
      var path = mount.path().replaceFirst("(?<=.)/+$", "");
      volumes.add(0, new Volume(path, mount.source().toRealPath().toString()));
    }
  }

  /** Longest first: one mount can be inside another. */
  static List<ContainedProcess.Mount> outermostFirst(List<ContainedProcess.Mount> mounts) {
    return mounts.stream()
        .sorted(Comparator.comparingInt((ContainedProcess.Mount mount) -> mount.path().length()))
        .toList();
  }

  /** A word of the command, or a variable's value: the path itself, or what lies below it. */
  String toHost(String word) {
    for (var volume : volumes) {
      if (word.equals(volume.path) || word.startsWith(volume.path + "/")) {
        return volume.folder + word.substring(volume.path.length());
      }
    }
    return word;
  }

  /** For what the program is to read. */
  OutputStream toHost(OutputStream stdin) {
    return new FilterOutputStream(stdin) {
      private final ByteArrayOutputStream line = new ByteArrayOutputStream();

      @Override
      public synchronized void write(int b) throws IOException {
        line.write(b);
        if (b == '\n') pass();
      }

      @Override
      public synchronized void write(byte[] bytes, int from, int length) throws IOException {
        for (var i = from; i < from + length; i++) write(bytes[i]);
      }

      @Override
      public synchronized void close() throws IOException {
        pass();
        super.close();
      }

      private void pass() throws IOException {
        var text = line.toString(StandardCharsets.ISO_8859_1);
        line.reset();
        for (var volume : volumes) {
          text = replace(volume.pathInJson, text, latin1(escaped(volume.folder)));
        }
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
      }
    };
  }

  /** For what the program writes. */
  InputStream toMachine(InputStream output) {
    return new FilterInputStream(output) {
      private byte[] line = {};
      private int next;

      @Override
      public int read() throws IOException {
        return fill() ? line[next++] & 0xff : -1;
      }

      @Override
      public int read(byte[] bytes, int from, int length) throws IOException {
        if (length == 0) return 0;
        if (!fill()) return -1;
        var count = Math.min(length, line.length - next);
        System.arraycopy(line, next, bytes, from, count);
        next += count;
        return count;
      }

      @Override
      public int available() {
        return line.length - next;
      }

      private boolean fill() throws IOException {
        if (next < line.length) return true;
        var bytes = new ByteArrayOutputStream();
        for (var b = in.read(); b >= 0; b = in.read()) {
          bytes.write(b);
          if (b == '\n') break;
        }
        var text = bytes.toString(StandardCharsets.ISO_8859_1);
        for (var volume : volumes) text = replace(volume.folderInText, text, latin1(volume.path));
        line = text.getBytes(StandardCharsets.ISO_8859_1);
        next = 0;
        return line.length > 0;
      }
    };
  }

  private static String replace(Pattern pattern, String text, String replacement) {
    return pattern.matcher(text).replaceAll("$1" + Matcher.quoteReplacement(replacement));
  }

  /** The text as it is inside a JSON string. */
  private static String escaped(String path) {
    return path.replace("\\", "\\\\").replace("\"", "\\\"");
  }

  private static String latin1(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }
}
