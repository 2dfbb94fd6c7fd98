package io.lancebackfill.sql;

import io.lancebackfill.call.ProcedureRegistry;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.NearestName;
import io.lancebackfill.table.CallCatalog;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.QueryContext;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.trees.Origin;
import scala.Option;

/** A CALL that is not one of ours and that nobody else takes: what it may have been meant for. */
final class MissedCall {
  private static final String NAMESPACE = "system";
  private static final int SHORTEST_SLIP = 5;
  private static final Pattern QUOTED_NAME =
      Pattern.compile("(?is)\\s*(?:explain\\s+(?:\\w+\\s+)?)?call\\s+([\\w.]*['\"][\\w.'\"]*).*");
  private static final Origin NOWHERE =
      new Origin(
          Option.empty(),
          Option.empty(),
          Option.empty(),
          Option.empty(),
          Option.empty(),
          Option.empty(),
          Option.empty());

  private final List<String> parts;
  private final List<CallCatalog> catalogs;
  private final List<String> lanceCatalogs;
  private final Supplier<String> currentCatalog;
  private final List<String> procedures;

  /**
   * @param parts of the procedure's name, unquoted
   * @param catalogs all that are configured
   * @param currentCatalog the name of the session's
   */
  MissedCall(
      List<String> parts,
      List<CallCatalog> catalogs,
      Supplier<String> currentCatalog,
      ProcedureRegistry procedures) {
    this.parts = parts;
    this.catalogs = catalogs;
    this.lanceCatalogs =
        catalogs.stream().filter(CallCatalog::isLance).map(CallCatalog::name).toList();
    this.currentCatalog = currentCatalog;
    this.procedures = procedures.procedures().stream().map(p -> p.spec().name()).toList();
  }

  /** The parts of the name in a CALL that has quotes around it or around its parts. */
  static Optional<List<String>> quotedName(String sql) {
    Matcher matcher = QUOTED_NAME.matcher(sql);
    return matcher.matches()
        ? Optional.of(List.of(matcher.group(1).replaceAll("['\"]", "").split("\\.")))
        : Optional.empty();
  }

  /** The refusal of a name with quotes; empty if nothing tells that it was meant for us. */
  Optional<ParseException> quoted() {
    return meansProcedure()
        ? Optional.of(
            invalidCall("The name of a procedure has no quotes, or backticks around its parts."))
        : Optional.empty();
  }

  /**
   * Says which catalogs there are and how the call is written; empty if nothing tells that it was
   * meant for us. It is Spark's own exception of a text that cannot be parsed: a parser around ours
   * then tries its own grammar, and shells show it without a stack trace.
   */
  Optional<ParseException> explanation() {
    String first = parts.get(0);
    boolean inLance = lanceCatalogs.stream().anyMatch(first::equalsIgnoreCase);
    if (parts.size() == 1 && !first.equals(last())) {
      return meansProcedure()
          ? Optional.of(
              invalidCall(
                  "`%s` is one name. Each part has backticks of its own, or none."
                      .formatted(first)))
          : Optional.empty();
    }
    if (parts.size() == 1 || (parts.size() == 2 && !inLance && resembles(first, NAMESPACE))) {
      return parts.size() == 2 || meansProcedure()
          ? Optional.of(
              invalidCall(
                  "Procedure '%s' stands without a catalog.".formatted(String.join(".", parts))))
          : Optional.empty();
    }
    if (inLance) {
      return Optional.of(wrongNamespace());
    }
    Optional<String> otherClass =
        catalogs.stream()
            .filter(catalog -> catalog.name().equalsIgnoreCase(first))
            .map(CallCatalog::className)
            .findFirst();
    if (otherClass.isPresent()) {
      return meansProcedure() || meantClass(otherClass.get()).isPresent()
          ? Optional.of(notLance(otherClass.get()))
          : Optional.empty();
    }
    boolean inSystem = parts.size() == 3 && resembles(parts.get(1), NAMESPACE);
    return meansProcedure() || inSystem ? Optional.of(unknownCatalog()) : Optional.empty();
  }

  private ParseException wrongNamespace() {
    return invalidCall(
        parts.size() == 2
            ? "'%s' lacks the namespace '%s', in which procedures are."
                .formatted(String.join(".", parts), NAMESPACE)
            : "The procedures of catalog '%s' are in its namespace '%s', and not in '%s'."
                .formatted(
                    parts.get(0), NAMESPACE, String.join(".", parts.subList(1, parts.size() - 1))));
  }

  private ParseException notLance(String className) {
    String hint =
        meantClass(className)
            .map(meant -> " Did you mean spark.sql.catalog.%s=%s?".formatted(parts.get(0), meant))
            .orElse("");
    return failure(
        BackfillErrorCode.UNKNOWN_CATALOG,
        "Catalog '%s' is no Lance catalog: its class is %s.%s %s"
            .formatted(parts.get(0), className, hint, howToCall()));
  }

  private static Optional<String> meantClass(String className) {
    return NearestName.of(className, CallCatalog.lanceClasses())
        .or(
            () ->
                className.toLowerCase(Locale.ROOT).contains("lance")
                    ? Optional.of(CallCatalog.OURS)
                    : Optional.empty());
  }

  private ParseException unknownCatalog() {
    String name = parts.get(0);
    String problem =
        name.equalsIgnoreCase("spark_catalog")
            ? "Catalog 'spark_catalog' is Spark's own, and no Lance catalog."
            : "There is no catalog '%s'.%s".formatted(name, NearestName.hint(name, lanceCatalogs));
    return failure(BackfillErrorCode.UNKNOWN_CATALOG, problem + " " + howToCall());
  }

  private ParseException invalidCall(String problem) {
    return failure(BackfillErrorCode.INVALID_CALL, problem + " " + howToCall());
  }

  private String howToCall() {
    if (lanceCatalogs.isEmpty()) {
      return ("This session has no Lance catalog. Configure one: spark.sql.catalog.lance=%s,"
              + " spark.sql.catalog.lance.impl=dir, spark.sql.catalog.lance.root=FOLDER.")
          .formatted(CallCatalog.OURS);
    }
    return "Lance catalogs of this session: %s. Write CALL %s.%s.%s(name => value, ...). Procedures: %s."
        .formatted(
            String.join(", ", lanceCatalogs),
            catalogToWrite(),
            NAMESPACE,
            NearestName.of(last(), procedures).orElse("PROCEDURE"),
            String.join(", ", procedures));
  }

  private String catalogToWrite() {
    if (lanceCatalogs.size() == 1) {
      return lanceCatalogs.get(0);
    }
    Optional<String> near = NearestName.of(parts.get(0), lanceCatalogs);
    return near.orElseGet(
        () -> {
          String current = currentCatalog.get();
          return lanceCatalogs.contains(current) ? current : lanceCatalogs.get(0);
        });
  }

  private String last() {
    String last = parts.get(parts.size() - 1);
    return last.substring(last.lastIndexOf('.') + 1);
  }

  private boolean meansProcedure() {
    return procedures.stream().anyMatch(procedure -> resembles(last(), procedure));
  }

  // Short names resemble too many others.
  private static boolean resembles(String name, String known) {
    return name.equalsIgnoreCase(known)
        || (name.length() >= SHORTEST_SLIP && NearestName.of(name, List.of(known)).isPresent());
  }

  private static ParseException failure(BackfillErrorCode code, String message) {
    return new ParseException(
        Option.empty(),
        "[" + code + "] " + message,
        NOWHERE,
        NOWHERE,
        Option.apply(code.name()),
        scala.collection.immutable.Map$.MODULE$.empty(),
        new QueryContext[0]);
  }
}
