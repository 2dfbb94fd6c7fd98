package io.lancebackfill.datasource.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestCredentials {
  @ParameterizedTest
  @CsvSource({
    "/data/a@b/t.lance?x=1, /data/a@b/t.lance?x=1",
    "file:///data/t.lance, file:///data/t.lance",
    "s3://bucket/t.lance, s3://bucket/t.lance",
    "s3://user:pass@bucket/t.lance, s3://bucket/t.lance",
    "s3://token@bucket/a@b.lance, s3://bucket/a@b.lance",
    "abfss://container@account.dfs.core.windows.net/t, abfss://container@account.dfs.core.windows.net/t",
    "abfss://user:pass@account/t, abfss://account/t",
    "az://container/t.lance?sv=1&sig=a/b%3D, az://container/t.lance",
    "az://container/t.lance?sig=a/b/_backfill/jobs.lance, az://container/t.lance/_backfill/jobs.lance",
    "https://host/t.lance#frag, https://host/t.lance"
  })
  void areNotShownInAnAddress(String uri, String shown) {
    assertThat(Credentials.without(uri)).isEqualTo(shown);
    DatasetRef ref = new DatasetRef(uri, Map.of("aws_secret_access_key", "hidden"));
    assertThat(ref.display()).isEqualTo(shown);
    assertThat(ref).hasToString("DatasetRef[" + shown + ", 1 storage options (redacted)]");
  }

  @Test
  void areNotInTheErrorNorInItsCauses() {
    DatasetRef ref =
        new DatasetRef(
            "s3://user:pass@bucket/t.lance?sig=SIGNATURE",
            Map.of("aws_secret_access_key", "SECRET", "aws_region", "us-east-1"));
    IOException inner =
        new IOException("GET https://user:pass@bucket.s3/t?X-Amz-Signature=SIGNATURE&n=1 failed");
    IOException outer =
        new IOException("no " + ref.uri() + " for SECRET in us-east-1 (os error 99)", inner);
    DatasetException error = LanceErrorClassifier.classify("open", ref, outer);
    assertThat(error)
        .hasMessageStartingWith(
            "Cannot open s3://bucket/t.lance: no s3://bucket/t.lance for (redacted) in us-east-1");
    StringWriter trace = new StringWriter();
    error.printStackTrace(new PrintWriter(trace));
    assertThat(trace.toString())
        .doesNotContain("pass", "SIGNATURE", "SECRET")
        .contains("areNotInTheErrorNorInItsCauses", "&n=1 failed");
    assertThat(error.getCause().getStackTrace()).isEqualTo(outer.getStackTrace());
  }
}
