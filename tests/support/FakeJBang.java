import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** A jbang for the PATH that appends its arguments to the file {@code asked}. */
final class FakeJBang {
  private FakeJBang() {}

  /** Writes it into a folder, and returns the folder. */
  static Path in(Path folder) throws IOException {
    return in(folder, "exit 0");
  }

  static Path in(Path folder, String script) throws IOException {
    var file = Files.createDirectories(folder).resolve("jbang");
    Files.writeString(file, "#!/bin/sh\necho \"$@\" >>" + folder + "/asked\n" + script + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    return folder;
  }
}
