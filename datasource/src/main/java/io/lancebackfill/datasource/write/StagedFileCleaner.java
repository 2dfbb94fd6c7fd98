package io.lancebackfill.datasource.write; import java.util.*; import io.lancebackfill.datasource.table.*;
public final class StagedFileCleaner { public StagedFileCleaner(DatasetRef r){ Objects.requireNonNull(r);} public record F(String path,long bytes){} public List<F> clean(Set<String> k, java.time.Instant b, boolean d){ return k.isEmpty() && d ? List.of() : List.of(new F(b.toString(),0));} }
