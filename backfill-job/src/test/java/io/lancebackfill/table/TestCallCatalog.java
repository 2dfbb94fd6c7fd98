package io.lancebackfill.table;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.catalog.LanceBackfillCatalog;
import org.apache.spark.sql.internal.SQLConf;
import org.junit.jupiter.api.Test;

class TestCallCatalog {
  private static SQLConf conf(String... keysAndValues) {
    SQLConf conf = new SQLConf();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      conf.setConfString(keysAndValues[i], keysAndValues[i + 1]);
    }
    return conf;
  }

  @Test
  void knowsOurCatalogByItsRealName() {
    SQLConf conf = conf("spark.sql.catalog.c", LanceBackfillCatalog.class.getName());
    assertThat(CallCatalog.find(conf, "c"))
        .hasValueSatisfying(c -> assertThat(c.isLance()).isTrue());
  }

  @Test
  void knowsLanceSparksCatalogByItsRealName() {
    String name = LanceBackfillCatalog.class.getSuperclass().getSuperclass().getName();
    assertThat(CallCatalog.find(conf("spark.sql.catalog.c", name), "c"))
        .hasValueSatisfying(c -> assertThat(c.isLance()).isTrue());
  }

  @Test
  void leavesOtherCatalogsAlone() {
    SQLConf conf = conf("spark.sql.catalog.c", "org.apache.iceberg.spark.SparkCatalog");
    assertThat(CallCatalog.find(conf, "c"))
        .hasValueSatisfying(c -> assertThat(c.isLance()).isFalse());
    assertThat(CallCatalog.find(conf, "d")).isEmpty();
    assertThat(CallCatalog.find(conf, "c.impl")).isEmpty();
  }

  @Test
  void prefersTheExactNameAndRefusesToGuess() {
    SQLConf conf = conf("spark.sql.catalog.Lance", "a", "spark.sql.catalog.LANCE", "b");
    assertThat(CallCatalog.find(conf, "LANCE"))
        .hasValueSatisfying(c -> assertThat(c.className()).isEqualTo("b"));
    assertThat(CallCatalog.find(conf, "lance")).isEmpty();
  }

  @Test
  void keepsOptionsOfItsOwnOnly() {
    SQLConf conf =
        conf(
            "spark.sql.catalog.c", "x",
            "spark.sql.catalog.c.root", "/r",
            "spark.sql.catalog.c.storage.key", "k",
            "spark.sql.catalog.cc.root", "/other");
    CallCatalog catalog = CallCatalog.find(conf, "C").orElseThrow();
    assertThat(catalog.name()).isEqualTo("c");
    assertThat(catalog.options()).containsOnlyKeys("root", "storage.key");
    assertThat(catalog.storageOptions()).containsOnlyKeys("key");
  }
}
