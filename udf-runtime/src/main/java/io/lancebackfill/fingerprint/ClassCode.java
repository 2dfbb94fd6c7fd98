package io.lancebackfill.fingerprint;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ScalarUdf;
import io.lancebackfill.udf.ScalarUdf1;
import io.lancebackfill.udf.ScalarUdf2;
import io.lancebackfill.udf.ScalarUdf3;
import io.lancebackfill.udf.ScalarUdf4;
import io.lancebackfill.udf.ScalarUdf5;
import io.lancebackfill.udf.Udf;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.xbean.asm9.ClassReader;
import org.apache.xbean.asm9.ClassVisitor;
import org.apache.xbean.asm9.ClassWriter;
import org.apache.xbean.asm9.Opcodes;
import org.jspecify.annotations.Nullable;

/**
 * The code of a class: its bytes, those of the classes nested in it (named, local and anonymous) or
 * in the same top-level class if it mentions them, and those of its superclasses and interfaces,
 * without debug information. What Java, Scala, Spark and Arrow ship does not count, nor do other
 * classes that the code merely calls.
 */
final class ClassCode {
  private static final List<String> PLATFORM =
      List.of(
          "java/", "javax/", "jdk/", "sun/", "scala/", "org/apache/spark/", "org/apache/arrow/");
  private static final Set<String> OUR_INTERFACES =
      Stream.of(
              Udf.class,
              ColumnUdf.class,
              ScalarUdf.class,
              ScalarUdf1.class,
              ScalarUdf2.class,
              ScalarUdf3.class,
              ScalarUdf4.class,
              ScalarUdf5.class)
          .map(type -> internalName(type.getName()))
          .collect(Collectors.toUnmodifiableSet());

  private final ClassLoader loader;
  private final String function;
  private final Map<String, byte[]> code = new TreeMap<>();
  private final Deque<String> pending = new ArrayDeque<>();

  private ClassCode(String function, ClassLoader loader) {
    this.function = function;
    this.loader = loader;
  }

  /**
   * The code by class name.
   *
   * @param function the name that failures show
   */
  static Map<String, byte[]> of(String function, Class<?> type) {
    String problem = withoutStableCode(type);
    if (problem != null) {
      throw FingerprintException.needsVersion(function, problem);
    }
    ClassLoader loader = type.getClassLoader();
    ClassCode code =
        new ClassCode(function, loader == null ? ClassLoader.getSystemClassLoader() : loader);
    code.collect(internalName(type.getName()));
    return code.code;
  }

  static boolean isPlatform(Class<?> type) {
    Class<?> element = type;
    while (element.isArray()) {
      element = element.getComponentType();
    }
    return element.isPrimitive() || isPlatform(internalName(element.getName()));
  }

  private static boolean isPlatform(String internalName) {
    return OUR_INTERFACES.contains(internalName)
        || PLATFORM.stream().anyMatch(internalName::startsWith);
  }

  private static @Nullable String withoutStableCode(Class<?> type) {
    if (type.isHidden() || type.isSynthetic() || type.getName().contains("$$Lambda")) {
      return "it is a lambda or method reference, whose class is made anew in every process";
    }
    if (Proxy.isProxyClass(type)) {
      return "it is a dynamic proxy, whose class is made anew in every process";
    }
    if (type.getName().contains("$line") && type.getName().contains("$read")) {
      return "it was defined in a Scala shell, which numbers its classes by input line";
    }
    return null;
  }

  private void collect(String start) {
    pending.add(start);
    while (!pending.isEmpty()) {
      String name = pending.remove();
      if (!code.containsKey(name) && !isPlatform(name)) {
        read(name);
      }
    }
  }

  private void read(String name) {
    ClassReader reader = new ClassReader(bytes(name));
    ClassWriter withoutDebug = new ClassWriter(0);
    String topLevel = topLevel(name);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, withoutDebug) {
          @Override
          public void visitInnerClass(String inner, String outer, String simple, int access) {
            if (topLevel(inner).equals(topLevel)) {
              pending.add(inner);
            }
            super.visitInnerClass(inner, outer, simple, access);
          }
        },
        ClassReader.SKIP_DEBUG);
    code.put(name, withoutDebug.toByteArray());
    if (reader.getSuperName() != null) {
      pending.add(reader.getSuperName());
    }
    pending.addAll(Arrays.asList(reader.getInterfaces()));
  }

  private byte[] bytes(String name) {
    try (InputStream in = loader.getResourceAsStream(name + ".class")) {
      if (in == null) {
        throw FingerprintException.needsVersion(
            function, "the class file of '%s' cannot be read".formatted(name.replace('/', '.')));
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw FingerprintException.failed(
          "The class file of '%s', which function '%s' uses, cannot be read: %s. "
                  .formatted(name.replace('/', '.'), function, e)
              + "Check the jar, or give the function a version: "
              + FingerprintException.VERSION_OPTION
              + ".",
          e);
    }
  }

  private static String topLevel(String internalName) {
    int nested = internalName.indexOf('$', internalName.lastIndexOf('/') + 2);
    return nested < 0 ? internalName : internalName.substring(0, nested);
  }

  private static String internalName(String name) {
    return name.replace('.', '/');
  }
}
