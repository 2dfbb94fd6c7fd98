package io.lancebackfill.vector;

import java.util.List;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke;
import org.apache.spark.sql.types.AbstractDataType;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.FloatType;
import scala.Tuple3;
import scala.collection.JavaConverters;
import scala.collection.Seq;
import scala.runtime.AbstractFunction1;

/**
 * The functions in SQL: {@code norm2(vector)}, {@code no_nan(vector)}, {@code all_finite(vector)}.
 * Each takes an array of numbers; of NULL it is NULL.
 */
public final class VectorFunctions {
  private VectorFunctions() {}

  /** Adds them to a session's functions. */
  public static void inject(SparkSessionExtensions extensions) {
    inject(extensions, "norm2", "norm2", DataTypes.DoubleType, "the Euclidean length of a vector");
    inject(
        extensions,
        "no_nan",
        "noNan",
        DataTypes.BooleanType,
        "whether no element of a vector is NaN");
    inject(
        extensions,
        "all_finite",
        "allFinite",
        DataTypes.BooleanType,
        "whether no element of a vector is NaN or infinite");
  }

  private static void inject(
      SparkSessionExtensions extensions, String name, String method, DataType type, String what) {
    String usage = "_FUNC_(vector) - " + what;
    extensions.injectFunction(
        new Tuple3<>(
            new FunctionIdentifier(name),
            new ExpressionInfo(
                VectorChecks.class.getName(),
                "",
                name,
                usage,
                "",
                "",
                "",
                "array_funcs",
                "",
                "",
                "java_udf"),
            new Call(method, type)));
  }

  private static final class Call extends AbstractFunction1<Seq<Expression>, Expression> {
    private final String method;
    private final DataType type;

    Call(String method, DataType type) {
      this.method = method;
      this.type = type;
    }

    /** Of another number of arguments than one Spark finds no method, and says so. */
    @Override
    public Expression apply(Seq<Expression> arguments) {
      boolean floats =
          arguments.nonEmpty()
              && arguments.head().dataType() instanceof ArrayType array
              && array.elementType() instanceof FloatType;
      DataType elements = floats ? DataTypes.FloatType : DataTypes.DoubleType;
      List<AbstractDataType> argumentTypes = List.of(DataTypes.createArrayType(elements));
      return new StaticInvoke(
          VectorChecks.class,
          type,
          method + (floats ? "OfFloats" : "OfDoubles"),
          arguments,
          JavaConverters.asScalaBuffer(argumentTypes).toList(),
          /* propagateNull= */ true,
          /* returnNullable= */ false,
          /* isDeterministic= */ true);
    }
  }
}
