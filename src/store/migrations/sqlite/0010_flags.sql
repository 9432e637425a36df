-- The flags and keywords of a message at each of its places, as last seen, without those that mere reading sets.
ALTER TABLE location ADD COLUMN flags TEXT NOT NULL DEFAULT '';
-- Each folder's flags are asked once from the beginning.
UPDATE folder SET highest_modseq = 0;
