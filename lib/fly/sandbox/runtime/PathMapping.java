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
 * Shows a program its volumes at their paths without a namespace. The path becomes the volume's
 * folder in the command's words, its variables and the JSON lines that it reads. The folder becomes
 * the path in its output. A string that only mentions a path stays.
 */
final class PathMapping {
  private final List<Volume> volumes = new ArrayList<>();

  /**
   * Text is handled as Latin-1, so that in any encoding no other byte changes. Group 1 is the text
   * before a match, which stays.
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

  /** Maps a word of the command or a variable's value: the path itself, or a path below it. */
  String toHost(String word) {
    for (var volume : volumes) {
      if (word.equals(volume.path) || word.startsWith(volume.path + "/")) {
        return volume.folder + word.substring(volume.path.length());
      }
    }
    return word;
  }

  /** Maps the input of the program. */
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

  /** Maps the output of the program. */
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
