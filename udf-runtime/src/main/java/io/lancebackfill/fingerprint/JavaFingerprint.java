package io.lancebackfill.fingerprint;

import java.io.Serializable;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Fingerprints of functions that are Java or Scala classes: a hash of the class's code (its class
 * files without debug information, those nested in it, and its superclasses and interfaces up to
 * what Java, Scala, Spark and Arrow ship) and of the values in the object's fields. Code of other
 * classes that a function calls is not part of it: a function that changes there needs a version.
 */
public final class JavaFingerprint {
  private static final String SPARK_UDF_INTERFACES = "org.apache.spark.sql.api.java.UDF";

  private JavaFingerprint() {}

  /**
   * The fingerprint of a class's code.
   *
   * @param function the name that failures show
   * @throws FingerprintException if the class is made at run time, as those of lambdas are
   */
  public static String ofClass(String function, Class<?> type) {
    CanonicalHash hash = new CanonicalHash().add("java class");
    addCode(hash, function, type);
    return hash.hex();
  }

  /**
   * The fingerprint of a function object: its class's code and the values that it carries.
   *
   * @throws FingerprintException if its class is made at run time or it carries values that have no
   *     form that is equal in every process
   */
  public static String ofObject(String function, Object object) {
    Class<?> type = object.getClass();
    CanonicalHash hash = new CanonicalHash().add("java object");
    addCode(hash, function, type);
    ObjectState state = ObjectState.of(function, object);
    hash.add(state.bytes());
    state.classes().stream()
        .filter(held -> held != type && !held.isArray() && !ClassCode.isPlatform(held))
        .sorted(Comparator.comparing(Class::getName))
        .forEach(held -> addCode(hash, function, held));
    return hash.hex();
  }

  /**
   * The fingerprint of a function of the session, registered by {@code spark.udf().register} or
   * {@code registerJava}. Spark wraps a Java UDF into a Scala function; the UDF is taken out of it.
   *
   * @param sparkFunction what Spark's expression calls
   * @throws FingerprintException as {@link #ofObject} does, and for Scala lambdas
   */
  public static String ofSessionFunction(String function, Object sparkFunction) {
    Object unwrapped = unwrap(sparkFunction);
    return ofObject(function, unwrapped);
  }

  private static void addCode(CanonicalHash hash, String function, Class<?> type) {
    for (Map.Entry<String, byte[]> code : ClassCode.of(function, type).entrySet()) {
      hash.add(code.getKey()).add(code.getValue());
    }
  }

  private static Object unwrap(Object sparkFunction) {
    if (!sparkFunction.getClass().isHidden() || !(sparkFunction instanceof Serializable)) {
      return sparkFunction;
    }
    SerializedLambda lambda = serialized(sparkFunction);
    if (lambda == null
        || !lambda.getCapturingClass().startsWith("org/apache/spark/sql/")
        || lambda.getCapturedArgCount() != 1) {
      return sparkFunction;
    }
    Object captured = lambda.getCapturedArg(0);
    return isSparkUdf(captured.getClass()) ? captured : sparkFunction;
  }

  private static boolean isSparkUdf(@Nullable Class<?> type) {
    return type != null
        && (type.getName().startsWith(SPARK_UDF_INTERFACES)
            || isSparkUdf(type.getSuperclass())
            || Arrays.stream(type.getInterfaces()).anyMatch(JavaFingerprint::isSparkUdf));
  }

  private static @Nullable SerializedLambda serialized(Object lambda) {
    try {
      Method writeReplace = lambda.getClass().getDeclaredMethod("writeReplace");
      writeReplace.setAccessible(true);
      return writeReplace.invoke(lambda) instanceof SerializedLambda form ? form : null;
    } catch (NoSuchMethodException e) {
      return null;
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw FingerprintException.failed(
          "Spark's wrapper of a Java function cannot be read: %s. ".formatted(e)
              + "Give the function a version: "
              + FingerprintException.VERSION_OPTION
              + ".",
          e);
    }
  }
}
