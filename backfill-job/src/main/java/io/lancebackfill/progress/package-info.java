/** What a job tells while it runs: its counters, its history, the console. */
@NullMarked
package io.lancebackfill.progress;

import org.jspecify.annotations.NullMarked;
