-- INSERT OR REPLACE takes a row away without asking the trigger on DELETE: a place of the ledger is filled once.
CREATE TRIGGER ledger_refuses_replace BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows: REPLACE refused'); END;
