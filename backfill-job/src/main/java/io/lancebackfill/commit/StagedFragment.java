package io.lancebackfill.commit;

import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.state.ColumnOrigin;

/**
 * A fragment whose column file is finished.
 *
 * @param attachment what the table takes
 * @param origin what the record says of it
 */
public record StagedFragment(ColumnFileAttachment attachment, ColumnOrigin origin) {}
