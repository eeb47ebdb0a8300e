//SOURCES ../../Fly.java ../../FlyException.java ../../cli/Reference.java JsoncEditor.java
package fly.mcp.launch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import fly.Fly;
import fly.FlyException;
import fly.cli.Reference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Configuration file of an MCP client, with the servers that the client starts. */
public final class ClientConfigFile {
  private static final String BOM = "\ufeff";

  /** The clients whose files are known: their own documentation, as of November 2026. */
  public enum Client {
    CLAUDE_DESKTOP("mcpServers"),
    CLAUDE_CODE("mcpServers"),
    CURSOR("mcpServers"),
    VSCODE("servers");

    final String section;

    Client(String section) {
      this.section = section;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public final Client client;
  public final Path file;

  /** The byte order mark of the file, if it has one, which stays. */
  private String mark = "";

  private ClientConfigFile(Client client, Path file) {
    this.client = client;
    this.file = file;
  }

  /** The user's own file, for all projects. */
  public static ClientConfigFile ofUser(Client client) {
    var home = Path.of(System.getProperty("user.home"));
    return new ClientConfigFile(
        client,
        switch (client) {
          case CLAUDE_DESKTOP -> programs(home).resolve("Claude/claude_desktop_config.json");
          case CLAUDE_CODE -> home.resolve(".claude.json");
          case CURSOR -> home.resolve(".cursor/mcp.json");
          case VSCODE -> programs(home).resolve("Code/User/mcp.json");
        });
  }

  /**
   * The file of one project.
   *
   * @throws FlyException for Claude Desktop, which has no projects
   */
  public static ClientConfigFile ofProject(Client client, Path folder) {
    return new ClientConfigFile(
        client,
        switch (client) {
          case CLAUDE_CODE -> folder.resolve(".mcp.json");
          case CURSOR -> folder.resolve(".cursor/mcp.json");
          case VSCODE -> folder.resolve(".vscode/mcp.json");
          case CLAUDE_DESKTOP ->
              throw FlyException.usage(
                  "Claude Desktop knows no projects", "it has one file", "--scope user");
        });
  }

  /** The user's files of these clients, or of all clients found on this computer. */
  public static List<ClientConfigFile> ofUser(List<Client> clients) {
    return (clients.isEmpty() ? found() : clients).stream().map(ClientConfigFile::ofUser).toList();
  }

  /** Clients on this computer: their folder or file exists. */
  public static List<Client> found() {
    return Arrays.stream(Client.values())
        .filter(
            client -> {
              var file = ofUser(client).file;
              if (Files.exists(file)) return true;
              return client != Client.CLAUDE_CODE && Files.isDirectory(file.getParent());
            })
        .toList();
  }

  private static Path programs(Path home) {
    if (system("Mac")) return home.resolve("Library/Application Support");
    if (system("Windows")) return home.resolve("AppData/Roaming");
    return home.resolve(".config");
  }

  private static boolean system(String name) {
    return System.getProperty("os.name").startsWith(name);
  }

  /** The server of this name; missing if there is none. */
  public JsonNode get(String name) {
    try {
      return JsoncEditor.get(read(), client.section, name);
    } catch (JsonProcessingException e) {
      throw broken(e);
    }
  }

  /**
   * The server as this client has it in its file. On Windows a shell starts it: clients are Node
   * programs, and Node starts no .cmd, which is what jbang is there (CVE-2024-27980).
   */
  public JsonNode entry(List<String> command) {
    var entry = Fly.JSON.createObjectNode();
    if (client == Client.CLAUDE_CODE || client == Client.VSCODE) entry.put("type", "stdio");
    var words = new ArrayList<>(command);
    if (system("Windows")) words.addAll(0, List.of("cmd", "/c"));
    entry.put("command", words.get(0));
    words.stream().skip(1).forEach(entry.putArray("args")::add);
    var environment = Reference.environment();
    if (!environment.isEmpty()) entry.set("env", Fly.JSON.mapper().valueToTree(environment));
    return entry;
  }

  /**
   * Writes the server of this name in place of the one there was.
   *
   * @return true if that changed anything
   */
  public boolean put(String name, JsonNode entry) {
    try {
      var before = read();
      if (JsoncEditor.get(before, client.section, name).equals(entry)) return false;
      return write(before, JsoncEditor.put(before, client.section, name, entry));
    } catch (JsonProcessingException e) {
      throw broken(e);
    }
  }

  /**
   * Removes the server of this name.
   *
   * @return true if there was one
   */
  public boolean remove(String name) {
    try {
      var before = read();
      return write(before, JsoncEditor.remove(before, client.section, name));
    } catch (JsonProcessingException e) {
      throw broken(e);
    }
  }

  private String read() {
    try {
      if (!Files.exists(file)) return "";
      var text = Files.readString(file);
      mark = text.startsWith(BOM) ? BOM : "";
      return text.substring(mark.length());
    } catch (IOException e) {
      throw new FlyException(
          file + " cannot be read", e.toString(), "who owns it, and is it UTF-8?");
    }
  }

  /** Keeps the old file as .bak, and replaces it by the new one in one step. */
  private boolean write(String before, String after) {
    if (after.equals(before)) return false;
    try {
      Files.createDirectories(file.getParent());
      var target = Files.exists(file) ? file.toRealPath() : file;
      if (Files.exists(target)) {
        var backup = target.resolveSibling(target.getFileName() + ".bak");
        Files.copy(
            target,
            backup,
            StandardCopyOption.REPLACE_EXISTING,
            StandardCopyOption.COPY_ATTRIBUTES);
      }
      var temporary = Files.createTempFile(target.getParent(), ".mcp", null); // its owner's alone
      try {
        Files.write(temporary, (mark + after).getBytes(StandardCharsets.UTF_8));
        if (Files.exists(target)) keepPermissions(target, temporary);
        Files.move(
            temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(temporary);
      }
      return true;
    } catch (IOException e) {
      throw new FlyException(
          file + " cannot be written", e.toString(), "may you write there, and is there room?");
    }
  }

  /**
   * Gives the file at most the permissions that it had, and none to others: it may hold secrets.
   */
  private static void keepPermissions(Path from, Path to) throws IOException {
    if (!from.getFileSystem().supportedFileAttributeViews().contains("posix")) return;
    var owner = PosixFilePermissions.fromString("rwx------");
    owner.retainAll(Files.getPosixFilePermissions(from));
    Files.setPosixFilePermissions(to, owner);
  }

  private FlyException broken(JsonProcessingException e) {
    var at = e.getLocation();
    return new FlyException(
        file + " is not JSON",
        "%s (line %d, column %d); it was left as it is"
            .formatted(
                e.getOriginalMessage(),
                at == null ? 0 : at.getLineNr(),
                at == null ? 0 : at.getColumnNr()),
        "repair it, then run this again");
  }
}
