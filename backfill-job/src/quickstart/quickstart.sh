#!/usr/bin/env bash
# Builds, starts a real Spark on real texts, fills three computed columns, kills itself halfway through the third, goes
# on where it stopped, shows the result, and fills a column of embeddings. Leaves its table in target/quickstart/tables.
# quickstart.sh [--built]: with --built what was built before is used as it is.
# For tests: QUICKSTART_TEXTS, how many texts; QUICKSTART_MODEL_SPEED, 0.1 for a model ten times slower, 10 for a faster
# one; QUICKSTART_WORK, the folder to work in.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
export QUICKSTART_WORK=${QUICKSTART_WORK:-$root/target/quickstart}
work=$QUICKSTART_WORK
environment=${PYTHON_ENV:-$root/target/python}
python=$environment/bin/python
log=$work/log.txt

say() { printf '\n== %s\n' "$*"; }

fail() { # What happened, and what to do.
  {
    printf '\nThe end of the log, %s:\n' "$log"
    tail -n 20 "$log"
    printf '\n%s\nWhat to do: %s\n' "$1" "$2"
  } >&2
  exit 1
}

rm -rf "$work"
mkdir -p "$work/tables"
touch "$log"

if [ "${1:-}" != --built ]; then
  for program in java mvn python3; do
    command -v "$program" >>"$log" || fail "There is no $program." "Install Java 17, Maven 3.8 and Python 3.10 or newer."
  done
  say "Building (the first time it downloads Spark, Lance and their Python packages, which takes some minutes)"
  (cd "$root" && mvn -q -B -DskipTests package && python3 .mvn/python_env.py target/python) >"$log" 2>&1 </dev/null ||
    fail "The build failed." "Look at the first ERROR of the log. It needs Java 17 or newer (java -version), Python 3.10
or newer (python3 --version) and a way to Maven Central and PyPI. What was downloaded is kept: just run this again."
elif [ ! -x "$python" ] || [ ! -d "$root/backfill-job/target/dist" ]; then
  fail "Nothing is built yet." "Run this without --built."
fi

say "Collecting texts: the names of 5,244 emoji in 14 languages"
"$python" "$here/texts.py" "$work/texts.parquet" ${QUICKSTART_TEXTS:-} >"$work/texts" 2>>"$log" ||
  fail "The texts could not be written." "Make room on the disk of $work, and run this again."

# Runs a program as a user would: a stock Spark with our jars beside it.
spark() {
  local jars
  jars=$(printf '%s,' "$root"/backfill-job/target/dist/*.jar)
  cd "$work" && SPARK_HOME=$environment/spark PYSPARK_PYTHON=$python \
    exec "$environment/spark/bin/spark-submit" --master 'local[2]' --jars "${jars%,}" --py-files "$(echo "$root"/backfill-job/target/dist/*-bundle.jar)" \
    --driver-java-options "-Dlog4j2.configurationFile=file:$here/log4j2.properties" \
    --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false \
    --conf spark.sql.extensions=io.lancebackfill.sql.LanceBackfillExtensions \
    --conf spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog \
    --conf spark.sql.catalog.lance.impl=dir --conf "spark.sql.catalog.lance.root=$work/tables" \
    "$@" </dev/null 2> >(tee -a "$log" | grep --line-buffered '^backfill ')
}

again="Run this again: it starts afresh. If it fails again, the log says why; Spark in local mode wants 2 GB of memory,
and a name of this machine that it can look up: if not, set SPARK_LOCAL_IP=127.0.0.1."

say "Making the table, and filling a column by an SQL expression, one by a Java function, and one by a language model in
   Python, which kills the run when it is half done"
status=0
# What bash itself says of the kill goes to the log.
{ (QUICKSTART_KILL_AT=$(($(cat "$work/texts") / 2)) spark "$here/run_sql.py" "$here/1-declare.sql" "$here/2-model.sql"); } 2>>"$log" ||
  status=$?
[ -f "$work/killed" ] || fail "Spark ended with $status before the model was half done." "$again"
echo "killed: the process ended with $status"

say "The same call again goes on where it stopped"
(spark "$here/run_sql.py" "$here/2-model.sql" "$here/3-show.sql") || fail "Spark ended with $?." "$again"

say "An embedding of each text, by a function in Python that is stored with the table, and the texts nearest to some"
(spark "$here/embed.py") || fail "Spark ended with $?." "$again"

say "Done in $SECONDS s"
"$python" "$here/summary.py" "$work" 2>>"$log" || fail "Work was lost." "Please report this, with the log."
printf '  the table  %s, for any tool that reads Lance\n' "$work/tables/texts.lance"
