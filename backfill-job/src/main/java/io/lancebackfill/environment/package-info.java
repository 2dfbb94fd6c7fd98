/**
 * What the Python workers of a job run in: the parts of packaged manifests beside a catalog's
 * tables, and their installation on the executors' machines.
 */
@NullMarked
package io.lancebackfill.environment;

import org.jspecify.annotations.NullMarked;
