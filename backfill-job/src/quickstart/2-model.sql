CALL lance.system.backfill('texts', 'detected', commit_granularity => 1);
