/** Every option, typed, and how a value is chosen among call, column, session and default. */
@NullMarked
package io.lancebackfill.config;

import org.jspecify.annotations.NullMarked;
