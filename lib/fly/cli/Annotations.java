package fly.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipFile;

/**
 * The annotations of picocli that a class file has, read from its bytes. The JVM would make a class
 * for each kind of annotation and look up each of its methods, which takes longer than all else
 * that a short command does.
 */
final class Annotations {
  private static final String PICOCLI = "Lpicocli/CommandLine$";

  /** By the name of the annotation, such as Option: the values that are given. */
  final Map<String, Map<String, Object>> ofClass;

  /** The same by the names of fields, in their order. */
  final Map<String, Map<String, Map<String, Object>>> fields;

  /** The same by the names of methods, in their order. */
  final Map<String, Map<String, Map<String, Object>>> methods;

  private final ByteBuffer in;
  private final int[] constants;

  /**
   * Reads the class file in this jar.
   *
   * @throws IOException if it is not there
   */
  static Annotations of(Class<?> type, ZipFile jar) throws IOException {
    var entry = jar.getEntry(type.getName().replace('.', '/') + ".class");
    if (entry == null) throw new IOException(type + " is not in " + jar.getName());
    try (var in = jar.getInputStream(entry)) {
      return new Annotations(in.readAllBytes());
    }
  }

  /** Reads a class file (Java Virtual Machine Specification, chapter 4). */
  Annotations(byte[] file) {
    in = ByteBuffer.wrap(file);
    in.position(8); // after the magic number and the version
    constants = new int[number()];
    for (int i = 1; i < constants.length; i++) {
      constants[i] = in.position();
      var tag = in.get();
      switch (tag) {
        case 1 -> skip(number()); // a text
        case 3, 4, 9, 10, 11, 12, 17, 18 -> skip(4);
        case 5, 6 -> { // a long or a double, which counts twice
          skip(8);
          i++;
        }
        case 7, 8, 16, 19, 20 -> skip(2);
        case 15 -> skip(3);
        default -> throw new IllegalArgumentException("constant of kind " + tag);
      }
    }
    skip(6); // access flags, this class, its superclass
    skip(2 * number()); // interfaces
    fields = members();
    methods = members();
    ofClass = attributes();
  }

  private Map<String, Map<String, Map<String, Object>>> members() {
    var members = new LinkedHashMap<String, Map<String, Map<String, Object>>>();
    for (int left = number(); left > 0; left--) {
      skip(2); // access flags
      var name = number();
      skip(2); // descriptor
      var annotations = attributes();
      if (annotations.isEmpty()) continue;
      if (members.put(text(name), annotations) != null) {
        throw new IllegalArgumentException("two methods " + text(name));
      }
    }
    return members;
  }

  private Map<String, Map<String, Object>> attributes() {
    Map<String, Map<String, Object>> annotations = Map.of();
    for (int left = number(); left > 0; left--) {
      var name = text(number());
      var end = in.getInt() + in.position();
      if (name.equals("RuntimeVisibleAnnotations")) annotations = annotations();
      in.position(end);
    }
    return annotations;
  }

  private Map<String, Map<String, Object>> annotations() {
    var annotations = new LinkedHashMap<String, Map<String, Object>>();
    for (int left = number(); left > 0; left--) {
      var type = text(number());
      var values = new LinkedHashMap<String, Object>();
      for (int pairs = number(); pairs > 0; pairs--) {
        var name = text(number());
        values.put(name, value());
      }
      if (type.startsWith(PICOCLI)) {
        annotations.put(type.substring(PICOCLI.length(), type.length() - 1), values);
      }
    }
    return annotations;
  }

  /** A text, true or false, the name of a constant or class, or a list of these. */
  private Object value() {
    var tag = in.get();
    switch (tag) {
      case 's', 'c':
        return text(number());
      case 'Z':
        return in.getInt(constants[number()] + 1) != 0;
      case 'e':
        skip(2); // its type
        return text(number());
      case '[':
        List<Object> list = new ArrayList<>();
        for (int left = number(); left > 0; left--) list.add(value());
        return list;
      default:
        throw new IllegalArgumentException("value of kind " + (char) tag);
    }
  }

  private String text(int constant) {
    var at = constants[constant];
    var length = in.getShort(at + 1) & 0xffff;
    return new String(in.array(), at + 3, length, StandardCharsets.UTF_8);
  }

  private int number() {
    return in.getShort() & 0xffff;
  }

  private void skip(int bytes) {
    in.position(in.position() + bytes);
  }
}
