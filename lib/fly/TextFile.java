//SOURCES FlyException.java ShellWord.java
package fly;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** The one reader of text from outside: UTF-8, with or without a byte order mark. */
public final class TextFile {
  private static final String STDIN = "stdin";

  private TextFile() {}

  /**
   * A text file, whole.
   *
   * @throws FlyException if it cannot be read, or is not UTF-8
   */
  public static String read(Path file) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw FlyException.usage(
          "there is no file " + file,
          "looked for it at " + file.toAbsolutePath(),
          "is the path right? ls -l " + ShellWord.of(file));
    } catch (IOException e) {
      if (Files.isDirectory(file)) {
        throw FlyException.usage(
            "could not read " + file,
            "it is a folder",
            "name a file of it: ls " + ShellWord.of(file));
      }
      throw FlyException.usage(
          "could not read " + file,
          FlyException.reason(e),
          "may you read it? ls -l " + ShellWord.of(file));
    }
    return text(bytes, file.toString());
  }

  /**
   * The text of stdin, whole.
   *
   * @throws FlyException if it cannot be read, or is not UTF-8
   */
  public static String stdin() {
    try {
      return text(System.in.readAllBytes(), STDIN);
    } catch (IOException e) {
      throw FlyException.usage("could not read stdin", FlyException.reason(e), "run this again");
    }
  }

  /** Decodes bytes that were read from there. */
  public static String text(byte[] bytes, String file) {
    for (var one : bytes) if (one == 0) throw notUtf8(file, "UTF-16");
    try {
      var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith("\ufeff") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw notUtf8(file, "ISO-8859-1");
    }
  }

  private static FlyException notUtf8(String file, String charset) {
    return FlyException.usage(
        file + " is not UTF-8 text",
        "it looks like " + charset,
        file.equals(STDIN)
            ? "iconv -f %s -t UTF-8 before this command in the pipe".formatted(charset)
            : "iconv -f %s -t UTF-8 %s > %s"
                .formatted(charset, ShellWord.of(file), ShellWord.of(file + ".utf8")));
  }
}
