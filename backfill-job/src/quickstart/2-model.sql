CALL lance.system.backfill('texts', 'detected', commit_granularity => 1, checkpoint_interval => '1s');
