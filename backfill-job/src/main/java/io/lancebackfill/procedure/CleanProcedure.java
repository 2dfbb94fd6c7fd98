package io.lancebackfill.procedure;

import static org.apache.spark.sql.types.DataTypes.StringType;

import io.lancebackfill.call.ParameterType;
import io.lancebackfill.call.Procedure;
import io.lancebackfill.call.ProcedureArguments;
import io.lancebackfill.call.ProcedureContext;
import io.lancebackfill.call.ProcedureParameter;
import io.lancebackfill.call.ProcedureSpec;
import io.lancebackfill.call.ResultSchema;
import io.lancebackfill.clean.CleanAction;
import io.lancebackfill.config.BackfillConf;
import java.time.Duration;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** {@code CALL catalog.system.clean(table[, older_than, dry_run])}. */
final class CleanProcedure implements Procedure {
  private static final Duration DEFAULT_AGE = Duration.ofDays(7);

  @Override
  public ProcedureSpec spec() {
    return new ProcedureSpec(
        "clean",
        List.of(
            ProcedureParameter.required("table", ParameterType.STRING, "Name or URI of the table."),
            ProcedureParameter.optional(
                "older_than",
                ParameterType.DURATION,
                "What is younger stays; a duration such as '1h', by default '7 days'."),
            ProcedureParameter.optional(
                "dry_run", ParameterType.BOOLEAN, "Lists what would be deleted.")),
        new ResultSchema().notNull("kind", StringType).notNull("path", StringType).build(),
        "Deletes checkpoints and column files that no version and no live job refers to; on a local"
            + " file system what another tool wrote, or a killed writer left unfinished, only after"
            + " seven days. Says what it left for a live job.");
  }

  @Override
  public List<Row> call(ProcedureContext context, ProcedureArguments arguments) {
    Duration age = arguments.value("older_than").map(Duration.class::cast).orElse(DEFAULT_AGE);
    return new CleanAction(
            CallTargets.table(context, arguments),
            BackfillConf.leaseDuration(context.session().conf()))
        .run(age, arguments.bool("dry_run", false)).stream()
            .map(file -> RowFactory.create(file.kind(), file.path()))
            .toList();
  }
}
