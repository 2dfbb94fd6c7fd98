/** What other writers did to a table: its transactions, version by version. */
@NullMarked
package io.lancebackfill.datasource.history;

import org.jspecify.annotations.NullMarked;
