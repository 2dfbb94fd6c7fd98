package io.lancebackfill.datasource.table;

import org.lance.JniLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Lance's native library: 160 MB, which each process unpacks from the jar and loads. */
public final class LanceLibrary {
  private static final Logger LOG = LoggerFactory.getLogger(LanceLibrary.class);

  private LanceLibrary() {}

  /** Begins to load it beside what the caller does next; who needs it first waits for that. */
  public static void loadAhead() {
    Thread loading = new Thread(LanceLibrary::load, "lance-library");
    loading.setDaemon(true);
    loading.start();
  }

  private static void load() {
    try {
      LanceLog.quieten();
      JniLoader.ensureLoaded();
    } catch (RuntimeException | LinkageError e) {
      // Who needs it meets the same.
      LOG.debug("Lance's library could not be loaded ahead", e);
    }
  }
}
