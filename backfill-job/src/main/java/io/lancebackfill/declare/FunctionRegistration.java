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
import io.lancebackfill.udf.ListedUdfs;
import io.lancebackfill.udf.UdfDescriptor;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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

  /** What becomes of a function that has the name already. */
  public enum Existing {
    REPLACE,
    KEEP,
    FAIL;

    /**
     * @throws BackfillException INVALID_ARGUMENT
     */
    public static Existing of(String text) {
      for (Existing value : values()) {
        if (value.name().equalsIgnoreCase(text)) {
          return value;
        }
      }
      throw new BackfillException(
          BackfillErrorCode.INVALID_ARGUMENT,
          "Argument 'if_exists' is '%s'. It is one of replace, keep or fail.".formatted(text));
    }
  }

  /**
   * Registers a Java class, or a pickled Python function. Columns keep the one that they were
   * declared with.
   *
   * @param className of a Java function; null for the one that a jar lists by the name
   * @param body of a Python function, else null
   * @param options {@code version}, and arguments of a Java function or the description of a Python
   *     one
   */
  public StoredFunction register(
      String name,
      String kind,
      @Nullable String className,
      byte @Nullable [] body,
      Map<String, String> options,
      Existing existing) {
    Optional<StoredFunction> known =
        existing == Existing.REPLACE ? Optional.empty() : functions.find(name);
    if (known.isPresent() && existing == Existing.KEEP) {
      return known.get();
    }
    Faults faults = new Faults();
    if (!name.matches(NAME)) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "'%s' cannot be a function's name: it takes letters, digits and '_', and no digit first."
              .formatted(name));
    }
    known.ifPresent(
        function ->
            faults.add(
                BackfillErrorCode.INVALID_ARGUMENT,
                "Function '%s' is registered already, as %s. Drop it, or replace it: CREATE OR REPLACE FUNCTION, or register_function without if_exists."
                    .formatted(function.descriptor().name(), function.descriptor().className())));
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
    String found = className == null ? listed(name, faults) : className;
    if (found == null) {
      return null;
    }
    return faults.collect(
        () ->
            new Made(
                new UdfDescriptor(name, UdfDescriptor.JAVA, found, version, own),
                fingerprint(name, load(found), version)));
  }

  private static @Nullable String listed(String name, Faults faults) {
    try {
      return ListedUdfs.className(name, Thread.currentThread().getContextClassLoader());
    } catch (InvalidFunctionException e) {
      faults.add(
          BackfillErrorCode.MISSING_ARGUMENT, "Argument 'class' is missing. " + e.getMessage());
      return null;
    }
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

  /**
   * Drops a function; columns keep what they were declared with.
   *
   * @param ifExists whether there need be none of that name
   * @return its name; empty if there was none
   */
  public Optional<String> drop(String name, boolean ifExists) {
    Map<String, StoredFunction> all = functions.all();
    StoredFunction function = all.get(name.toLowerCase(Locale.ROOT));
    if (function != null) {
      functions.drop(function.descriptor().name(), Instant.now().truncatedTo(ChronoUnit.MICROS));
      return Optional.of(function.descriptor().name());
    }
    if (!ifExists) {
      throw new BackfillException(
          BackfillErrorCode.FUNCTION_NOT_FOUND,
          "No function '%s' is registered with this catalog. Registered are: %s. Name one of them."
              .formatted(
                  name,
                  all.isEmpty()
                      ? "none"
                      : String.join(
                          ", ", all.values().stream().map(f -> f.descriptor().name()).toList())));
    }
    return Optional.empty();
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
      return JavaFingerprint.ofClass(name, ColumnUdfs.code(udf));
    } catch (FingerprintException e) {
      throw new BackfillException(
          BackfillErrorCode.FUNCTION_NEEDS_VERSION, String.valueOf(e.getMessage()), e);
    }
  }
}
