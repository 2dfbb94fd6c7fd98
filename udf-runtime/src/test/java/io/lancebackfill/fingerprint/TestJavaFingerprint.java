package io.lancebackfill.fingerprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.fingerprint.FingerprintException.Reason;
import io.lancebackfill.spark.SparkExtension;
import java.io.Serializable;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SparkExtension.class)
class TestJavaFingerprint {
  @TempDir Path folder;

  @Test
  void isOfFixedLengthAndStable() {
    String fingerprint = JavaFingerprint.ofClass("f", PlusOne.class);

    assertThat(fingerprint)
        .matches("[0-9a-f]{32}")
        .isEqualTo(JavaFingerprint.ofClass("g", PlusOne.class))
        .isNotEqualTo(JavaFingerprint.ofClass("f", PlusTwo.class));
  }

  @Test
  void linesAndCommentsDoNotCountButCodeDoes() throws Exception {
    String code = "public class F { public int f(int x) { int y = x + 1; return y; } }";

    String fingerprint = compiled("F", code);

    assertThat(
            compiled(
                "F",
                """
                public class F {
                  // The next one.

                  public int f(int x) {
                    int y = x + 1;
                    return y;
                  }
                }
                """))
        .isEqualTo(fingerprint);
    assertThat(compiled("F", code.replace("x + 1", "x + 2"))).isNotEqualTo(fingerprint);
  }

  @Test
  void nestedAndAnonymousClassesCount() throws Exception {
    String code =
        "public class F { Object o = new Object() { public int hashCode() { return 1; } };"
            + " static class N { static int two() { return new M().v; } }"
            + " static class M { int v = 2; } }";

    String fingerprint = compiled("F", code);

    assertThat(compiled("F", code)).isEqualTo(fingerprint);
    assertThat(compiled("F", code.replace("return 1", "return 3"))).isNotEqualTo(fingerprint);
    assertThat(compiled("F", code.replace("v = 2", "v = 3"))).isNotEqualTo(fingerprint);
  }

  @Test
  void superclassesCount() throws Exception {
    String code =
        "public class F extends Base implements Face {}"
            + " class Base { int f() { return 1; } }"
            + " interface Face { default int g() { return 2; } }";

    String fingerprint = compiled("F", code);

    assertThat(compiled("F", code.replace("return 1", "return 7"))).isNotEqualTo(fingerprint);
    assertThat(compiled("F", code.replace("return 2", "return 7"))).isNotEqualTo(fingerprint);
  }

  @Test
  void codeOfANestedFunctionDoesNotIncludeItsUnusedNeighbours() throws Exception {
    String code =
        "public class O { public static class F {} public static class G { int g = 1; } }";

    assertThat(compiled("O$F", code.replace("g = 1", "g = 2"))).isEqualTo(compiled("O$F", code));
  }

  @Test
  void valuesInFieldsCount() {
    assertThat(JavaFingerprint.ofObject("f", new Times(3, List.of("a"))))
        .isEqualTo(JavaFingerprint.ofObject("f", new Times(3, List.of("a"))))
        .isNotEqualTo(JavaFingerprint.ofObject("f", new Times(4, List.of("a"))))
        .isNotEqualTo(JavaFingerprint.ofObject("f", new Times(3, List.of("b"))));
  }

  @Test
  void lambdasNeedAVersion() {
    UDF1<Integer, Integer> lambda = x -> x + 1;

    assertNeedsVersion(lambda, "it is a lambda or method reference");
    assertNeedsVersion(
        new Times(1, (Serializable & Runnable) () -> {}), "one of its fields holds a lambda");
  }

  @Test
  void valuesWithoutAStableFormNeedAVersion() {
    assertNeedsVersion(new Times(1, new Object()), "cannot be serialised");
    Set<Marker> byIdentity = new HashSet<>();
    for (int i = 0; i < 50; i++) {
      byIdentity.add(new Marker(i));
    }
    assertNeedsVersion(new Times(1, byIdentity), "no order that is equal in every process");
  }

