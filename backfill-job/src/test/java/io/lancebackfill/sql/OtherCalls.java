package io.lancebackfill.sql;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Locale;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.Function1;
import scala.runtime.BoxedUnit;

/** The extension of another vendor: it takes every CALL, of whatever catalog. */
final class OtherCalls {
  private OtherCalls() {}

  /** It looks at a text before its delegate does, as Iceberg's does. */
  static Function1<SparkSessionExtensions, BoxedUnit> itselfFirst() {
    return extension(true);
  }

  /** It looks at what its delegate cannot parse, as lance-spark's does. */
  static Function1<SparkSessionExtensions, BoxedUnit> delegateFirst() {
    return extension(false);
  }

  private static Function1<SparkSessionExtensions, BoxedUnit> extension(boolean itselfFirst) {
    return extensions -> {
      extensions.injectParser((session, delegate) -> parser(delegate, itselfFirst));
      return BoxedUnit.UNIT;
    };
  }

  private static ParserInterface parser(ParserInterface delegate, boolean itselfFirst) {
    return (ParserInterface)
        Proxy.newProxyInstance(
            ParserInterface.class.getClassLoader(),
            new Class<?>[] {ParserInterface.class},
            (proxy, method, arguments) -> {
              boolean call =
                  method.getName().equals("parsePlan")
                      && ((String) arguments[0]).toUpperCase(Locale.ROOT).startsWith("CALL");
              if (call && itselfFirst) {
                return taken(delegate);
              }
              try {
                return method.invoke(delegate, arguments);
              } catch (InvocationTargetException e) {
                if (call && e.getCause() instanceof ParseException) {
                  return taken(delegate);
                }
                throw e.getCause();
              }
            });
  }

  private static LogicalPlan taken(ParserInterface delegate) throws ParseException {
    return delegate.parsePlan("SELECT 'taken'");
  }
}
