package io.lancebackfill.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.task.ProcessLoss.Cause;
import java.util.List;
import java.util.Properties;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.TaskEndReason;
import org.apache.spark.TaskKilled;
import org.apache.spark.executor.ExecutorMetrics;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.StageInfo;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.scheduler.TaskLocality;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import scala.Option;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/** What Spark's own events say of attempts that came to nothing. */
@Timeout(60)
class TestLostAttempts {
  private static final int STAGE = 7;

  private final LostAttempts attempts = new LostAttempts("job", false);

  private static <T> Seq<T> none() {
    return JavaConverters.asScalaBuffer(List.<T>of()).toSeq();
  }

  private void start(String group, int stage) {
    Properties properties = new Properties();
    properties.setProperty("spark.jobGroup.id", group);
    StageInfo info =
        new StageInfo(
            stage,
            0,
            "s",
            1,
            none(),
            none(),
            "",
            new TaskMetrics(),
            none(),
            Option.empty(),
            0,
            false,
            0);
    attempts.onJobStart(
        new SparkListenerJobStart(
            1, 0, JavaConverters.asScalaBuffer(List.of(info)).toSeq(), properties));
  }

  private void end(int stage, int partition, int attempt, TaskEndReason reason) {
    TaskInfo info =
        new TaskInfo(1, 0, attempt, partition, 0, "1", "host", TaskLocality.ANY(), false);
    attempts.onTaskEnd(
        new SparkListenerTaskEnd(
            stage, 0, "ResultTask", reason, info, new ExecutorMetrics(), new TaskMetrics()));
  }

  private static ExecutorLostFailure lost(String executor, boolean byTheApp) {
    return new ExecutorLostFailure(executor, byTheApp, Option.apply("exited"));
  }

  @BeforeEach
  void begin() {
    start("job", STAGE);
  }

  @Test
  void anExecutorThatCrashedCountsAndOneThatTheClusterTookDoesNot() throws InterruptedException {
    end(STAGE, 0, 0, lost("1", true));
    end(STAGE, 1, 0, lost("2", false));
    end(STAGE, 2, 0, new TaskKilled("another attempt succeeded", none(), none(), none()));

    assertThat(attempts.of(STAGE, 0).cause()).isEqualTo(Cause.CRASH);
    assertThat(attempts.of(STAGE, 0).reason()).contains("ExecutorLostFailure", "exited");
    assertThat(attempts.of(STAGE, 1).cause()).isEqualTo(Cause.CLUSTER);
    assertThat(attempts.of(STAGE, 2).cause()).isEqualTo(Cause.CLUSTER);
  }

  @Test
  void onlyFirstAttemptsOfTheJobsOwnStagesAreKept() throws InterruptedException {
    start("another", 8);
    end(8, 0, 0, lost("1", true));
    end(STAGE, 0, 0, lost("1", false));
    end(STAGE, 0, 1, lost("2", true));

    assertThat(attempts.of(STAGE, 0).cause()).isEqualTo(Cause.CLUSTER);
    assertThat(attempts.inCompany(STAGE, 0)).isFalse();
  }

  @Test
  void tasksThatOneExecutorTookWithItAreInCompany() {
    end(STAGE, 0, 0, lost("1", true));
    end(STAGE, 1, 0, lost("2", true));
    assertThat(attempts.inCompany(STAGE, 0)).isFalse();
    end(STAGE, 2, 0, lost("1", true));
    assertThat(attempts.inCompany(STAGE, 0)).isTrue();
    assertThat(attempts.inCompany(STAGE, 1)).isFalse();
    assertThat(attempts.inCompany(STAGE, 3)).isFalse();
  }

  @Test
  void aResultMayComeBeforeSparkTellsOfTheLoss() throws Exception {
    Thread late = new Thread(() -> end(STAGE, 0, 0, lost("1", false)));
    late.start();
    assertThat(attempts.of(STAGE, 0).cause()).isEqualTo(Cause.CLUSTER);
    late.join();
  }
}
