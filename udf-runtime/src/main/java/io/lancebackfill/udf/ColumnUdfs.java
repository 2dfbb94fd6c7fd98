package io.lancebackfill.udf;

import io.lancebackfill.udf.scalar.ScalarColumnUdf;
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
          + ", or "
          + ScalarUdf1.class.getName()
          + " to ScalarUdf5.";

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
    Udf made = construct(find(className, loader));
    if (made instanceof ColumnUdf onBatches) {
      return onBatches;
    }
    try {
      return new ScalarColumnUdf((ScalarUdf) made);
    } catch (IllegalArgumentException e) {
      throw new InvalidFunctionException(String.valueOf(e.getMessage()), e);
    }
  }

  /** The class whose code a function is. */
  public static Class<?> code(ColumnUdf function) {
    return function instanceof ScalarColumnUdf scalar
        ? scalar.function().getClass()
        : function.getClass();
  }

  private static Class<? extends Udf> find(String className, @Nullable ClassLoader loader) {
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
    if (!ColumnUdf.class.isAssignableFrom(found) && !ScalarUdf.class.isAssignableFrom(found)) {
      throw new InvalidFunctionException(
          "Class '%s' does not implement what functions do.".formatted(className) + REMEDY, null);
    }
    int modifiers = found.getModifiers();
    if (!Modifier.isPublic(modifiers) || Modifier.isAbstract(modifiers)) {
      throw new InvalidFunctionException(
          "Class '%s' is %s.".formatted(className, Modifier.toString(modifiers)) + REMEDY, null);
    }
    return found.asSubclass(Udf.class);
  }

  private static InvalidFunctionException notLoaded(String className, LinkageError e) {
    return new InvalidFunctionException(
        "Class '%s' cannot be loaded: %s. "
                .formatted(className, e.getCause() == null ? e : e.getCause())
            + "Add the jars that it needs and compile it for this Java version.",
        e);
  }

  private static Udf construct(Class<? extends Udf> type) {
    Constructor<? extends Udf> constructor;
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
