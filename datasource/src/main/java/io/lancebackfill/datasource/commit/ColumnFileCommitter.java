package io.lancebackfill.datasource.commit;

import io.lancebackfill.datasource.commit.AttachmentCheck.Result;
import io.lancebackfill.datasource.commit.CommitOutcome.Attached;
import io.lancebackfill.datasource.table.ColumnPlace;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.Retry;
import io.lancebackfill.datasource.table.SnapshotReader;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.lance.Dataset;
import org.lance.operation.Operation;

/**
 * Attaches column files to the newest version of a table. The files of fragments where the column
 * has a file of its own, or none, go in one DataReplacement; those of fragments where it lies in a
 * file with other columns in one Update that rewrites columns, or by a {@link ShadowColumn}, as the
 * policy says.
 *
 * <p>Lance lets pass what would make the values wrong: a dropped column, an input written again in
 * place, another filling of the column. So each try first reads the newest version and compares it
 * with what the files were made from; files that no longer fit are {@linkplain Refusal refused},
 * the others of the group go on. A commit that lost against another one is tried again with the
 * same files on the newer metadata, without computing anything again. Between that look and the
 * commit an input can still change; the caller's record of the inputs' places tells so afterwards.
 *
 * <p>Repeating a call is harmless: files that the table names already count as committed.
 */
public final class ColumnFileCommitter implements GroupCommitter {
  private final DatasetRef table;
  private final List<TableColumn> columns;
  private final AttachPolicy policy;

  /**
   * @param columns the group that every file holds, in the files' order; under these ids, or those
   *     that a commit gave them since
   */
  public ColumnFileCommitter(DatasetRef table, List<TableColumn> columns, AttachPolicy policy) {
    if (columns.isEmpty()) {
      throw new IllegalArgumentException("Without a column there is nothing to commit");
    }
    this.table = table;
    this.columns = List.copyOf(columns);
    this.policy = policy;
  }

  /**
   * Whether {@link #repair} may find something to do.
   *
   * @param columns as the version has them
   */
  public static boolean mayNeedRepair(TableSnapshot table, List<TableColumn> columns) {
    return columns.stream().anyMatch(column -> !column.previousIds().isEmpty())
        || !leftOver(table, columns).isEmpty();
  }

  /**
   * Puts right what a driver that died in the middle of a commit left, and fragments that another
   * writer committed under ids that the columns had before: metadata only.
   *
   * @throws DatasetException as classified
   */
  public static void repair(DatasetRef table, List<TableColumn> columns) {
    ShadowColumn.dropLeftOver(table, columns);
    Retry.commit(
        "repair columns of",
        table,
        () -> {
          ShadowColumn.adoptEarlierIds(table, columns, Map.of());
          return true;
        });
  }

  /**
   * Names of the columns in a table that only a commit that was cut off can have left for these.
   */
  public static List<String> leftOver(TableSnapshot table, List<TableColumn> columns) {
    return ShadowColumn.leftOver(table, columns);
  }

  /**
   * Where a group of columns lies in a fragment: for one column the same as {@link
   * FragmentSnapshot#place}, for several their places in one. Empty if the fragment has none of
   * them.
   */
  public static Optional<ColumnPlace> place(FragmentSnapshot fragment, List<TableColumn> columns) {
    return Optional.ofNullable(AttachmentCheck.place(fragment, columns));
  }

  @Override
  public CommitOutcome commit(
      List<ColumnFileAttachment> group,
      Map<String, String> transactionProperties,
      BooleanSupplier stillOwner) {
    return new Round(group, transactionProperties, stillOwner).run();
  }

