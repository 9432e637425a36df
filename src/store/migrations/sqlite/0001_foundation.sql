-- Instants are milliseconds since 1970 in UTC; civil days are texts (2026-05-18); '' and 0 stand for "none".

-- The end of the ledger's chain and the next ids: one row, taken first by every transaction that writes.
CREATE TABLE head (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    seq          INTEGER NOT NULL,
    hash         TEXT    NOT NULL CHECK (length(hash) = 64),
    next_message INTEGER NOT NULL,
    next_request INTEGER NOT NULL,
    next_person  INTEGER NOT NULL,
    turns        INTEGER NOT NULL
) STRICT;
INSERT INTO head (id, seq, hash, next_message, next_request, next_person, turns)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', 1, 1, 1, 0);

CREATE TABLE ledger (
    seq         INTEGER PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    mailbox     TEXT    NOT NULL,
    request     TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    previous    TEXT    NOT NULL CHECK (length(previous) = 64),
    hash        TEXT    NOT NULL CHECK (length(hash) = 64)
) STRICT;
CREATE INDEX ledger_by_request ON ledger (request) WHERE request <> '';
CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: UPDATE refused'); END;
CREATE TRIGGER ledger_refuses_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: DELETE refused'); END;

CREATE TABLE mailbox (
    name                TEXT    PRIMARY KEY,
    mode                TEXT    NOT NULL CHECK (mode IN ('observe', 'acknowledge')),
    watched_since       INTEGER NOT NULL,
    acknowledging_since INTEGER NOT NULL,
    blind_since         INTEGER NOT NULL,
    blind_reported      INTEGER NOT NULL CHECK (blind_reported IN (0, 1))
) STRICT;

CREATE TABLE folder (
    id             INTEGER PRIMARY KEY,
    mailbox        TEXT    NOT NULL REFERENCES mailbox (name),
    name           TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('inbox', 'sent', 'junk', 'other')),
    uid_validity   INTEGER NOT NULL,
    last_uid       INTEGER NOT NULL,
    uid_next       INTEGER NOT NULL,
    highest_modseq INTEGER NOT NULL,
    scanned_at     INTEGER NOT NULL,
    UNIQUE (mailbox, name)
) STRICT;

-- Personal data stands here and in message, nowhere else; the ledger knows a person by the keyed digest only.
CREATE TABLE person (
    id               INTEGER PRIMARY KEY,
    address          TEXT    NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    key              TEXT    NOT NULL CHECK (length(key) = 64),
    digest           TEXT    NOT NULL UNIQUE,
    undeliverable_at INTEGER NOT NULL
) STRICT;

CREATE TABLE message (
    id                     INTEGER PRIMARY KEY,
    digest                 TEXT    NOT NULL UNIQUE,
    message_id             TEXT    NOT NULL,
    mailbox                TEXT    NOT NULL,
    folder                 TEXT    NOT NULL,
    person                 INTEGER NOT NULL,
    domain                 TEXT    NOT NULL,
    subject                TEXT    NOT NULL,
    thread_refs            TEXT    NOT NULL,
    thread_index           TEXT    NOT NULL,
    language               TEXT    NOT NULL,
    from_kind              TEXT    NOT NULL,
    verdict                TEXT    NOT NULL,
    reason                 TEXT    NOT NULL,
    reason_detail          TEXT    NOT NULL,
    request                INTEGER NOT NULL,
    commitment             TEXT    NOT NULL,
    due_on                 TEXT    NOT NULL,
    received_at            INTEGER NOT NULL,
    received_rule          TEXT    NOT NULL CHECK (received_rule IN ('internaldate', 'received_header', 'observed')),
    internal_date          INTEGER NOT NULL,
    header_date            INTEGER NOT NULL,
    received_header        INTEGER NOT NULL,
    observed_at            INTEGER NOT NULL,
    size                   INTEGER NOT NULL,
    acknowledgement        TEXT    NOT NULL CHECK (acknowledgement IN ('send', 'withhold', 'none')),
    acknowledgement_reason TEXT    NOT NULL,
    acknowledgement_detail TEXT    NOT NULL
) STRICT;
CREATE INDEX message_by_message_id ON message (message_id) WHERE message_id <> '';
CREATE INDEX message_by_domain ON message (domain, id) WHERE domain <> '';
CREATE INDEX message_by_request ON message (request) WHERE request <> 0;
CREATE INDEX message_by_person ON message (person, received_at) WHERE person <> 0;

