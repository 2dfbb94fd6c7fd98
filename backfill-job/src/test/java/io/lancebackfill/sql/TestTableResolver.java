package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.*;
import org.junit.jupiter.api.io.TempDir;
class TestTableResolver {
  @TempDir static Path root;
  static SparkSession spark;
  static void t(String sql) { try { System.out.println("OK " + sql + " " + spark.sql(sql).collectAsList()); } catch (Exception e) { System.out.println("ERR " + sql + " " + e.getClass() + " " + String.valueOf(e.getMessage()).lines().limit(2).toList()); } }
  @Test void x() throws Exception {
    spark = SessionOfTest.start(List.of(), b -> b.config("spark.sql.catalog.lance.root", root.toString()).config("spark.sql.catalog.lance.storage.secret_thing","hush"));
    spark.sql("CREATE NAMESPACE lance.db");
    t("SHOW NAMESPACES IN lance");
    t("CREATE TABLE lance.db.t (id INT)");
    t("CREATE TABLE lance.r (id INT)");
    t("CREATE TABLE lance.default.r2 (id INT)");
    t("SHOW TABLES IN lance.db"); t("SHOW TABLES IN lance"); t("SHOW TABLES IN lance.default");
    t("SELECT * FROM lance.r"); t("SELECT * FROM lance.default.r"); t("SELECT * FROM lance.default.r2");
    t("SELECT * FROM lance.nodb.r2"); t("SELECT * FROM lance.db.r2");
    t("DESCRIBE lance.db.t");
    t("USE lance"); t("SELECT current_schema()"); 
    for (String n : new String[] {"db.t", "nodb.t","r", "lance.r", "lance.default.r2", "r2", "LANCE.db.t"}) {
      try {
        var a = new io.lancebackfill.procedure.TableResolver(new io.lancebackfill.procedure.ProcedureContext(spark, io.lancebackfill.procedure.CallCatalog.find(spark.sessionState().conf(), "lance").get())).resolve(n);
        System.out.println("RES " + n + " -> " + a + " " + a.uri() + " " + a.storageOptions());
      } catch (Exception e) { System.out.println("RESERR " + n + " " + e); }
    }
  }
}
