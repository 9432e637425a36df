-- Registration notices; what a delivery report said of a mail; the copy of a mail in the Sent folder. Mails to the
-- public are told by their domain, which mails to agents leave empty. SQLite changes no CHECK in place.

CREATE TABLE effect_new (
    id            TEXT    PRIMARY KEY,
    kind          TEXT    NOT NULL CHECK (kind IN ('acknowledgement', 'registration_notice', 'transfer_notice', 'alert', 'clearance', 'digest', 'report', 'operations')),
    mailbox       TEXT    NOT NULL,
    bureau        TEXT    NOT NULL,
    request       INTEGER NOT NULL,
    recipients    TEXT    NOT NULL,
    domain        TEXT    NOT NULL,
    about         TEXT    NOT NULL,
    level         INTEGER NOT NULL,
    message_id    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    warn_at       INTEGER NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('pending', 'sending', 'accepted', 'refused', 'unknown', 'held', 'withdrawn')),
    holder        TEXT    NOT NULL,
    attempts      INTEGER NOT NULL,
    unknowns      INTEGER NOT NULL,
    settled_at    INTEGER NOT NULL,
    answer        TEXT    NOT NULL,
    text_digest   TEXT    NOT NULL DEFAULT '',
    bounced_at    INTEGER NOT NULL DEFAULT 0,
    bounce_status TEXT    NOT NULL DEFAULT '',
    copy          TEXT    NOT NULL DEFAULT 'none' CHECK (copy IN ('none', 'wanted', 'copied', 'failed')),
    copy_at       INTEGER NOT NULL DEFAULT 0,
    copy_attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO effect_new (id, kind, mailbox, bureau, request, recipients, domain, about, level, message_id, created_at,
                        due_at, warn_at, state, holder, attempts, unknowns, settled_at, answer)
SELECT id, kind, mailbox, bureau, request, recipients, domain, about, level, message_id, created_at,
       due_at, warn_at, state, holder, attempts, unknowns, settled_at, answer
FROM effect;
DROP TABLE effect;
ALTER TABLE effect_new RENAME TO effect;
CREATE INDEX effect_due ON effect (due_at) WHERE state = 'pending';
-- The order in which mails are claimed: those to agents first.
CREATE INDEX effect_claim ON effect ((CASE WHEN domain = '' THEN 0 ELSE 1 END), due_at, created_at, id)
WHERE state = 'pending';
CREATE INDEX effect_sending ON effect (holder) WHERE state = 'sending';
CREATE INDEX effect_by_message_id ON effect (message_id);
CREATE INDEX effect_by_request ON effect (request) WHERE request <> 0;
CREATE INDEX effect_by_creation ON effect (created_at) WHERE domain <> '';
CREATE INDEX effect_by_warning ON effect (warn_at) WHERE warn_at <> 0;
CREATE INDEX effect_held ON effect (created_at) WHERE state = 'held';
CREATE INDEX effect_by_recipient ON effect (lower(recipients), created_at) WHERE domain <> '';
CREATE INDEX effect_by_domain ON effect (domain, created_at) WHERE domain <> '';
CREATE INDEX effect_by_mailbox ON effect (mailbox, created_at) WHERE domain <> '';
CREATE INDEX effect_to_copy ON effect (copy_at) WHERE copy = 'wanted';
