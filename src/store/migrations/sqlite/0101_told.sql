-- Up to which entry of the ledger something was told to a bureau: what is written down later belongs to the next mail.
CREATE TABLE told (
    name TEXT    PRIMARY KEY,
    seq  INTEGER NOT NULL CHECK (seq >= 0)
) STRICT, WITHOUT ROWID;
