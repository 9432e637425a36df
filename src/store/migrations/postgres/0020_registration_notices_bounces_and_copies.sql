-- Registration notices; what a delivery report said of a mail; the copy of a mail in the Sent folder. Mails to the
-- public are told by their domain, which mails to agents leave empty.

ALTER TABLE effect DROP CONSTRAINT effect_kind_check;
ALTER TABLE effect ADD CONSTRAINT effect_kind_check
    CHECK (kind IN ('acknowledgement', 'registration_notice', 'transfer_notice', 'alert', 'clearance', 'digest', 'report', 'operations'));
ALTER TABLE effect
    ADD COLUMN text_digest   TEXT   NOT NULL DEFAULT '',
    ADD COLUMN bounced_at    BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN bounce_status TEXT   NOT NULL DEFAULT '',
    ADD COLUMN copy          TEXT   NOT NULL DEFAULT 'none' CHECK (copy IN ('none', 'wanted', 'copied', 'failed')),
    ADD COLUMN copy_at       BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN copy_attempts BIGINT NOT NULL DEFAULT 0;
DROP INDEX effect_claim;
-- The order in which mails are claimed: those to agents first.
CREATE INDEX effect_claim ON effect ((CASE WHEN domain = '' THEN 0 ELSE 1 END), due_at, created_at, id)
WHERE state = 'pending';
DROP INDEX effect_by_creation;
CREATE INDEX effect_by_creation ON effect (created_at) WHERE domain <> '';
DROP INDEX effect_by_recipient;
DROP INDEX effect_by_domain;
DROP INDEX effect_by_mailbox;
CREATE INDEX effect_by_recipient ON effect (lower(recipients), created_at) WHERE domain <> '';
CREATE INDEX effect_by_domain ON effect (domain, created_at) WHERE domain <> '';
CREATE INDEX effect_by_mailbox ON effect (mailbox, created_at) WHERE domain <> '';
CREATE INDEX effect_to_copy ON effect (copy_at) WHERE copy = 'wanted';
