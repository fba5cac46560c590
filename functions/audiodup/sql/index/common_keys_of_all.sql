-- The same where nearly all tracks are unmatched. Counting all keys would cost as much as a batch of candidates; what
-- does not reach half its share in an eighth of the tracks is not over the limit. A key of a few tracks that have it
-- hundreds of times may be missed, and does little harm.
INSERT INTO AUDIO_INDEX_COMMON_KEY (KEY)
SELECT KEY
FROM AUDIO_INDEX_KEY
WHERE
    KEY IN (
        SELECT SAMPLED.KEY
        FROM AUDIO_INDEX_KEY AS SAMPLED
        WHERE MOD(SAMPLED.TRACK_ID, 8) = 0
        GROUP BY SAMPLED.KEY
        HAVING COUNT(*) > %(common_key)s / 16
    )
    AND KEY NOT IN (SELECT AUDIO_INDEX_COMMON_KEY.KEY FROM AUDIO_INDEX_COMMON_KEY)
GROUP BY KEY
HAVING COUNT(*) > %(common_key)s;