  /** One call: what is still to do, and what became of the rest. */
  private final class Round {
    private final Map<Integer, ColumnFileAttachment> pending = new LinkedHashMap<>();
    private final Map<String, String> properties;
    private final BooleanSupplier stillOwner;
    private final TreeSet<Integer> committed = new TreeSet<>();
    private final Map<Integer, Refusal> refused = new TreeMap<>();
    private final Map<Integer, Attached> attached = new TreeMap<>();
    private final Set<String> indexesDropped = new TreeSet<>();
    private AttachMethod method = AttachMethod.DATA_REPLACEMENT;
    private boolean resetsRowVersions;
    private List<ColumnFileAttachment> sent = List.of();
    private long version;
    private int commits;
    private final Retry retry = Retry.ofCommits("commit column files to", table);

    Round(
        List<ColumnFileAttachment> group,
        Map<String, String> properties,
        BooleanSupplier stillOwner) {
      for (ColumnFileAttachment attachment : group) {
        if (pending.put(attachment.fragmentId(), attachment) != null) {
          throw new IllegalArgumentException(
              "Fragment "
                  + attachment.fragmentId()
                  + " of "
                  + table.display()
                  + " has two column files in one group");
        }
      }
      this.properties = Map.copyOf(properties);
      this.stillOwner = stillOwner;
    }

    CommitOutcome run() {
      do {
        try (Dataset newest = Retry.outage("open", table, () -> DatasetOpener.latest(table))) {
          step(newest);
        }
      } while (!pending.isEmpty());
      return new CommitOutcome(
          version, commits, List.copyOf(committed), refused, attached, indexesDropped);
    }

    /** Looks at the newest version and sends at most one commit. */
    private void step(Dataset newest) {
      TableSnapshot snapshot = SnapshotReader.read(table, newest);
      version = snapshot.version();
      AttachmentCheck check = new AttachmentCheck(snapshot, columns).withPresentColumns();
      pending.replaceAll((fragmentId, attachment) -> check.withPresentIds(attachment));
      sent = sent.stream().map(check::withPresentIds).toList();
      countIfSentOneArrived(snapshot);
      List<ColumnFileAttachment> replace = new ArrayList<>();
      List<ColumnFileAttachment> rewrite = new ArrayList<>();
      for (ColumnFileAttachment attachment : List.copyOf(pending.values())) {
        Result result = check.check(attachment);
        switch (result.state()) {
          case ATTACHED -> settle(attachment);
          case REPLACE -> replace.add(attachment);
          case REWRITE -> rewrite.add(attachment);
          case REFUSED -> {
            pending.remove(attachment.fragmentId());
            refused.put(
                attachment.fragmentId(), Objects.requireNonNull(result.refusal(), "refusal"));
          }
        }
      }
      List<ColumnFileAttachment> next = replace.isEmpty() ? rewrite : replace;
      if (!next.isEmpty()) {
        requireOwner(next);
        sent = List.copyOf(next);
        method = replace.isEmpty() ? method(snapshot) : AttachMethod.DATA_REPLACEMENT;
        resetsRowVersions = method == AttachMethod.UPDATE && snapshot.stableRowIds();
        try {
          send(newest, check.columns());
        } catch (LostOwnershipException | ColumnGoneException e) {
          throw e;
        } catch (Exception e) {
          failed(LanceErrorClassifier.classify("commit column files to", table, e));
        }
      }
    }

    private AttachMethod method(TableSnapshot snapshot) {
      boolean shadow =
          policy == AttachPolicy.SHADOW_COLUMN
              || (policy == AttachPolicy.AUTO
                  && snapshot.stableRowIds()
                  && snapshot.fragments().stream().noneMatch(FragmentSnapshot::borrowsFiles));
      return shadow ? AttachMethod.SHADOW_COLUMN : AttachMethod.UPDATE;
    }

