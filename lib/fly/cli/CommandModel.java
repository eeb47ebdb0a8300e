//SOURCES Annotations.java
package fly.cli;

import java.io.File;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipFile;
import picocli.CommandLine;
import picocli.CommandLine.IParameterPreprocessor;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.IGetter;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;

/**
 * Makes picocli's model of a command, as picocli itself does, from the annotations of its class
 * file. It knows those that most commands use; of a class with others picocli makes the model.
 */
final class CommandModel {
  private static final Map<String, Set<String>> KNOWN =
      Map.of(
          "Command", Set.of("name", "header", "description", "footer"),
          "Mixin", Set.of(),
          "Spec", Set.of("value"),
          "Option",
              Set.of(
                  "names",
                  "paramLabel",
                  "description",
                  "arity",
                  "required",
                  "split",
                  "usageHelp",
                  "versionHelp",
                  "preprocessor"),
          "Parameters", Set.of("paramLabel", "description", "arity"));

  /** A class that this cannot read. */
  @SuppressWarnings("serial")
  private static final class Unknown extends Exception {
    Unknown(String what) {
      super(what, null, false, false);
    }
  }

  private final ZipFile jar;

  private CommandModel(ZipFile jar) {
    this.jar = jar;
  }

  /** The model of this command, or the command itself, of which picocli makes one. */
  static Object of(Object script) {
    var source = script.getClass().getProtectionDomain().getCodeSource();
    if (source == null || script.getClass().getClassLoader() == null) return script;
    try (var jar = new ZipFile(new File(source.getLocation().toURI()))) {
      var spec = CommandSpec.wrapWithoutInspection(script);
      new CommandModel(jar).read(script, spec);
      return spec;
    } catch (Exception e) {
      return script; // picocli names what is wrong, if anything is
    }
  }

  /** Reads the object's class and those above it into the model; returns where its user goes. */
  private List<Field> read(Object object, CommandSpec spec) throws Exception {
    var types = new ArrayList<Class<?>>();
    for (Class<?> type = object.getClass(); type != Object.class; type = type.getSuperclass()) {
      types.add(0, type);
    }
    var users = new ArrayList<Field>();
    for (var type : types) {
      var annotations = Annotations.of(type, jar);
      for (var one : annotations.ofClass.entrySet()) {
        known(one, "Command");
        command(one.getValue(), spec);
      }
      for (var named : annotations.fields.entrySet()) {
        var field = type.getDeclaredField(named.getKey());
        field.setAccessible(true);
        var one = only(named.getValue());
        known(one, "Mixin", "Spec", "Option", "Parameters");
        switch (one.getKey()) {
          case "Mixin" -> mixin(field, object, spec);
          case "Spec" -> {
            if (!one.getValue().get("value").equals("MIXEE")) throw new Unknown("Spec");
            users.add(field);
          }
          default -> argument(one, new Binding(field, object), spec);
        }
      }
      for (var named : annotations.methods.entrySet()) {
        var one = only(named.getValue());
        known(one, "Option", "Parameters");
        argument(one, new Binding(method(type, named.getKey()), object, spec), spec);
      }
    }
    return users;
  }

  private static <T> Map.Entry<String, T> only(Map<String, T> annotations) throws Unknown {
    if (annotations.size() != 1) throw new Unknown(annotations.keySet().toString());
    return annotations.entrySet().iterator().next();
  }

  private static void known(Map.Entry<String, Map<String, Object>> annotation, String... here)
      throws Unknown {
    var kind = annotation.getKey();
    if (!Arrays.asList(here).contains(kind)
        || !KNOWN.get(kind).containsAll(annotation.getValue().keySet())) {
      throw new Unknown(kind + " " + annotation.getValue().keySet());
    }
  }

  private static void command(Map<String, Object> values, CommandSpec spec) {
    var usage = spec.usageMessage();
    if (values.containsKey("name")) spec.name((String) values.get("name"));
    if (values.containsKey("header")) usage.header(texts(values, "header"));
    if (values.containsKey("description")) usage.description(texts(values, "description"));
    if (values.containsKey("footer")) usage.footer(texts(values, "footer"));
  }

  private void mixin(Field field, Object object, CommandSpec spec) throws Exception {
    var mixed = field.get(object);
    if (mixed == null) {
      mixed = made(field.getType());
      field.set(object, mixed);
    }
    var mixin = CommandSpec.wrapWithoutInspection(mixed);
    var users = read(mixed, mixin);
    spec.addMixin(field.getName(), mixin);
    for (var user : users) user.set(mixed, spec);
  }

  private static Object made(Class<?> type) throws ReflectiveOperationException {
    var constructor = type.getDeclaredConstructor();
    constructor.setAccessible(true);
    return constructor.newInstance();
  }

