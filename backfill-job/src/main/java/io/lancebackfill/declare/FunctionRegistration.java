package io.lancebackfill.declare;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.fingerprint.FingerprintException;
import io.lancebackfill.fingerprint.JavaFingerprint;
import io.lancebackfill.python.PythonFunction;
import io.lancebackfill.state.StoredFunctions;
import io.lancebackfill.state.StoredFunctions.StoredFunction;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ColumnUdfs;
import io.lancebackfill.udf.InvalidFunctionException;
import io.lancebackfill.udf.UdfDescriptor;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/** The functions of a catalog, on Arrow batches, that expressions call by name. */
public final class FunctionRegistration {
  private static final String NAME = "[A-Za-z_][A-Za-z0-9_]*";

  private final SparkSession spark;
  private final StoredFunctions functions;

  /**
   * @param catalogRoot folder or address of the catalog
   */
  public FunctionRegistration(SparkSession spark, DatasetRef catalogRoot) {
    this.spark = spark;
    this.functions = StoredFunctions.ofCatalog(catalogRoot);
  }

  /**
   * Registers a Java class, or a pickled Python function; a function of that name is replaced,
   * columns keep the one that they were declared with.
   *
   * @param className of a Java function, else null
   * @param body of a Python function, else null
   * @param options {@code version}, and arguments of a Java function or the description of a Python
   *     one
   */
  public StoredFunction register(
      String name,
      String kind,
      @Nullable String className,
      byte @Nullable [] body,
      Map<String, String> options) {
    Faults faults = new Faults();
    if (!name.matches(NAME)) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "'%s' cannot be a function's name: it takes letters, digits and '_', and no digit first."
              .formatted(name));
    }
    Map<String, String> own = new HashMap<>(options);
    String version = own.remove("version");
    Made made =
        switch (kind.toLowerCase(Locale.ROOT)) {
          case UdfDescriptor.JAVA -> java(name, className, version, own, faults);
          case UdfDescriptor.PYTHON -> python(name, body, version, own, faults);
          default -> {
            faults.add(
                BackfillErrorCode.INVALID_ARGUMENT,
                "Functions of kind '%s' cannot be registered. There are 'java', with a class on Arrow batches, and 'python', with a body that the Python package lance_backfill makes."
                    .formatted(kind));
            // A class that is given is looked at all the same: all faults come together.
            yield className == null ? null : java(name, className, version, own, faults);
          }
        };
    faults.throwIfAny();
    if (made == null) {
      throw new IllegalStateException("a fault was lost");
    }
    functions.put(
        made.descriptor, made.fingerprint, Instant.now().truncatedTo(ChronoUnit.MICROS), body);
    if (made.descriptor.isPython()) {
      FunctionTrust.declared(spark, made.descriptor.className());
    }
    return functions.find(name).orElseThrow();
  }

  private record Made(UdfDescriptor descriptor, String fingerprint) {}

  private static @Nullable Made java(
      String name,
      @Nullable String className,
      @Nullable String version,
      Map<String, String> own,
      Faults faults) {
    if (className == null) {
      faults.add(
          BackfillErrorCode.MISSING_ARGUMENT,
          "Argument 'class' is missing: the name of the class that implements "
              + ColumnUdf.class.getName()
              + ".");
      return null;
    }
    return faults.collect(
        () ->
            new Made(
                new UdfDescriptor(name, UdfDescriptor.JAVA, className, version, own),
                fingerprint(name, load(className), version)));
  }

  private static @Nullable Made python(
      String name,
      byte @Nullable [] body,
      @Nullable String version,
      Map<String, String> own,
      Faults faults) {
    if (body == null || body.length == 0) {
      faults.add(
          BackfillErrorCode.MISSING_ARGUMENT,
          "Argument 'body' is missing: the pickled function, as the Python package lance_backfill makes it (table.add_columns, table.alter_columns).");
      return null;
    }
    UdfDescriptor descriptor =
        new UdfDescriptor(name, UdfDescriptor.PYTHON, StoredFunctions.hash(body), version, own);
    return faults.collect(
        () -> {
          try {
            PythonFunction function = PythonFunction.of(descriptor);
            return new Made(descriptor, version == null ? function.fingerprint() : version);
          } catch (IllegalArgumentException e) {
            throw new BackfillException(
                BackfillErrorCode.INVALID_FUNCTION, String.valueOf(e.getMessage()), e);
          }
        });
  }

  public List<StoredFunction> list() {
    return List.copyOf(functions.all().values());
  }

  private static ColumnUdf load(String className) {
    try {
      return ColumnUdfs.load(className);
    } catch (InvalidFunctionException e) {
      throw new BackfillException(
          BackfillErrorCode.INVALID_FUNCTION, String.valueOf(e.getMessage()), e);
    }
  }

  private static String fingerprint(String name, ColumnUdf udf, @Nullable String version) {
    if (version != null) {
      return version;
    }
    if (!udf.version().isEmpty()) {
      return udf.version();
    }
    try {
      return JavaFingerprint.ofClass(name, udf.getClass());
    } catch (FingerprintException e) {
      throw new BackfillException(
          BackfillErrorCode.FUNCTION_NEEDS_VERSION, String.valueOf(e.getMessage()), e);
    }
  }
}
