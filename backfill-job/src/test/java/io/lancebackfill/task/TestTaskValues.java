package io.lancebackfill.task;

import static io.lancebackfill.HandMade.A;
import static io.lancebackfill.HandMade.V;
import static io.lancebackfill.HandMade.column;
import static io.lancebackfill.HandMade.table;
import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.compute.ArrowFunction;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.task.TaskResult.Fault;
import io.lancebackfill.udf.UdfDescriptor;
import java.util.List;
import java.util.Map;
import org.apache.spark.util.Utils;
import org.junit.jupiter.api.Test;

/** The plain values that cross to executors and back. */
class TestTaskValues {
  @Test
  void aFunctionReadsColumnsUnderTheNamesThatTheyHaveNow() {
    ArrowFunction declared =
        new ArrowFunction(
            UdfDescriptor.java("f", "F"), List.of("a", "b", "a", "gone"), 7, true, "python3", 1);
    DeclaredInputs inputs =
        new DeclaredInputs(List.of("a", "b", "gone"), Map.of(0, "a", 5, "b", 9, "gone"));
    ArrowFunction present =
        declared.reading(
            table(1, List.of(column(0, "b", Map.of()), column(5, "a", Map.of()))), inputs);
    assertThat(present.arguments()).containsExactly("b", "a", "b", "gone");
    assertThat(present.batchSize()).isEqualTo(7);
    assertThat(present.byLength()).isTrue();
  }

  @Test
  void aLostProcessIsNoOrdinaryFault() {
    ProcessLoss loss = new ProcessLoss(ProcessLoss.Cause.MEMORY, "executor 1 is gone");
    TaskResult lost = TaskResult.lost(3, loss);
    assertThat(lost.lost()).contains(loss);
    assertThat(lost.fault()).isNull();
    assertThat(lost.file()).isNull();
    TaskResult failed =
        new TaskResult(
            3, null, null, null, 0, 0, new Fault(BackfillErrorCode.FUNCTION_FAILED, "", ""));
    assertThat(failed.lost()).isEmpty();
    TaskResult worker =
        new TaskResult(
            3, null, null, null, 0, 0, new Fault(BackfillErrorCode.PROCESS_LOST, "died", ""));
    assertThat(worker.lost()).contains(new ProcessLoss(ProcessLoss.Cause.CRASH, "died"));
    TaskResult done = new TaskResult(3, null, "c", new byte[] {1}, 5, 6, null);
    assertThat(done.lost()).isEmpty();
    assertThat(done.note()).isNull();
    TaskResult noted = done.withNote("no checkpoint");
    assertThat(noted.note()).isEqualTo("no checkpoint");
    assertThat(noted.withNote(null)).isEqualTo(done);
  }

  @Test
  void aJobCrossesToExecutorsWithItsFields() {
    JobTasks job =
        new JobTasks(
            "job",
            DatasetRef.of("/t"),
            1,
            2,
            "2.1",
            List.of(V, A),
            List.of(),
            DatasetRef.of("/c"),
            "g",
            5,
            ErrorPolicy.FAIL,
            FunctionResources.ONE_CPU,
            false);
    JobTasks there = Utils.deserialize(Utils.serialize(job));
    assertThat(there.fields()).containsExactly(V.field(), A.field());
    assertThat(there.names()).containsExactly("v", "a");
    assertThat(there).isEqualTo(job);
  }
}
