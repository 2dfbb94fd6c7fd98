package io.lancebackfill.commit;

import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.failure.ErrorRecord;
import io.lancebackfill.state.ColumnOrigin;
import java.util.List;

/**
 * A fragment whose column file is finished.
 *
 * @param attachment what the table takes
 * @param origin what the record says of it
 * @param errors the rows that failed in it
 */
public record StagedFragment(
    ColumnFileAttachment attachment, ColumnOrigin origin, List<ErrorRecord> errors) {}
