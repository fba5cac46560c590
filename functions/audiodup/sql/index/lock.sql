-- A conflict here means that another process changes the index. What the transaction adds bears the new number.
UPDATE AUDIO_INDEX_STATE
SET
    GENERATION = GENERATION + 1,
    CHANGED_AT = SYSDATE();
