-- Only the newest word of a pair is kept: those of the same pair were deleted in the same transaction.
INSERT INTO AUDIO_DUPLICATE (
    A_ASSET_ID, A_FILE_KEY, B_ASSET_ID, B_FILE_KEY, VERDICT, KIND, ACTION, SIMILARITY, KAPPA, EXPECTED_FALSE,
    A_COVERAGE, B_COVERAGE, OFFSET_SECONDS, OVERLAP_SECONDS, TEMPO, MATCHED_RANGES, EVIDENCE, MATCHER_VERSION,
    MATCHED_AT
)
SELECT
    VALUE:a_asset_id::VARCHAR,
    VALUE:a_file_key::VARCHAR,
    VALUE:b_asset_id::VARCHAR,
    VALUE:b_file_key::VARCHAR,
    VALUE:verdict::VARCHAR,
    VALUE:kind::VARCHAR,
    VALUE:action::VARCHAR,
    VALUE:similarity::FLOAT,
    VALUE:kappa::FLOAT,
    VALUE:expected_false::FLOAT,
    VALUE:coverage_a::FLOAT,
    VALUE:coverage_b::FLOAT,
    VALUE:offset_seconds::FLOAT,
    VALUE:overlap_seconds::FLOAT,
    VALUE:tempo::FLOAT,
    VALUE:ranges::VARCHAR,
    VALUE:evidence::VARCHAR,
    VALUE:matcher_version::VARCHAR,
    SYSDATE()
FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(rows)s)));
