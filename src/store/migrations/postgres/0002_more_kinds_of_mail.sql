-- More kinds of mail (transfer notices, cleared alerts, reports) and one more nature of request (appointments).

ALTER TABLE effect DROP CONSTRAINT effect_kind_check;
ALTER TABLE effect ADD CONSTRAINT effect_kind_check
    CHECK (kind IN ('acknowledgement', 'transfer_notice', 'alert', 'clearance', 'digest', 'report', 'operations'));
ALTER TABLE request DROP CONSTRAINT request_nature_check;
ALTER TABLE request ADD CONSTRAINT request_nature_check
    CHECK (nature IN ('general_info', 'advice', 'complaint', 'suggestion', 'appointment'));
