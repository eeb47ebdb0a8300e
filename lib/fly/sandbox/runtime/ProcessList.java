//SOURCES ../model/ApiError.java ../model/JsonNodes.java
package fly.sandbox.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import fly.sandbox.model.ApiError;
import fly.sandbox.model.JsonNodes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * The processes of a Machine, as its ps lists them: the pid that the Machine itself sees, and times
 * in milliseconds. It is a guess that rtime is the time since the start, cpu the time on a
 * processor, and stime the kernel's part of it. Fields from /proc are filled on Linux only.
 */
public final class ProcessList {
  private static final Set<String> NUMBERS = Set.of("pid", "stime", "rtime", "cpu", "rss");
  private static final Set<String> TEXTS = Set.of("command", "directory");
  private static final int TICK = 10; // milliseconds: Linux counts 100 a second
  private static final String LISTENING = "0A";

  private ProcessList() {}

  /**
   * @param sortBy one of the fields; null for the order of their starts
   * @param order asc (null too) or desc
   */
  public static JsonNode json(List<ProcessHandle> processes, String sortBy, String order) {
    var all = new ArrayList<ObjectNode>();
    for (var process : processes) all.add(json(process));
    if (sortBy != null && !sortBy.isEmpty()) {
      if (NUMBERS.contains(sortBy)) {
        all.sort(Comparator.comparingLong(one -> one.path(sortBy).asLong()));
      } else if (TEXTS.contains(sortBy)) {
        all.sort(Comparator.comparing(one -> one.path(sortBy).asText()));
      } else {
        throw ApiError.invalid("sort_by " + sortBy);
      }
    }
    switch (order == null ? "" : order) {
      case "", "asc" -> {}
      case "desc" -> Collections.reverse(all);
      default -> throw ApiError.invalid("order", "must be asc or desc");
    }
    return JsonNodes.list(all, one -> one);
  }

  private static ObjectNode json(ProcessHandle process) {
    var info = process.info();
    var proc = Path.of("/proc", String.valueOf(process.pid()));
    var started = info.startInstant().orElseGet(Instant::now);
    var json =
        JsonNodes.object()
            .put("pid", process.pid())
            .put("stime", 0)
            .put("rtime", Math.max(0, Duration.between(started, Instant.now()).toMillis()))
            .put("command", info.commandLine().or(info::command).orElse(""))
            .put("directory", "/")
            .put("cpu", info.totalCpuDuration().orElse(Duration.ZERO).toMillis())
            .put("rss", 0);
    var sockets = json.putArray("listen_sockets");
    try {
      for (var line : Files.readAllLines(proc.resolve("status"))) {
        var words = line.split("\\s+");
        if (words[0].equals("NSpid:")) json.put("pid", Long.parseLong(words[words.length - 1]));
        if (words[0].equals("VmRSS:")) json.put("rss", Long.parseLong(words[1]) * 1024);
      }
      var stat = Files.readString(proc.resolve("stat"));
      var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" "); // from the third on
      json.put("stime", Long.parseLong(fields[12]) * TICK);
      json.put("directory", Files.readSymbolicLink(proc.resolve("cwd")).toString());
      listening(proc, sockets);
    } catch (IOException | UncheckedIOException e) {
      // no Linux, or it has just ended
    }
    return json;
  }

  /** Lists the listening sockets of the namespace that are among the process's own files. */
  private static void listening(Path proc, ArrayNode sockets) throws IOException {
    var own = new HashSet<String>();
    try (var files = Files.newDirectoryStream(proc.resolve("fd"))) {
      for (var file : files) {
        try {
          own.add(Files.readSymbolicLink(file).toString());
        } catch (NoSuchFileException e) {
          // closed meanwhile
        }
      }
    }
    for (var table : List.of("tcp", "tcp6")) {
      for (var line : Files.readAllLines(proc.resolve("net").resolve(table))) {
        var words = line.strip().split("\\s+"); // number, local, remote, state, ..., inode
        if (!words[3].equals(LISTENING) || !own.contains("socket:[" + words[9] + "]")) continue;
        sockets.addObject().put("proto", "tcp").put("address", address(words[1]));
      }
    }
  }

  /** Formats an address of /proc/net: words of four bytes, each in reverse order, and the port. */
  private static String address(String hex) throws IOException {
    var colon = hex.indexOf(':');
    var given = HexFormat.of().parseHex(hex.substring(0, colon));
    var bytes = new byte[given.length];
    for (var i = 0; i < given.length; i++) bytes[i] = given[i / 4 * 4 + 3 - i % 4];
    var address = InetAddress.getByAddress(bytes);
    var text = address.getHostAddress();
    var port = Integer.parseInt(hex.substring(colon + 1), 16);
    return (text.contains(":") ? "[" + text + "]" : text) + ":" + port;
  }
}