-- Where a message lies or lay: (folder, UIDVALIDITY, UID) locates, it never identifies.
CREATE TABLE location (
    folder       INTEGER NOT NULL REFERENCES folder (id),
    uid_validity INTEGER NOT NULL,
    uid          INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    gone_at      INTEGER NOT NULL,
    PRIMARY KEY (folder, uid_validity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX location_by_message ON location (message);

-- Our answers seen before the message that they answer, by the Message-ID they name.
CREATE TABLE early_reply (
    parent  TEXT    NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (parent, message)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    folder       INTEGER NOT NULL REFERENCES folder (id),
    uid_validity INTEGER NOT NULL,
    uid          INTEGER NOT NULL,
    why          TEXT    NOT NULL,
    seen_at      INTEGER NOT NULL,
    PRIMARY KEY (folder, uid_validity, uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    prefix TEXT    NOT NULL,
    year   INTEGER NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (prefix, year)
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
    id                INTEGER PRIMARY KEY,
    reference         TEXT    NOT NULL UNIQUE,
    mailbox           TEXT    NOT NULL,
    bureau            TEXT    NOT NULL,
    message           INTEGER NOT NULL,
    person            INTEGER NOT NULL,
    requester         TEXT    NOT NULL CHECK (requester IN ('public', 'elected', 'local_official', 'local_authority')),
    nature            TEXT    NOT NULL CHECK (nature IN ('general_info', 'advice', 'complaint', 'suggestion')),
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
CREATE INDEX request_by_alert ON request (next_alert_at) WHERE next_alert_at <> 0;
CREATE INDEX request_open ON request (mailbox, due_on) WHERE status = 'open';
CREATE INDEX request_by_receipt ON request (received_at);
CREATE INDEX request_again ON request (again_of) WHERE again_of <> 0;

CREATE TABLE effect (
    id            TEXT    PRIMARY KEY,
    kind          TEXT    NOT NULL CHECK (kind IN ('acknowledgement', 'alert', 'digest', 'operations')),
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
CREATE INDEX effect_due ON effect (due_at) WHERE state = 'pending';
-- The order in which mails are claimed: those to agents first.
CREATE INDEX effect_claim ON effect ((CASE WHEN kind = 'acknowledgement' THEN 1 ELSE 0 END), due_at, created_at, id)
WHERE state = 'pending';
CREATE INDEX effect_sending ON effect (holder) WHERE state = 'sending';
CREATE INDEX effect_by_message_id ON effect (message_id);
CREATE INDEX effect_by_request ON effect (request) WHERE request <> 0;
CREATE INDEX effect_by_creation ON effect (kind, created_at);
CREATE INDEX effect_by_warning ON effect (warn_at) WHERE warn_at <> 0;
CREATE INDEX effect_held ON effect (created_at) WHERE state = 'held';
-- What the limits count, each by its own index: a burst must not scan a day of mails for each message.
CREATE INDEX effect_by_recipient ON effect (lower(recipients), created_at) WHERE kind = 'acknowledgement';
CREATE INDEX effect_by_domain ON effect (domain, created_at) WHERE kind = 'acknowledgement';
CREATE INDEX effect_by_mailbox ON effect (mailbox, created_at) WHERE kind = 'acknowledgement';

-- The token buckets of the relay's quotas, for all nodes together: a bucket is the instant at which it is full again.
CREATE TABLE quota (
    name    TEXT    PRIMARY KEY,
    full_at INTEGER NOT NULL
);

-- The breaker of all mailboxes and nodes: tripped_at is 0 while acknowledgements flow.
CREATE TABLE breaker (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    tripped_at   INTEGER NOT NULL,
    trip_sent    INTEGER NOT NULL,
    trip_limit   INTEGER NOT NULL,
    counted_from INTEGER NOT NULL
);
INSERT INTO breaker (id, tripped_at, trip_sent, trip_limit, counted_from) VALUES (1, 0, 0, 0, 0);

CREATE TABLE schedule (
    name    TEXT    PRIMARY KEY,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    mailbox TEXT    PRIMARY KEY,
    holder  TEXT    NOT NULL,
    until   INTEGER NOT NULL,
    epoch   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
