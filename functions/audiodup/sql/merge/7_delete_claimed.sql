-- Only what was claimed: on Snowflake (READ COMMITTED) rows that came in since are visible here and must stay.
DELETE FROM AUDIO_FINGERPRINT_INBOX
WHERE EVENT_ID IN (SELECT EVENT_ID FROM AUDIO_INBOX_CLAIM);
