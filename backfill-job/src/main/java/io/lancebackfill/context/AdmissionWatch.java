package io.lancebackfill.context;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.config.Durations;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.RootCause;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.jspecify.annotations.Nullable;

/**
 * Sees to it that a job whose tasks get no executor says why, and does not wait for ever: Spark
 * does both. With one executor that can run its tasks, a job goes on with what is there.
 */
public final class AdmissionWatch {
  /** Executors that start take 3 to 15 s; what keeps them from it is there sooner. */
  private static final Duration LOOK_AFTER = Duration.ofSeconds(5);

  private static final Duration LOOK_EVERY = Duration.ofSeconds(10);
  private static final Duration ASK_EVERY = Duration.ofSeconds(1);

  private static final Duration DEFAULT_TIMEOUT = Duration.ofMinutes(10);

  /** Of a last look before the job gives up. */
  private static final Duration LAST_LOOK = Duration.ofSeconds(15);

  private final Duration timeout;
  private final BooleanSupplier hasExecutors;
  private final Supplier<List<String>> diagnosis;
  private final Consumer<String> notices;
  private final LongSupplier nanoTime;
  private final Set<String> told = new LinkedHashSet<>();

  private long waitsSince;
  private long asked;
  private long looked;
  private @Nullable CompletableFuture<List<String>> look;

  AdmissionWatch(
      Duration timeout,
      BooleanSupplier hasExecutors,
      Supplier<List<String>> diagnosis,
      Consumer<String> notices,
      LongSupplier nanoTime) {
    this.timeout = timeout;
    this.hasExecutors = hasExecutors;
    this.diagnosis = diagnosis;
    this.notices = notices;
    this.nanoTime = nanoTime;
    this.waitsSince = nanoTime.getAsLong();
    this.asked = waitsSince;
    this.looked = waitsSince + LOOK_AFTER.minus(LOOK_EVERY).toNanos();
  }

  /**
   * Of the tasks of a job in this session.
   *
   * @param cluster that the job's call names, or null
   * @param profile of the tasks
   * @param timeout how long they may go without an executor
   * @param notices is told what a user should know meanwhile
   */
  public static AdmissionWatch of(
      SparkContext context,
      @Nullable ClusterSpec cluster,
      Optional<ResourceProfile> profile,
      Duration timeout,
      Consumer<String> notices) {
    if (context.isLocal()) {
      return new AdmissionWatch(timeout, () -> true, List::of, notices, System::nanoTime);
    }
    ExecutorsOfProfile executors = new ExecutorsOfProfile(context, profile);
    return new AdmissionWatch(
        timeout, executors::any, () -> executors.missing(cluster), notices, System::nanoTime);
  }

  /** How long tasks may go without an executor where no call says it. */
  public static Duration defaultTimeout(@Nullable ClusterSpec cluster) {
    return cluster == null ? DEFAULT_TIMEOUT : cluster.admissionTimeout();
  }

  /**
   * Looks whether the job is being kept waiting; to be called often.
   *
   * @throws BackfillException ADMISSION_TIMEOUT, with what was found
   */
  public void tick() {
    long now = nanoTime.getAsLong();
    if (now - asked < ASK_EVERY.toNanos()) {
      return;
    }
    asked = now;
    if (hasExecutors.getAsBoolean()) {
      waitsSince = now;
      told.clear();
      looked = now + LOOK_AFTER.minus(LOOK_EVERY).toNanos();
      return;
    }
    CompletableFuture<List<String>> begun = look;
    if (begun != null && begun.isDone()) {
      look = null;
      tell(begun.join());
    } else if (begun == null && now - looked >= LOOK_EVERY.toNanos()) {
      looked = now;
      look = CompletableFuture.supplyAsync(this::findings);
    }
    if (now - waitsSince >= timeout.toNanos()) {
      throw new BackfillException(
          BackfillErrorCode.ADMISSION_TIMEOUT,
          "No executor that can run this job's tasks has come in %s.%s What was finished is kept; the same call goes on from there. admission_timeout says how long to wait."
              .formatted(Durations.format(timeout), atLast()));
    }
  }

  private void tell(List<String> findings) {
    findings.stream().filter(told::add).forEach(notices);
  }

  private String atLast() {
    CompletableFuture<List<String>> last =
        look == null ? CompletableFuture.supplyAsync(this::findings) : look;
    List<String> findings = new ArrayList<>(told);
    try {
      findings = last.get(LAST_LOOK.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      findings.add("A last look failed: " + RootCause.of(e));
    }
    return findings.isEmpty() ? "" : "\n  " + String.join("\n  ", findings) + "\n";
  }

  private List<String> findings() {
    try {
      return diagnosis.get();
    } catch (RuntimeException | LinkageError e) {
      return List.of("Why no executor comes could not be looked at: " + RootCause.of(e));
    }
  }
}
