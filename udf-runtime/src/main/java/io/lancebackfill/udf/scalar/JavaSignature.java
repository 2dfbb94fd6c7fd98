package io.lancebackfill.udf.scalar;

import io.lancebackfill.udf.ScalarUdf;
import io.lancebackfill.udf.ScalarUdf1;
import io.lancebackfill.udf.ScalarUdf2;
import io.lancebackfill.udf.ScalarUdf3;
import io.lancebackfill.udf.ScalarUdf4;
import io.lancebackfill.udf.ScalarUdf5;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.commons.lang3.reflect.TypeUtils;
import org.jspecify.annotations.Nullable;

/** The Java types that a scalar function takes and returns. */
record JavaSignature(List<Type> arguments, Type result) {
  /** By the number of their arguments, less one. */
  private static final List<Class<? extends ScalarUdf>> INTERFACES =
      List.of(
          ScalarUdf1.class, ScalarUdf2.class, ScalarUdf3.class, ScalarUdf4.class, ScalarUdf5.class);

  JavaSignature {
    arguments = List.copyOf(arguments);
  }

  /**
   * Reads a function's types from what its class says it implements.
   *
   * @throws IllegalArgumentException that says all that is wrong with the class
   */
  static JavaSignature of(Class<? extends ScalarUdf> function) {
    List<Class<? extends ScalarUdf>> implemented =
        INTERFACES.stream().filter(i -> i.isAssignableFrom(function)).toList();
    if (implemented.size() != 1) {
      throw new IllegalArgumentException(
          "Class '%s' implements %s of ScalarUdf1 to ScalarUdf5 where it must be one."
              .formatted(function.getName(), implemented.isEmpty() ? "none" : "several"));
    }
    Class<? extends ScalarUdf> own = implemented.get(0);
    Map<TypeVariable<?>, Type> known = TypeUtils.getTypeArguments(function, own);
    List<Type> types = new ArrayList<>();
    List<String> faults = new ArrayList<>();
    TypeVariable<?>[] variables = own.getTypeParameters();
    for (int i = 0; i < variables.length; i++) {
      boolean isResult = i == variables.length - 1;
      Type type = TypeUtils.unrollVariables(known, variables[i]);
      String what = isResult ? "result" : "argument " + (i + 1);
      if (type == null || TypeUtils.containsTypeVariables(type)) {
        faults.add("its %s has no concrete type".formatted(what));
      } else if (!JavaTypes.isSupported(type)) {
        faults.add("its %s is %s, which stands for no Arrow type".formatted(what, name(type)));
      } else {
        types.add(type);
      }
    }
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          "Class '%s' cannot be called with the values of columns: %s. Types that can are %s."
              .formatted(function.getName(), String.join("; ", faults), JavaTypes.SUPPORTED));
    }
    return new JavaSignature(types.subList(0, types.size() - 1), types.get(types.size() - 1));
  }

  /** A type as its author wrote it, without the packages of Java's own. */
  static String name(Type type) {
    return type.getTypeName().replaceAll("\\bjava\\.(lang|util|time|math)\\.", "");
  }

  /** Calls the function; the arguments have the types of its signature. */
  @SuppressWarnings("unchecked") // of() looked at what the class implements
  static @Nullable Object call(ScalarUdf function, @Nullable Object[] a) throws Exception {
    return switch (a.length) {
      case 1 -> ((ScalarUdf1<@Nullable Object, @Nullable Object>) function).call(a[0]);
      case 2 ->
          ((ScalarUdf2<@Nullable Object, @Nullable Object, @Nullable Object>) function)
              .call(a[0], a[1]);
      case 3 ->
          ((ScalarUdf3<@Nullable Object, @Nullable Object, @Nullable Object, @Nullable Object>)
                  function)
              .call(a[0], a[1], a[2]);
      case 4 ->
          ((ScalarUdf4<
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object>)
                  function)
              .call(a[0], a[1], a[2], a[3]);
      default ->
          ((ScalarUdf5<
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object,
                      @Nullable Object>)
                  function)
              .call(a[0], a[1], a[2], a[3], a[4]);
    };
  }
}
