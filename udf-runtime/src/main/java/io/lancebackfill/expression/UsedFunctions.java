package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import io.lancebackfill.expression.UsedFunction.Language;
import io.lancebackfill.fingerprint.FingerprintException;
import io.lancebackfill.fingerprint.JavaFingerprint;
import io.lancebackfill.fingerprint.PythonFingerprint;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.spark.sql.catalyst.expressions.ApplyFunctionExpression;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.catalyst.expressions.UserDefinedExpression;
import org.apache.spark.sql.connector.catalog.functions.ScalarFunction;

/** Finds the user's functions in an analysed expression, with their fingerprints. */
final class UsedFunctions {
  private static final String SPARK = "org.apache.spark.";

  private final Map<String, UsedFunction> functions = new LinkedHashMap<>();
  private final Set<ExpressionFault> faults = new LinkedHashSet<>();
  private final List<PythonUDF> python = new ArrayList<>();

  private UsedFunctions() {}

  static UsedFunctions in(Expression analysed) {
    UsedFunctions used = new UsedFunctions();
    Trees.withReplacements(analysed).forEach(used::visit);
    used.fingerprintPython();
    return used;
  }

  /** One for each function, in the order in which they are first called. */
  List<UsedFunction> functions() {
    return List.copyOf(functions.values());
  }

  Set<ExpressionFault> faults() {
    return faults;
  }

  private void visit(Expression node) {
    if (node instanceof PythonUDF udf) {
      python.add(udf);
    } else if (node instanceof ScalaUDF udf) {
      String name = udf.udfName().isDefined() ? udf.udfName().get() : "a function without a name";
      addJava(name, () -> JavaFingerprint.ofSessionFunction(name, udf.function()));
    } else if (node instanceof ApplyFunctionExpression call) {
      addCatalogFunction(call.function());
    } else if (node instanceof Literal literal && literal.value() instanceof ScalarFunction<?> f) {
      // A function of a catalog that Spark calls by its "invoke" method.
      addCatalogFunction(f);
    } else if (node instanceof UserDefinedExpression) {
      faults.add(
          new ExpressionFault(
              Code.FUNCTION_NEEDS_VERSION,
              "Function '%s' needs a version: its code (%s) is not known here."
                      .formatted(node.prettyName(), node.getClass().getSimpleName())
                  + " Give it one, %s, and change it whenever the function computes something else."
                      .formatted(FingerprintException.VERSION_OPTION)));
    } else if (!node.getClass().getName().startsWith(SPARK)) {
      String name = node.prettyName();
      addJava(name, () -> JavaFingerprint.ofClass(name, node.getClass()));
    }
  }

  private void addCatalogFunction(ScalarFunction<?> function) {
    String name = function.name();
    addJava(name, () -> JavaFingerprint.ofObject(name, function));
  }

  private void addJava(String name, Supplier<String> fingerprint) {
    try {
      add(name, Language.JAVA, fingerprint.get());
    } catch (FingerprintException e) {
      addFault(e);
    }
  }

  private void fingerprintPython() {
    for (PythonFingerprint.Outcome outcome : PythonFingerprint.of(python)) {
      try {
        add(outcome.name(), Language.PYTHON, outcome.orThrow());
      } catch (FingerprintException e) {
        addFault(e);
      }
    }
  }

  private void add(String name, Language language, String fingerprint) {
    UsedFunction used = new UsedFunction(name, language, fingerprint);
    // Two functions may bear one name where the session's registry was not asked.
    for (int i = 2; functions.containsKey(used.name()) && !functions.containsValue(used); i++) {
      used = new UsedFunction(name + "#" + i, language, fingerprint);
    }
    functions.putIfAbsent(used.name(), used);
  }

  private void addFault(FingerprintException e) {
    faults.add(new ExpressionFault(Code.FUNCTION_NEEDS_VERSION, e.getMessage()));
  }
}
