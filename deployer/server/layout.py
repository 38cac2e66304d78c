"""The tables of an account, and the way from an older layout."""

from __future__ import annotations

VERSION = 2

# A text outlives the membership that it came from when a file is attached again: REPLACE fires no trigger, so only a
# detached file takes its text along. The index holds whole texts without positions: a fifth of the work of one row for
# each overlapping chunk, and a search cuts the few texts that it looks at.
SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS documents_of_kind ON documents (kind, seq);

CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL, digest TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER);
CREATE INDEX IF NOT EXISTS files_of_digest ON files (digest);

CREATE TABLE IF NOT EXISTS uploads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    file_lifetime INTEGER);
CREATE TABLE IF NOT EXISTS parts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, digest TEXT NOT NULL,
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS parts_of_digest ON parts (digest);
CREATE INDEX IF NOT EXISTS parts_of_upload ON parts (upload_id);

CREATE TABLE IF NOT EXISTS vector_stores (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT, description TEXT, metadata TEXT NOT NULL,
    expires_days INTEGER, created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0,
    vector_store_id TEXT NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS batches_of_store ON batches (vector_store_id);
CREATE TABLE IF NOT EXISTS memberships (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    vector_store_id TEXT NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
    file_id TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    batch_id TEXT REFERENCES batches (id) ON DELETE SET NULL,
    attributes TEXT NOT NULL, chunk_size INTEGER NOT NULL, chunk_overlap INTEGER NOT NULL, created_at INTEGER NOT NULL,
    status TEXT NOT NULL, error_code TEXT, error_message TEXT, usage_bytes INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT, lease_until REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (vector_store_id, file_id));
CREATE INDEX IF NOT EXISTS memberships_in_order ON memberships (vector_store_id, seq);
CREATE INDEX IF NOT EXISTS memberships_counted ON memberships (vector_store_id, status, usage_bytes);
CREATE INDEX IF NOT EXISTS memberships_of_batch ON memberships (batch_id, seq);
CREATE INDEX IF NOT EXISTS memberships_of_file ON memberships (file_id);
CREATE INDEX IF NOT EXISTS memberships_waiting ON memberships (seq) WHERE status = 'in_progress';

CREATE TABLE IF NOT EXISTS texts (
    seq INTEGER PRIMARY KEY, vector_store_id TEXT NOT NULL, file_id TEXT NOT NULL,
    chunk_size INTEGER NOT NULL, chunk_overlap INTEGER NOT NULL, text TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS texts_of_membership ON texts (vector_store_id, file_id);
CREATE VIRTUAL TABLE IF NOT EXISTS text_index USING fts5 (
    text, content = 'texts', content_rowid = 'seq', tokenize = 'trigram', detail = none);
CREATE TRIGGER IF NOT EXISTS membership_removed AFTER DELETE ON memberships BEGIN
    DELETE FROM texts WHERE vector_store_id = old.vector_store_id AND file_id = old.file_id;
END;
CREATE TRIGGER IF NOT EXISTS text_added AFTER INSERT ON texts BEGIN
    INSERT INTO text_index (rowid, text) VALUES (new.seq, new.text);
END;
CREATE TRIGGER IF NOT EXISTS text_removed AFTER DELETE ON texts BEGIN
    INSERT INTO text_index (text_index, rowid, text) VALUES ('delete', old.seq, old.text);
END;
"""

# Layout 1 kept chunks; what it had ingested is ingested again from its bytes.
FROM_1 = """
DROP TABLE IF EXISTS chunk_index;
DROP TABLE IF EXISTS chunks;
UPDATE memberships SET status = 'in_progress', usage_bytes = 0, lease_until = 0, attempts = 0
    WHERE status = 'completed';
"""
