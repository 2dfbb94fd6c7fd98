/** Tells what is there: the coverage of a column, jobs, and rows that wait. */
@NullMarked
package io.lancebackfill.report;

import org.jspecify.annotations.NullMarked;
