import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive of the libraries' classes: made in the background, never in the way, never stale. */
@Tag("slow")
class ArchiveTest {
  @TempDir Path temp;
  private Path root;
  private Path library;
  private Path own;

  @BeforeEach
  void a_clone_with_a_script_and_a_library() throws Exception {
    root = Wrapper.copy(temp.resolve("clone"));
    Files.writeString(
        root.resolve("jbang-catalog.json"),
        "{\n\"fly-echo\": {\n\"script-ref\": \"scripts/guide/Echo.java\"\n}\n}\n");
    Files.createDirectories(root.resolve("scripts/guide"));
    Files.writeString(root.resolve("scripts/guide/Echo.java"), "1");
    library = temp.resolve("library-1.0.jar");
    own = Files.createDirectories(temp.resolve("dir/cache/jars")).resolve("Echo.jar");
    jar(
        library,
        "Library",
        "public class Library { public static String says() { return \"old\"; } }");
    jar(
        own,
        "Echo",
        "public class Echo { public static void main(String... args) throws Exception"
            + " {System.out.println(Library.says() +"
            + " System.getProperty(\"java.class.path\").contains(\"train.jar\"));System.in.transferTo(System.out);"
            + " } }");
    var jdk = Files.createDirectories(temp.resolve("jdk/bin"));
    for (var program : List.of("java", "javac")) {
      Files.writeString(
          jdk.resolve(program),
          """
          #!/bin/sh
          echo "'%s/bin/java' '-XX:+UseSerialGC' -classpath '%s:%s' Echo"
          exit 255
          """
              .formatted(System.getProperty("java.home"), own, library));
      Files.setPosixFilePermissions(
          jdk.resolve(program), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Files.writeString(temp.resolve("jdk/release"), "JAVA_VERSION=\"17.0.1\"\n");
    Files.writeString(temp.resolve("jbang.jar"), "x");
  }

  @Test
  void it_is_made_in_the_background_and_used_from_then_on() throws Exception {
    var first = run();
    var archive = archive();
    var second = run();

    assertEquals("oldfalse\nover here\n", first.out(), first.err());
    assertEquals("oldtrue\nover here\n", second.out(), second.err());
    assertEquals("", second.err());
    try (var files = Files.list(archive.getParent())) {
      assertEquals(
          List.of("classes", "train.jar"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
    try (var train = new ZipFile(archive.resolveSibling("train.jar").toFile())) {
      var anew = Runtime.version().feature() >= 25; // its form is too old for such a JVM
      assertEquals(anew, train.getEntry("Library.class") != null);
    }
  }

  @Test
  void a_changed_library_of_the_same_size_and_time_is_the_one_that_runs() throws Exception {
    run();
    archive();
    var time = Files.getLastModifiedTime(library);
    jar(
        library,
        "Library",
        "public class Library { public static String says() { return \"new\"; } }");
    Files.setLastModifiedTime(library, time);

    var result = run();

    assertTrue(result.out().startsWith("new"), result.toString());
  }

  @Test
  void a_damaged_archive_is_ignored_without_a_word() throws Exception {
    run();
    var archive = archive();
    Files.delete(archive);
    Files.writeString(archive, "no archive");

    var result = run();

    assertEquals("oldtrue\nover here\n", result.out(), result.err());
    assertEquals(0, result.exit());
  }

  @Test
  void it_can_be_switched_off() throws Exception {
    var result = shell().with("FLY_ARCHIVE", "off").run("./jbang", "fly-echo");

    assertEquals("oldfalse\n", result.out(), result.err());
    Thread.sleep(300);
    assertFalse(Files.exists(temp.resolve("dir/wrapper/archives")));
  }

  private Path archive() throws Exception {
    var folder = temp.resolve("dir/wrapper/archives");
    for (int i = 0; i < 1200; i++) {
      if (Files.isDirectory(folder)) {
        try (var files = Files.walk(folder)) {
          var all = files.toList();
          var failed = all.stream().filter(file -> file.endsWith("classes.failed")).findFirst();
          if (failed.isPresent()) throw new AssertionError(Files.readString(failed.get()));
          var archive =
              all.stream()
                  .filter(
                      file ->
                          file.endsWith("classes")
                              && Files.isRegularFile(file)
                              && !file.toString().contains("work."))
                  .findFirst();
          if (archive.isPresent() && all.stream().noneMatch(file -> file.endsWith("lock")))
            return archive.get();
        } catch (java.io.UncheckedIOException e) {
          // it changed while we looked
        }
      }
      Thread.sleep(100);
    }
    throw new AssertionError("no archive in two minutes");
  }

  private Sh.Result run() {
    return shell().input("over here\n").run("./jbang", "fly-echo");
  }

  private Sh shell() {
    return new Sh()
        .in(root)
        .with("HOME", temp)
        .with("JBANG_JAR", temp.resolve("jbang.jar"))
        .with("JBANG_DIR", temp.resolve("dir"))
        .with("FLY_ARCHIVE", null)
        .with("JAVA_HOME", temp.resolve("jdk"));
  }

  /** Adds the jar to the libraries that the wrapper runs. */
  private void list(Path jar) throws Exception {
    var sum = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar));
    var line = HexFormat.of().formatHex(sum) + "  " + jar.getFileName() + "\n";
    Files.writeString(root.resolve(".jbang/jars.sha256"), line, StandardOpenOption.APPEND);
  }

  private void jar(Path jar, String name, String code) throws Exception {
    var source = Files.writeString(temp.resolve(name + ".java"), code);
    ToolProvider.getSystemJavaCompiler()
        .run(
            null,
            null,
            null,
            "--release",
            "17",
            "-cp",
            library.toString(),
            "-d",
            temp.toString(),
            source.toString());
    if (name.equals("Library")) asOldAsPicocli(temp.resolve("Library.class"));
    try (var out = new JarOutputStream(Files.newOutputStream(jar))) {
      var entry = new ZipEntry(name + ".class");
      entry.setTime(0);
      out.putNextEntry(entry);
      Files.copy(temp.resolve(name + ".class"), out);
    }
    list(jar);
  }

  /** Its code has no branches, so the older form is the same but for the number. */
  private static void asOldAsPicocli(Path file) throws Exception {
    var bytes = Files.readAllBytes(file);
    bytes[7] = 49; // Java 5
    Files.write(file, bytes);
  }
}
