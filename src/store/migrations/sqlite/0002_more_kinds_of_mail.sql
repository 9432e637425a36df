-- More kinds of mail (transfer notices, cleared alerts, reports) and one more nature of request (appointments).
-- SQLite changes no CHECK in place: both tables are made again, and keep every row.

CREATE TABLE effect_new (
    id            TEXT    PRIMARY KEY,
    kind          TEXT    NOT NULL CHECK (kind IN ('acknowledgement', 'transfer_notice', 'alert', 'clearance', 'digest', 'report', 'operations')),
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
    answer        TEXT    NOT NULL
) STRICT;
INSERT INTO effect_new (id, kind, mailbox, bureau, request, recipients, domain, about, level, message_id, created_at,
                        due_at, warn_at, state, holder, attempts, unknowns, settled_at, answer)
SELECT id, kind, mailbox, bureau, request, recipients, domain, about, level, message_id, created_at,
       due_at, warn_at, state, holder, attempts, unknowns, settled_at, answer
FROM effect;
DROP TABLE effect;
ALTER TABLE effect_new RENAME TO effect;
CREATE INDEX effect_due ON effect (due_at) WHERE state = 'pending';
CREATE INDEX effect_claim ON effect ((CASE WHEN kind = 'acknowledgement' THEN 1 ELSE 0 END), due_at, created_at, id)
WHERE state = 'pending';
CREATE INDEX effect_sending ON effect (holder) WHERE state = 'sending';
CREATE INDEX effect_by_message_id ON effect (message_id);
CREATE INDEX effect_by_request ON effect (request) WHERE request <> 0;
CREATE INDEX effect_by_creation ON effect (kind, created_at);
CREATE INDEX effect_by_warning ON effect (warn_at) WHERE warn_at <> 0;
CREATE INDEX effect_held ON effect (created_at) WHERE state = 'held';
CREATE INDEX effect_by_recipient ON effect (lower(recipients), created_at) WHERE kind = 'acknowledgement';
CREATE INDEX effect_by_domain ON effect (domain, created_at) WHERE kind = 'acknowledgement';
CREATE INDEX effect_by_mailbox ON effect (mailbox, created_at) WHERE kind = 'acknowledgement';

CREATE TABLE request_new (
    id                INTEGER PRIMARY KEY,
    reference         TEXT    NOT NULL UNIQUE,
    mailbox           TEXT    NOT NULL,
    bureau            TEXT    NOT NULL,
    message           INTEGER NOT NULL,
    person            INTEGER NOT NULL,
    requester         TEXT    NOT NULL CHECK (requester IN ('public', 'elected', 'local_official', 'local_authority')),
    nature            TEXT    NOT NULL CHECK (nature IN ('general_info', 'advice', 'complaint', 'suggestion', 'appointment')),
    commitment        TEXT    NOT NULL,
    day_limit         INTEGER NOT NULL CHECK (day_limit BETWEEN 0 AND 65535),
    received_at       INTEGER NOT NULL,
    due_on            TEXT    NOT NULL,
    due_at            INTEGER NOT NULL,
    calendar_revision TEXT    NOT NULL,
    again_of          INTEGER NOT NULL,
    backlog           INTEGER NOT NULL CHECK (backlog IN (0, 1)),
    flagged           INTEGER NOT NULL CHECK (flagged IN (0, 1)),
    status            TEXT    NOT NULL CHECK (status IN ('open', 'answered', 'closed', 'transferred')),
    settled_at        INTEGER NOT NULL,
    evidence          TEXT    NOT NULL,
    confidence        TEXT    NOT NULL,
    acknowledgement   TEXT    NOT NULL CHECK (acknowledgement IN ('pending', 'sent', 'withheld', 'refused', 'unknown')),
    acknowledged_at   INTEGER NOT NULL,
    alert_level       INTEGER NOT NULL,
    next_alert_at     INTEGER NOT NULL
) STRICT;
INSERT INTO request_new (id, reference, mailbox, bureau, message, person, requester, nature, commitment, day_limit,
                         received_at, due_on, due_at, calendar_revision, again_of, backlog, flagged, status, settled_at,
                         evidence, confidence, acknowledgement, acknowledged_at, alert_level, next_alert_at)
SELECT id, reference, mailbox, bureau, message, person, requester, nature, commitment, day_limit,
       received_at, due_on, due_at, calendar_revision, again_of, backlog, flagged, status, settled_at,
       evidence, confidence, acknowledgement, acknowledged_at, alert_level, next_alert_at
FROM request;
DROP TABLE request;
ALTER TABLE request_new RENAME TO request;
CREATE INDEX request_by_alert ON request (next_alert_at) WHERE next_alert_at <> 0;
CREATE INDEX request_open ON request (mailbox, due_on) WHERE status = 'open';
CREATE INDEX request_by_receipt ON request (received_at);
CREATE INDEX request_again ON request (again_of) WHERE again_of <> 0;
