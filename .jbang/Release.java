///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Release a version: its number, changelog, commit, tag and jar: release [--dry-run] X.Y.Z.

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;

/** Cuts a release in this clone; what is pushed where stays with its owner. */
class Release {
  private static final String UNRELEASED = "## Unreleased\n";

  private static Path root;
  private static boolean dryRun;

  public static void main(String... args) throws Exception {
    root = Path.of(System.getenv().getOrDefault("FLY_ROOT", ".")).toAbsolutePath().normalize();
    var words = List.of(args);
    dryRun = words.contains("--dry-run") || words.contains("-n");
    var version = words.stream().filter(word -> !word.startsWith("-")).findFirst().orElse("");
    if (!version.matches("\\d+\\.\\d+\\.\\d+")) {
      stop(2, version + " is no version", "X.Y.Z was expected", "./jbang release -n 0.1.0");
    }

    // 1. Refuse what cannot become a release.
    if (!git("tag", "--list", "v" + version).isEmpty()) {
      stop(1, "v" + version + " is there already", "git has this tag", "choose the next version");
    }
    if (!dryRun && !git("status", "--porcelain").isEmpty()) {
      stop(1, "the clone has changes", "a release is a commit", "git stash, or commit them");
    }
    var changelog = Files.readString(root.resolve("CHANGELOG.md"));
    var start = changelog.indexOf(UNRELEASED);
    var end = changelog.indexOf("\n## ", start + 1);
    var notes =
        start < 0
            ? ""
            : changelog.substring(start + UNRELEASED.length(), end < 0 ? changelog.length() : end);
    if (notes.isBlank()) {
      stop(1, "nothing to release", "CHANGELOG.md has nothing under Unreleased", "write it first");
    }

    // 2. Cut the changelog and set the version.
    var today = LocalDate.now(ZoneOffset.UTC);
    write(
        "CHANGELOG.md",
        changelog.replace(UNRELEASED, UNRELEASED + "\n## %s (%s)\n".formatted(version, today)));
    var stated = "lib/fly/cli/Version.java";
    write(
        stated,
        Files.readString(root.resolve(stated))
            .replaceFirst("( OURS = )\"[^\"]+\"", "$1\"" + version + "\""));

    // 3. Commit, tag, and build the jar.
    run("git", "commit", "-am", "Release " + version);
    run("git", "tag", "-a", "v" + version, "-m", "Release " + version);
    run(root.resolve("jbang").toString(), "dist");
    System.out.println(
        "Left to do: git push --follow-tags, and serve dist/ by HTTP: a catalog and a Maven"
            + " repository.");
  }

  private static void write(String file, String text) throws IOException {
    System.out.println((dryRun ? "would write " : "write ") + file);
    if (!dryRun) Files.writeString(root.resolve(file), text);
  }

  private static void run(String... command) throws Exception {
    System.out.println((dryRun ? "would run " : "run ") + String.join(" ", command));
    if (dryRun) return;
    var code = new ProcessBuilder(command).directory(root.toFile()).inheritIO().start().waitFor();
    if (code != 0)
      stop(1, command[0] + " failed", "exit code " + code, "mend it, then go on by hand");
  }

  private static String git(String... words) throws Exception {
    var command = new java.util.ArrayList<>(List.of("git"));
    command.addAll(List.of(words));
    var process = new ProcessBuilder(command).directory(root.toFile()).start();
    var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0)
      stop(1, "git failed", String.join(" ", command), "is this a clone?");
    return out.strip();
  }

  private static void stop(int code, String what, String why, String next) {
    System.err.printf("error: %s%n  why: %s%n  try: %s%n", what, why, next);
    System.exit(code);
  }
}
