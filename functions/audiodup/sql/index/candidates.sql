-- Pairs of tracks that have several keys in common at about one distance, each with its best distance: those of a batch
-- with each other and with what was matched before. A batch has the lowest numbers that are unmatched, so that a lower
-- number is in the batch or matched; with a higher one a pair is made only if that was matched (any_higher says whether
-- there is such a track at all). So each pair is made once, when its second track is matched.
-- A meeting is two positions in one number: that in the track of the batch times 2^20, and that in the other.
SELECT
    PAIR.NEW_TRACK,
    PAIR.OLD_TRACK,
    PAIR.KEYS,
    PAIR.FIRST_MEETING,
    PAIR.LAST_MEETING
FROM (
    SELECT
        NEW_KEY.TRACK_ID AS NEW_TRACK,
        OLD_KEY.TRACK_ID AS OLD_TRACK,
        COUNT(*) AS KEYS,
        MIN(NEW_KEY.POSITION::BIGINT * 1048576 + OLD_KEY.POSITION) AS FIRST_MEETING,
        MAX(NEW_KEY.POSITION::BIGINT * 1048576 + OLD_KEY.POSITION) AS LAST_MEETING
    FROM AUDIO_INDEX_KEY AS NEW_KEY
    INNER JOIN AUDIO_INDEX_KEY AS OLD_KEY
        ON
            NEW_KEY.KEY = OLD_KEY.KEY
            AND (
                NEW_KEY.TRACK_ID > OLD_KEY.TRACK_ID
                OR (%(any_higher)s AND NEW_KEY.TRACK_ID < OLD_KEY.TRACK_ID)
            )
    WHERE
        NEW_KEY.TRACK_ID IN (
            SELECT ONE.VALUE::BIGINT FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(track_ids)s))) AS ONE
        )
        AND NOT EXISTS (
            SELECT 1
            FROM AUDIO_INDEX_COMMON_KEY
            WHERE AUDIO_INDEX_COMMON_KEY.KEY = NEW_KEY.KEY
        )
    GROUP BY
        NEW_KEY.TRACK_ID,
        OLD_KEY.TRACK_ID,
        BITSHIFTRIGHT(OLD_KEY.POSITION - NEW_KEY.POSITION + 1048576, 4)
    HAVING
        COUNT(*) >= %(keys_in_common)s
        -- Frames next to each other are alike: where one meets by chance the next one often does.
        AND MAX(NEW_KEY.POSITION::BIGINT * 1048576 + OLD_KEY.POSITION)
        - MIN(NEW_KEY.POSITION::BIGINT * 1048576 + OLD_KEY.POSITION) >= %(apart)s * 1048576
) AS PAIR
WHERE
    PAIR.OLD_TRACK < PAIR.NEW_TRACK
    OR NOT EXISTS (
        SELECT 1
        FROM AUDIO_INDEX_TRACK
        WHERE
            AUDIO_INDEX_TRACK.TRACK_ID = PAIR.OLD_TRACK
            AND AUDIO_INDEX_TRACK.MATCHED_AT IS NULL
    )
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY PAIR.NEW_TRACK, PAIR.OLD_TRACK
    ORDER BY PAIR.KEYS DESC, PAIR.FIRST_MEETING ASC
) = 1;
