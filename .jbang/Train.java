import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * Loads the classes that a step needs, so that they get into the archive that
 * .jbang/make-archive.sh makes: {@code Train SCRIPT_JAR MAIN KEYS}. The libraries are on the class
 * path and are archived; the script's own classes are not, so that an archive outlives them. One
 * request, and one over TLS, goes to a server of its own on this machine, and MAIN is asked for its
 * help.
 */
public class Train {
  private static final String ANSWER =
      "[{\"id\":\"1\",\"name\":\"a\",\"state\":\"started\",\"cpus\":1,\"share\":0.5,\"on\":true,\"none\":null}]";

  /** Classes that a step needs beside those of a request and of the help. */
  private static final List<String> LATER =
      List.of(
          "com.fasterxml.jackson.core.JsonPointer",
          "com.fasterxml.jackson.core.JsonPointer$PointerParent",
          "com.fasterxml.jackson.databind.node.JsonNodeType",
          "java.nio.file.NoSuchFileException",
          "java.util.ArrayList$ListItr",
          "java.util.Formattable",
          "java.util.ImmutableCollections$SubList",
          "java.util.concurrent.Callable",
          "java.util.concurrent.ThreadLocalRandom",
          "java.util.stream.Nodes$FixedNodeBuilder",
          "picocli.CommandLine$IExitCodeGenerator",
          "picocli.CommandLine$ParseResult$GroupValidationResult",
          "picocli.CommandLine$ParseResult$GroupValidationResult$Type",
          "sun.net.www.protocol.jar.JarURLConnection",
          "sun.net.www.protocol.jar.JarURLConnection$JarURLInputStream",
          "sun.net.www.protocol.jar.JarFileFactory",
          "sun.net.www.protocol.jar.URLJarFile",
          "sun.net.www.protocol.jar.URLJarFile$URLJarFileCloseController",
          "sun.net.www.protocol.jar.URLJarFile$URLJarFileEntry",
          "sun.nio.fs.UnixException",
          "sun.nio.fs.UnixFileAttributeViews$Posix");

  private static final char[] PASSWORD = "training".toCharArray();

  public static void main(String... args) throws Exception {
    var own = new URLClassLoader(new URL[] {Path.of(args[0]).toUri().toURL()});
    Thread.currentThread().setContextClassLoader(own);
    try (var server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      start(server);
      request(own, "http://127.0.0.1:" + server.getLocalPort());
    }
    try (var server = tls(Path.of(args[2]).toFile())) {
      start(server);
      request(own, "https://127.0.0.1:" + server.getLocalPort());
    } catch (IOException | GeneralSecurityException e) {
      System.err.println("no TLS: " + e);
    }
    for (var name : LATER) {
      try {
        Class.forName(name, false, own);
      } catch (ClassNotFoundException e) {
        // of a library that these scripts do not have, or of another JDK
      }
    }
    var main = own.loadClass(args[1]).getDeclaredMethod("main", String[].class);
    main.setAccessible(true);
    main.invoke(null, (Object) new String[] {"--help"});
  }

  private static ServerSocket tls(File keys) throws IOException, GeneralSecurityException {
    var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(KeyStore.getInstance(keys, PASSWORD), PASSWORD);
    var context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    return context
        .getServerSocketFactory()
        .createServerSocket(0, 5, InetAddress.getLoopbackAddress());
  }

  private static void start(ServerSocket server) {
    var thread = new Thread(() -> serve(server));
    thread.setDaemon(true);
    thread.start();
  }

  /** A script without the client of the Machines API has nothing to ask. */
  private static void request(ClassLoader own, String url) {
    System.setProperty("FLY_API_HOSTNAME", url);
    System.setProperty("FLY_API_TOKEN", "training");
    try {
      var type = own.loadClass("fly.Fly");
      var fly = type.getMethod("connect").invoke(null);
      var answer =
          type.getMethod("get", String.class, Object[].class)
              .invoke(fly, "/apps/{app}/machines", new Object[] {"training"});
      type.getMethod("pretty", Class.forName("com.fasterxml.jackson.databind.JsonNode"))
          .invoke(null, answer);
    } catch (ReflectiveOperationException e) {
      System.err.println("no request: " + e);
    }
  }

  private static void serve(ServerSocket server) {
    try {
      while (true) {
        try (var client = server.accept()) {
          var in = client.getInputStream();
          for (int last = 0, next; (next = in.read()) >= 0; ) {
            last = next == '\r' ? last : next == '\n' ? last + 1 : 0;
            if (last == 2) break; // an empty line ends the head
          }
          var answer =
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                      .formatted(ANSWER.length())
                  + "Connection: close\r\n\r\n"
                  + ANSWER;
          client.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
        }
      }
    } catch (IOException e) {
      // the server is closed
    }
  }
}