    private void send(Dataset newest, List<TableColumn> present) {
      if (method == AttachMethod.SHADOW_COLUMN) {
        ShadowColumn.Taken taken =
            new ShadowColumn(table, present, sent, properties).attach(stillOwner);
        indexesDropped.addAll(taken.indexesDropped());
        version = taken.version();
        arrived();
        return;
      }
      Operation operation;
      if (method == AttachMethod.UPDATE) {
        List<Integer> ids = present.stream().flatMap(c -> c.allIds().stream()).toList();
        operation = AttachOperations.rewrite(newest, sent, ids);
      } else {
        Optional<Set<String>> dropped =
            ColumnIndexes.prepare(table, newest, present, sent, properties);
        if (dropped.isPresent()) {
          // That was a commit of its own: look again.
          indexesDropped.addAll(dropped.get());
          sent = List.of();
          return;
        }
        operation = AttachOperations.replacement(sent);
      }
      version = LanceCommit.send(table, newest, operation, properties);
      arrived();
    }

    private void requireOwner(List<ColumnFileAttachment> files) {
      if (!stillOwner.getAsBoolean()) {
        throw new LostOwnershipException(
            "The commit of "
                + files.size()
                + " column files to "
                + table.display()
                + " was not sent: another driver owns the job now. Nothing is lost; that driver"
                + " goes on with what is finished.");
      }
    }

    /** The commit that was sent last is in the table. */
    private void arrived() {
      commits++;
      retry.progress();
      for (ColumnFileAttachment attachment : sent) {
        settle(attachment);
        attached.put(attachment.fragmentId(), new Attached(method, version, resetsRowVersions));
      }
      sent = List.of();
    }

    private void failed(DatasetException failure) {
      if (failure.kind() == Kind.COMMIT_CONFLICT || failure.kind() == Kind.COMMIT_CONTENTION) {
        tryAgain(failure);
        return;
      }
      TableSnapshot snapshot;
      try {
        snapshot = LanceTables.latest(table);
      } catch (DatasetException unreadable) {
        unreadable.addSuppressed(failure);
        throw new CommitStateUnknownException(
            "It is not known whether the commit of "
                + sent.size()
                + " column files to "
                + table.display()
                + " happened: its answer was lost, and the table cannot be read."
                + " Delete nothing; run the same call again once the table can be read.",
            unreadable);
      }
      version = snapshot.version();
      AttachmentCheck check = new AttachmentCheck(snapshot, columns).withPresentColumns();
      sent = sent.stream().map(check::withPresentIds).toList();
      if (countIfSentOneArrived(snapshot)) {
        return;
      }
      if (failure.kind() == Kind.UNAVAILABLE) {
        tryAgain(failure);
        return;
      }
      throw notAttached(failure);
    }

    private void tryAgain(DatasetException failure) {
      try {
        retry.failed(failure);
      } catch (DatasetException last) {
        throw last.kind() == Kind.INTERRUPTED ? last : notAttached(last);
      }
    }

    private CommitFailedException notAttached(DatasetException failure) {
      boolean conflict = failure.kind() == Kind.COMMIT_CONTENTION;
      return new CommitFailedException(
          sent.size()
              + " column files are not attached to "
              + table.display()
              + " yet; version "
              + version
              + " names none of them. "
              + failure.getMessage()
              + (conflict
                  ? " They are kept: run the same call again when fewer writers are at work, or"
                      + " raise the commit granularity."
                  : " They are kept: run the same call again."),
          failure,
          conflict || failure.kind() == Kind.UNAVAILABLE,
          conflict);
    }

    /** A conflict after a lost answer may be one with ourselves. */
    private boolean countIfSentOneArrived(TableSnapshot snapshot) {
      boolean arrived =
          !sent.isEmpty()
              && sent.stream()
                  .allMatch(
                      attachment ->
                          snapshot
                              .fragment(attachment.fragmentId())
                              .filter(f -> AttachmentCheck.names(f, attachment.file()))
                              .isPresent());
      if (arrived) {
        arrived();
      }
      return arrived;
    }

    private void settle(ColumnFileAttachment attachment) {
      pending.remove(attachment.fragmentId());
      committed.add(attachment.fragmentId());
    }
  }
}
