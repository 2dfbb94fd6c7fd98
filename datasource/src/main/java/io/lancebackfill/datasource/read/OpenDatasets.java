package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetOpener;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.SnapshotReader;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;

/**
 * The datasets that this JVM keeps open for reading, so that a task does not read the manifest
 * again. The least recently used beyond the capacity are closed, those in use by their last user.
 */
final class OpenDatasets {
  /** Of the executor: all tasks share it. */
  static final OpenDatasets SHARED = new OpenDatasets(16);

  private final int capacity;
  private final LinkedHashMap<Key, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);

  OpenDatasets(int capacity) {
    this.capacity = capacity;
  }

  private record Key(DatasetRef ref, long version) {}

  /** One user's hold on an open dataset; closing it a second time does nothing. */
  final class Hold implements AutoCloseable {
    private final Entry entry;
    private final Opened opened;
    private boolean released;

    private Hold(Entry entry, Opened opened) {
      this.entry = entry;
      this.opened = opened;
    }

    Dataset dataset() {
      return opened.dataset;
    }

    TableSnapshot table() {
      return opened.table;
    }

    @Nullable FragmentSnapshot fragment(int id) {
      return opened.fragments.get(id);
    }

    @Override
    public void close() {
      if (!released) {
        released = true;
        release(entry);
      }
    }
  }

  /** A dataset and what is known of it; opened by the first user, while the others wait for it. */
  private static final class Entry {
    private final Key key;
    private @Nullable Opened opened;
    // Guarded by the pool.
    private int users;
    private boolean retired;

    private Entry(Key key) {
      this.key = key;
    }

    private synchronized Opened open() {
      Opened known = opened;
      if (known == null) {
        known = Opened.open(key.ref, key.version);
        opened = known;
      }
      return known;
    }

    private synchronized void close() {
      if (opened != null) {
        opened.dataset.close();
        opened = null;
      }
    }
  }

  private record Opened(
      Dataset dataset, TableSnapshot table, Map<Integer, FragmentSnapshot> fragments) {
    private static Opened open(DatasetRef ref, long version) {
      Dataset dataset = DatasetOpener.at(ref, version);
      try {
        TableSnapshot table = SnapshotReader.read(ref, dataset);
        Map<Integer, FragmentSnapshot> fragments = new HashMap<>();
        table.fragments().forEach(fragment -> fragments.put(fragment.id(), fragment));
        return new Opened(dataset, table, fragments);
      } catch (RuntimeException e) {
        dataset.close();
        throw e;
      }
    }
  }

  /**
   * Opens a version of a table, or takes the open one.
   *
   * @param expected fragments as the caller saw them in this version. If the open dataset has
   *     others, the table was dropped and made anew meanwhile: it is opened again
   * @throws DatasetException NOT_FOUND if version or fragment is not there
   */
  Hold acquire(DatasetRef ref, long version, List<FragmentSnapshot> expected) {
    Key key = new Key(ref, version);
    Hold hold = acquire(key);
    if (other(hold, expected).isEmpty()) {
      return hold;
    }
    retire(hold.entry);
    hold.close();
    Hold anew = acquire(key);
    Optional<FragmentSnapshot> missing = other(anew, expected);
    if (missing.isEmpty()) {
      return anew;
    }
    anew.close();
    throw new DatasetException(
        Kind.NOT_FOUND,
        "Version "
            + version
            + " of "
            + ref.display()
            + " has no longer the fragment "
            + missing.get().id()
            + " that was planned: the table was dropped and made anew meanwhile. Plan the read"
            + " again.");
  }

  private static Optional<FragmentSnapshot> other(Hold hold, List<FragmentSnapshot> expected) {
    return expected.stream()
        .filter(fragment -> !fragment.equals(hold.fragment(fragment.id())))
        .findFirst();
  }

  private Hold acquire(Key key) {
    Entry entry;
    List<Entry> unused;
    synchronized (this) {
      entry = entries.computeIfAbsent(key, Entry::new);
      entry.users++;
      unused = evict();
    }
    unused.forEach(Entry::close);
    try {
      return new Hold(entry, entry.open());
    } catch (RuntimeException e) {
      retire(entry);
      release(entry);
      throw e;
    }
  }

  /** Takes the eldest out; gives those that nobody uses, to be closed outside of the lock. */
  private List<Entry> evict() {
    List<Entry> unused = new ArrayList<>();
    Iterator<Entry> eldestFirst = entries.values().iterator();
    while (entries.size() > capacity && eldestFirst.hasNext()) {
      Entry eldest = eldestFirst.next();
      eldestFirst.remove();
      eldest.retired = true;
      if (eldest.users == 0) {
        unused.add(eldest);
      }
    }
    return unused;
  }

  private synchronized void retire(Entry entry) {
    entry.retired = true;
    entries.remove(entry.key, entry);
  }

  private void release(Entry entry) {
    boolean close;
    synchronized (this) {
      entry.users--;
      close = entry.retired && entry.users == 0;
    }
    if (close) {
      entry.close();
    }
  }

  /** How many are kept; those in use that were evicted are not counted. */
  synchronized int size() {
    return entries.size();
  }
}
