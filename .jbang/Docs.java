///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DESCRIPTION Write docs/commands.md from the catalog and each command's --help.
//MAIN Docs
//SOURCES ../tests/support/CommandsPage.java ../tests/support/CompletionWords.java ../scripts/**/*.java ../lib/**/*.java

import java.nio.file.Files;
import java.nio.file.Path;

/** Writes what is made from the code: a page of docs, and the words of the shells' completion. */
class Docs {
  public static void main(String... args) throws Exception {
    var root = Path.of(System.getenv().getOrDefault("FLY_ROOT", "."));
    Files.writeString(root.resolve(CommandsPage.FILE), CommandsPage.text(root));
    Files.writeString(root.resolve(CompletionWords.FILE), CompletionWords.text(root));
  }
}
