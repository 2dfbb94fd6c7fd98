package io.lancebackfill.declare;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.fingerprint.FingerprintException;
import io.lancebackfill.fingerprint.JavaFingerprint;
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
import org.jspecify.annotations.Nullable;

/** The functions of a catalog, on Arrow batches, that expressions call by name. */
public final class FunctionRegistration {
  private static final String NAME = "[A-Za-z_][A-Za-z0-9_]*";

  private final StoredFunctions functions;

  /**
   * @param catalogRoot folder or address of the catalog
   */
  public FunctionRegistration(DatasetRef catalogRoot) {
    this.functions = StoredFunctions.ofCatalog(catalogRoot);
  }

  /**
   * Registers a Java class; a function of that name is replaced, columns keep the one that they
   * were declared with.
   *
   * @param options arguments of the function, and {@code version}
   */
  public StoredFunction register(
      String name, String kind, @Nullable String className, Map<String, String> options) {
    Faults faults = new Faults();
    if (!name.matches(NAME)) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "'%s' cannot be a function's name: it takes letters, digits and '_', and no digit first."
              .formatted(name));
    }
    if (!kind.toLowerCase(Locale.ROOT).equals(UdfDescriptor.JAVA)) {
      faults.add(
          BackfillErrorCode.INVALID_ARGUMENT,
          "Functions of kind '%s' cannot be registered. Use kind => 'java' with a class on Arrow batches; Python functions are registered in the session and called in expressions."
              .formatted(kind));
    }
    Map<String, String> own = new HashMap<>(options);
    String version = own.remove("version");
    ColumnUdf udf = null;
    if (className == null) {
      faults.add(
          BackfillErrorCode.MISSING_ARGUMENT,
          "Argument 'class' is missing: the name of the class that implements "
              + ColumnUdf.class.getName()
              + ".");
    } else {
      udf = faults.collect(() -> load(className));
    }
    faults.throwIfAny();
    if (udf == null || className == null) {
      throw new IllegalStateException("a fault was lost");
    }
    UdfDescriptor descriptor = new UdfDescriptor(name, UdfDescriptor.JAVA, className, version, own);
    String fingerprint = fingerprint(name, udf, version);
    functions.put(descriptor, fingerprint, Instant.now().truncatedTo(ChronoUnit.MICROS));
    return functions.find(name).orElseThrow();
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
