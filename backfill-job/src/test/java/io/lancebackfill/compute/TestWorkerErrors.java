package io.lancebackfill.compute;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.PythonWorkerFault;
import io.lancebackfill.exec.RowFailure;
import io.lancebackfill.python.PythonFunction;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.api.python.PythonException;
import org.junit.jupiter.api.Test;

class TestWorkerErrors {
  private static final PythonFunction EMBED =
      new PythonFunction(
          "Embed_1f0c",
          "",
          "scalar",
          List.of(),
          Field.nullable("value", ArrowType.Utf8.INSTANCE),
          "3.11.7",
          Map.of(),
          Map.of());

  @Test
  void anotherPythonIsToldWithBothVersions() {
    BackfillException fault =
        fault(
            "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in"
                + " worker has different version (3, 10) than that in driver 3.11, PySpark cannot run"
                + " with different minor versions.");
    assertThat(fault.code()).isEqualTo(BackfillErrorCode.PYTHON_UNAVAILABLE);
    BackfillException told = WorkerErrors.ofAuthor(EMBED, fault);
    assertThat(told.code()).isEqualTo(BackfillErrorCode.ENVIRONMENT_MISMATCH);
    assertThat(told.problem())
        .contains("under Python 3.11.7, and the workers run Python 3.10: ")
        .contains("Name a Python 3.11 for the workers with spark.pyspark.python");
  }

  @Test
  void aWorkerWithoutPyarrowIsNoFaultOfTheFunction() {
    BackfillException fault = fault("ModuleNotFoundError: No module named 'pyarrow'");
    assertThat(fault.code()).isEqualTo(BackfillErrorCode.PYTHON_UNAVAILABLE);
    assertThat(WorkerErrors.ofAuthor(EMBED, fault).problem()).contains("spark.pyspark.python");
  }

  @Test
  void whatOurWorkerSaysOfItself() {
    BackfillException fault =
        fault(
            "lance_backfill.worker.loading.WorkerFault: LANCE_BACKFILL_FAULT:{\"code\":"
                + " \"ENVIRONMENT_MISMATCH\", \"message\": \"numpy 1.26 there, 2.2 here\"}\n");
    assertThat(fault.code()).isEqualTo(BackfillErrorCode.ENVIRONMENT_MISMATCH);
    assertThat(fault.problem()).isEqualTo("numpy 1.26 there, 2.2 here");
  }

  @Test
  void aRowThatMayNotFailIsNamedWithWhereItWasRaised() {
    String trace =
        """
        Traceback (most recent call last):
          File "/home/me/embed.py", line 12, in embed
            raise ValueError("cannot embed")
        ValueError: cannot embed
        """;
    RowFailure raised =
        new RowFailure(7, "FUNCTION_RAISED", "ValueError", "cannot embed", trace, 1);
    assertThat(WorkerErrors.fatal("Embed", raised).problem())
        .isEqualTo(
            """
            ValueError: cannot embed
              raised at /home/me/embed.py, line 12, in embed
              in function 'Embed', on the row at physical offset 7""");
    RowFailure length = new RowFailure(4, "WRONG_LENGTH", "InvalidOutput", "1 value for 3", "", 1);
    assertThat(WorkerErrors.fatal("Embed", length).problem())
        .isEqualTo(
            """
            InvalidOutput: 1 value for 3
              in function 'Embed', in the batch from physical offset 4""");
  }

  private static BackfillException fault(String lastLine) {
    String frames = "Traceback (most recent call last):\n  File \"worker.py\", line 1, in main\n";
    return PythonWorkerFault.of(new PythonException(frames + lastLine, null)).orElseThrow();
  }
}