  private static Method method(Class<?> type, String name) throws Unknown {
    for (var method : type.getDeclaredMethods()) {
      if (method.getName().equals(name) && method.getParameterCount() == 1) {
        method.setAccessible(true);
        return method;
      }
    }
    throw new Unknown(name);
  }

  private static void argument(
      Map.Entry<String, Map<String, Object>> annotation, Binding binding, CommandSpec spec)
      throws Exception {
    if (annotation.getKey().equals("Option")) option(annotation.getValue(), binding, spec);
    else parameter(annotation.getValue(), binding, spec);
  }

  private static void option(Map<String, Object> values, Binding binding, CommandSpec spec)
      throws Exception {
    var option =
        OptionSpec.builder(texts(values, "names"))
            .type(binding.type)
            .auxiliaryTypes(binding.typesWithin())
            .getter(binding)
            .setter(binding)
            .initialValue(binding.initial)
            .hasInitialValue(binding.hasInitial())
            .userObject(binding.member)
            .paramLabel(binding.label(values))
            .description(texts(values, "description"))
            .splitRegex((String) values.getOrDefault("split", ""))
            .required((boolean) values.getOrDefault("required", false))
            .usageHelp((boolean) values.getOrDefault("usageHelp", false))
            .versionHelp((boolean) values.getOrDefault("versionHelp", false));
    if (values.containsKey("arity")) option.arity((String) values.get("arity"));
    if (values.containsKey("preprocessor")) {
      var type = (String) values.get("preprocessor"); // Lfly/cli/Options$Attached;
      var name = type.substring(1, type.length() - 1).replace('/', '.');
      option.preprocessor((IParameterPreprocessor) made(Class.forName(name)));
    }
    spec.addOption(option.build());
  }

  private static void parameter(Map<String, Object> values, Binding binding, CommandSpec spec)
      throws Unknown {
    var arity = (String) values.getOrDefault("arity", binding.isMultiple() ? "0..1" : "1");
    var parameter =
        PositionalParamSpec.builder()
            .type(binding.type)
            .auxiliaryTypes(binding.typesWithin())
            .getter(binding)
            .setter(binding)
            .initialValue(binding.initial)
            .hasInitialValue(binding.hasInitial())
            .userObject(binding.member)
            .paramLabel(binding.label(values))
            .description(texts(values, "description"))
            .arity(arity)
            .required(!arity.startsWith("0"));
    spec.addPositional(parameter.build());
    if (spec.positionalParameters().size() > 1) throw new Unknown("an order");
  }

  /** The field or the method that takes an argument's value. */
  private static final class Binding implements IGetter, ISetter {
    final Member member;
    final Class<?> type;
    final Object initial;
    private final Type generic;
    private final Object object;
    private final CommandSpec spec;
    private Object last;

    Binding(Field field, Object object) throws IllegalAccessException {
      member = field;
      type = field.getType();
      generic = field.getGenericType();
      initial = field.get(object);
      this.object = object;
      spec = null;
    }

    Binding(Method method, Object object, CommandSpec spec) {
      member = method;
      type = method.getParameterTypes()[0];
      generic = method.getGenericParameterTypes()[0];
      initial = null;
      this.object = object;
      this.spec = spec;
    }

    String label(Map<String, Object> values) {
      return (String) values.getOrDefault("paramLabel", "<" + member.getName() + ">");
    }

    /** A method is not called before there is a value. */
    boolean hasInitial() {
      return member instanceof Field;
    }

    boolean isMultiple() {
      return type.isArray()
          || Collection.class.isAssignableFrom(type)
          || Map.class.isAssignableFrom(type);
    }

    /** The types of a collection's elements, or of a map's keys and values. */
    Class<?>[] typesWithin() throws Unknown {
      if (!(generic instanceof ParameterizedType within)) return new Class<?>[0];
      var types = new ArrayList<Class<?>>();
      for (var one : within.getActualTypeArguments()) {
        if (!(one instanceof Class<?> known)) throw new Unknown(generic.getTypeName());
        types.add(known);
      }
      return types.toArray(new Class<?>[0]);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T get() throws Exception {
      return (T) (member instanceof Field field ? field.get(object) : last);
    }

    @Override
    public <T> T set(T value) throws Exception {
      T before = get();
      if (member instanceof Field field) {
        field.set(object, value);
        return before;
      }
      try {
        ((Method) member).invoke(object, value);
      } catch (InvocationTargetException e) {
        var why = e.getTargetException();
        var command = spec.commandLine() == null ? new CommandLine(spec) : spec.commandLine();
        throw new ParameterException(
            command, "Could not invoke %s with %s (%s)".formatted(member, value, why), why);
      }
      last = value;
      return before;
    }
  }

  private static String[] texts(Map<String, Object> values, String name) {
    return values.get(name) instanceof Collection<?> list
        ? list.toArray(new String[0])
        : new String[] {(String) values.get(name)};
  }
}