  @Test
  void sessionFunctionsAreTheUserObjects(SparkSession spark) {
    spark.udf().register("one", new PlusOne(), DataTypes.IntegerType);
    spark.udf().registerJava("by_class", PlusOne.class.getName(), DataTypes.IntegerType);
    spark.udf().register("two", new PlusTwo(), DataTypes.IntegerType);
    spark.udf().register("both", new Add(), DataTypes.IntegerType);
    spark.udf().register("column_udf", functions.udf(new PlusOne(), DataTypes.IntegerType));

    String expected = JavaFingerprint.ofObject("f", new PlusOne());
    assertThat(ofSession(spark, "one(1)")).isEqualTo(expected);
    assertThat(ofSession(spark, "by_class(1)")).isEqualTo(expected);
    assertThat(ofSession(spark, "column_udf(1)")).isEqualTo(expected);
    assertThat(ofSession(spark, "two(1)")).isNotEqualTo(expected);
    assertThat(ofSession(spark, "both(1, 2)")).isEqualTo(JavaFingerprint.ofObject("f", new Add()));
  }

  @Test
  void sessionFunctionsThatAreLambdasNeedAVersion(SparkSession spark) {
    spark.udf().register("l", (UDF1<Integer, Integer>) x -> x + 1, DataTypes.IntegerType);

    assertThatThrownBy(() -> ofSession(spark, "l(1)"))
        .isInstanceOfSatisfying(
            FingerprintException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NEEDS_VERSION))
        .hasMessageContaining("Function 'f' needs a version: it is a lambda");
  }

  private static String ofSession(SparkSession spark, String call) {
    Expression selected =
        spark.sql("SELECT " + call).queryExecution().analyzed().expressions().head();
    ScalaUDF udf = (ScalaUDF) selected.children().head();
    return JavaFingerprint.ofSessionFunction("f", udf.function());
  }

  private static void assertNeedsVersion(Object function, String why) {
    assertThatThrownBy(() -> JavaFingerprint.ofObject("f", function))
        .isInstanceOfSatisfying(
            FingerprintException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NEEDS_VERSION))
        .hasMessageContaining("Function 'f' needs a version:")
        .hasMessageContaining(why)
        .hasMessageContaining("change it whenever the function computes something else");
  }

  /** The fingerprint of one of the classes of a compilation unit. */
  private String compiled(String name, String code) throws Exception {
    Path classes = Files.createTempDirectory(folder, "classes");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
    String unit = name.split("\\$", 2)[0];
    boolean compiles =
        compiler
            .getTask(
                null,
                null,
                problems,
                List.of("-g", "-proc:none", "-cp", folder.toString(), "-d", classes.toString()),
                null,
                List.of(
                    new SimpleJavaFileObject(
                        URI.create("string:///" + unit + ".java"), JavaFileObject.Kind.SOURCE) {
                      @Override
                      public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return code;
                      }
                    }))
            .call();
    assertThat(compiles).as(() -> problems.getDiagnostics().toString()).isTrue();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()})) {
      return JavaFingerprint.ofClass("f", loader.loadClass(name));
    }
  }

  public static class PlusOne implements UDF1<Integer, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Integer x) {
      return x + 1;
    }
  }

  public static class PlusTwo implements UDF1<Integer, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Integer x) {
      return x + 2;
    }
  }

  public static class Add implements UDF2<Integer, Integer, Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public Integer call(Integer x, Integer y) {
      return x + y;
    }
  }

  record Times(int factor, Object other) implements UDF1<Integer, Integer> {
    @Override
    public Integer call(Integer x) {
      return x * factor;
    }
  }

  /** Equal by identity only. */
  static final class Marker implements Serializable {
    private static final long serialVersionUID = 1L;
    final int number;

    Marker(int number) {
      this.number = number;
    }
  }
}
