package io.lancebackfill.datasource.store;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TestLeaseWatch {
  private final LeaseHolder holder = LeaseHolder.of("j").withEpoch(1);
  private final LeaseWatch watch = new LeaseWatch();

  @Test
  void countsFromTheEndOfTheFirstReadToTheBeginningOfTheLast() {
    LeaseRecord record = new LeaseRecord(holder, 1, 0);
    assertThat(watch.silentFor(record, 100, 900)).isZero();
    assertThat(watch.silentFor(record, 950, 5000)).isEqualTo(50);
    assertThat(watch.silentFor(record, 6000, 6010)).isEqualTo(5100);
  }

  @Test
  void beginsAnewWithEachRenewal() {
    LeaseRecord record = new LeaseRecord(holder, 1, 0);
    watch.silentFor(record, 0, 10);
    assertThat(watch.silentFor(record, 500, 510)).isEqualTo(490);
    assertThat(watch.silentFor(record.next(), 600, 700)).isZero();
    assertThat(watch.silentFor(record.next(), 800, 810)).isEqualTo(100);
  }
}
