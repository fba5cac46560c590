-- A conflict here means that another merge runs.
UPDATE AUDIO_MERGE_LOCK SET MERGED_AT = SYSDATE();
