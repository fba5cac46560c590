-- How many others a key meets, from every 61st of them: the sum over their rows, and the number of those rows.
SELECT
    COALESCE(SUM(SAMPLED.OCCURRENCES * (SAMPLED.OCCURRENCES - 1)), 0) AS MEETINGS,
    COALESCE(SUM(SAMPLED.OCCURRENCES), 0) AS KEYS
FROM (
    SELECT COUNT(*) AS OCCURRENCES
    FROM AUDIO_INDEX_KEY
    WHERE MOD(KEY, 61) = 0
    GROUP BY KEY
    HAVING COUNT(*) <= %(common_key)s
) AS SAMPLED;
