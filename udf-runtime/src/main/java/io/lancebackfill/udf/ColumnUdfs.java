package io.lancebackfill.udf;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import org.jspecify.annotations.Nullable;

/** Makes functions from class names. */
public final class ColumnUdfs {
  private static final String REMEDY =
      " A function is a public class that is not abstract, has a public constructor without"
          + " arguments and implements "
          + ColumnUdf.class.getName()
          + ".";

  private ColumnUdfs() {}

  /** Loads the class with the thread's context class loader, where Spark puts added jars. */
  public static ColumnUdf load(String className) {
    return load(className, Thread.currentThread().getContextClassLoader());
  }

  /**
   * Loads a class and makes a new function of it.
   *
   * @param className the binary name, {@code a.b.Outer$Inner} for a nested class
   * @param loader null for the loader of this class
   * @throws InvalidFunctionException if there is no such class or it cannot be a function
   */
  public static ColumnUdf load(String className, @Nullable ClassLoader loader) {
    return construct(find(className, loader));
  }

  private static Class<? extends ColumnUdf> find(String className, @Nullable ClassLoader loader) {
    ClassLoader from = loader == null ? ColumnUdfs.class.getClassLoader() : loader;
    Class<?> found;
    try {
      // Not initialised: only a function's code may run, not that of any class that is named.
      found = Class.forName(className, false, from);
    } catch (ClassNotFoundException e) {
      throw new InvalidFunctionException(
          "Class '%s' was not found. It is on no jar that this session knows. ".formatted(className)
              + "Add the jar with --jars or ADD JAR; write a nested class as Outer$Inner.",
          e);
    } catch (LinkageError e) {
      throw notLoaded(className, e);
    }
    if (!ColumnUdf.class.isAssignableFrom(found)) {
      throw new InvalidFunctionException(
          "Class '%s' does not implement %s.".formatted(className, ColumnUdf.class.getName())
              + REMEDY,
          null);
    }
    int modifiers = found.getModifiers();
    if (!Modifier.isPublic(modifiers) || Modifier.isAbstract(modifiers)) {
      throw new InvalidFunctionException(
          "Class '%s' is %s.".formatted(className, Modifier.toString(modifiers)) + REMEDY, null);
    }
    return found.asSubclass(ColumnUdf.class);
  }

  private static InvalidFunctionException notLoaded(String className, LinkageError e) {
    return new InvalidFunctionException(
        "Class '%s' cannot be loaded: %s. "
                .formatted(className, e.getCause() == null ? e : e.getCause())
            + "Add the jars that it needs and compile it for this Java version.",
        e);
  }

  private static ColumnUdf construct(Class<? extends ColumnUdf> type) {
    Constructor<? extends ColumnUdf> constructor;
    try {
      constructor = type.getConstructor();
    } catch (NoSuchMethodException e) {
      throw new InvalidFunctionException(
          "Class '%s' has no public constructor without arguments.".formatted(type.getName())
              + REMEDY
              + " A nested class must be static.",
          e);
    }
    try {
      return constructor.newInstance();
    } catch (LinkageError e) {
      throw notLoaded(type.getName(), e);
    } catch (InvocationTargetException e) {
      throw new InvalidFunctionException(
          "The constructor of '%s' failed: %s. ".formatted(type.getName(), e.getCause())
              + "Move what may fail into open(UdfContext), which runs in the task.",
          e.getCause());
    } catch (IllegalAccessException | InstantiationException e) {
      throw new InvalidFunctionException(
          "Class '%s' cannot be constructed: %s.".formatted(type.getName(), e) + REMEDY, e);
    }
  }
}
