import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.ConstantPoolSharingOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.zip.ZipFile;

/**
 * Copies the old classes of the jars on the class path into a folder, in a form that a JVM of 25 or
 * later verifies when it makes an archive: {@code Modern FOLDER}. Those from before Java 6, which
 * are picocli's, it would verify at each start instead, a fifth of the time of a command's help.
 */
public class Modern {
  private static final int OLD = ClassFile.JAVA_6_VERSION;

  public static void main(String... args) throws Exception {
    var resolver =
        ClassHierarchyResolver.ofResourceParsing(ClassLoader.getSystemClassLoader())
            .orElse(ClassHierarchyResolver.defaultResolver());
    var files =
        ClassFile.of(
            StackMapsOption.GENERATE_STACK_MAPS,
            ConstantPoolSharingOption.NEW_POOL, // so that the code is written anew
            ClassHierarchyResolverOption.of(resolver));
    var change =
        ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)
            .andThen(ClassTransform.endHandler(to -> to.withVersion(ClassFile.JAVA_8_VERSION, 0)));
    for (var jar : System.getProperty("java.class.path").split(":")) {
      try (var zip = new ZipFile(jar)) {
        for (var entry : Collections.list(zip.entries())) {
          var name = entry.getName();
          if (!name.endsWith(".class") || name.startsWith("META-INF/")) continue;
          var model = files.parse(zip.getInputStream(entry).readAllBytes());
          if (model.majorVersion() >= OLD) continue;
          var to = Path.of(args[0], name);
          Files.createDirectories(to.getParent());
          Files.write(to, files.transformClass(model, change));
        }
      }
    }
  }
}
