#!/usr/bin/env bash
# Builds, starts a real Spark on real texts, fills three computed columns, is killed halfway through the third, goes on
# where it stopped, and shows the result. Leaves its table in target/quickstart/tables.
# quickstart.sh [--built]: with --built what was built before is used as it is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$root/target/quickstart
environment=${PYTHON_ENV:-$root/target/python}
python=$environment/bin/python
log=$work/log.txt

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf '\n%s\nThe log: %s\n' "$1" "$log" >&2
  tail -n 20 "$log" >&2
  exit 1
}

rm -rf "$work"
mkdir -p "$work/tables"

if [ "${1:-}" != --built ]; then
  say "Building (the first time it downloads Spark, Lance and their Python packages, which takes some minutes)"
  (cd "$root" && mvn -q -B -DskipTests package && python3 .mvn/python_env.py target/python) >"$log" 2>&1 </dev/null ||
    fail "The build failed."
fi

say "Collecting texts: the names of 5,244 emoji in 14 languages"
"$python" "$here/texts.py" "$work/texts.parquet" >>"$log" 2>&1 || fail "The texts could not be written."

# Runs SQL files as a user would: a stock Spark with our jars beside it.
spark() {
  local jars
  jars=$(printf '%s,' "$root"/backfill-job/target/dist/*.jar)
  cd "$work" && LANCE_LOG=error SPARK_HOME=$environment/spark PYSPARK_PYTHON=$python \
    exec "$environment/spark/bin/spark-submit" --master 'local[2]' --jars "${jars%,}" \
    --driver-java-options "-Dlog4j2.configurationFile=file:$here/log4j2.properties" \
    --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false \
    --conf spark.sql.extensions=io.lancebackfill.sql.LanceBackfillExtensions \
    --conf spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog \
    --conf spark.sql.catalog.lance.impl=dir --conf "spark.sql.catalog.lance.root=$work/tables" \
    "$here/run_sql.py" "$@" </dev/null 2> >(tee -a "$log" | grep --line-buffered '^backfill ')
}

checkpoints() { find "$work/tables/texts.lance/_backfill/checkpoints" -path '*/data/*.lance' -type f 2>/dev/null | wc -l; }

commits() { find "$work/tables/texts.lance/_versions" -name '*.manifest' | wc -l; }

say "Making the table, and filling a column by an SQL expression and one by a Java function"
(spark "$here/1-declare.sql") || fail "Spark failed."

say "Filling a column by a language model in Python, and killing it halfway"
before=$(commits)
set -m # A process group of its own, so that all of it is killed at once.
(spark "$here/2-model.sql") &
job=$!
set +m
await() { # A count, and the number that it must reach.
  while [ "$("$1")" -lt "$2" ]; do
    kill -0 "$job" 2>/dev/null || fail "It ended before it was half done."
    sleep 0.1
  done
}
await commits $((before + 4))
await checkpoints $(($(checkpoints) + 2)) # Finished rows of fragments that are not.
kill -KILL -- "-$job"
wait "$job" 2>/dev/null || true
echo "killed after $(($(commits) - before)) of 8 fragments"

say "The same call again goes on where it stopped"
(spark "$here/2-model.sql" "$here/3-show.sql") || fail "Spark failed."

say "Done in $SECONDS s. The table is $work/tables/texts.lance, for any tool that reads Lance."
