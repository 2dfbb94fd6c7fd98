/** What a function asks of the machine that runs it, and the GPUs that a task is given. */
@NullMarked
package io.lancebackfill.resource;

import org.jspecify.annotations.NullMarked;
