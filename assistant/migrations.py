"""The tables of `footnote.db` in the home, as steps that are only ever appended to.

session      a set of prompts and contestants (battle), or of texts to score by a rubric (form)
generation   what a contestant answered to a prompt, once a session
battle       two answers that a rater is shown; `votes` has at most one vote for it
judgement    one reply of a model that was asked to judge, as it was read
run          one `footnote eval qa`, `report` or `label`; `run_items` are what it asked, `run_outcomes` what came back
"""

M001_EVALUATION = """
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('battle', 'form')),
    seed INTEGER NOT NULL,
    settings TEXT NOT NULL,                     -- JSON: how battles are drawn, or the rubric
    made_at TEXT NOT NULL                       -- ISO 8601, UTC
);
CREATE TABLE contestants (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,                    -- from 0
    name TEXT NOT NULL,
    settings TEXT NOT NULL,                     -- JSON: model, retrieval, prompt, sampling
    PRIMARY KEY (session_id, number),
    UNIQUE (session_id, name)
) WITHOUT ROWID;
CREATE TABLE prompts (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,                    -- from 0
    text TEXT NOT NULL,
    PRIMARY KEY (session_id, number),
    UNIQUE (session_id, text)
) WITHOUT ROWID;
CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL,
    contestant INTEGER NOT NULL,
    prompt INTEGER NOT NULL,
    answer TEXT NOT NULL,                       -- JSON: an assistant.types.Answer without its hits
    messages TEXT NOT NULL,                     -- JSON: what the model was sent
    draft TEXT NOT NULL,                        -- what it wrote, before the check
    checkpoint TEXT NOT NULL,                   -- SHA-256 of its files, or the address of a server
    sampling TEXT NOT NULL,                     -- JSON, the seed included
    latency_ms REAL NOT NULL,
    made_at TEXT NOT NULL,
    UNIQUE (session_id, contestant, prompt),
    FOREIGN KEY (session_id, contestant) REFERENCES contestants (session_id, number) ON DELETE CASCADE,
    FOREIGN KEY (session_id, prompt) REFERENCES prompts (session_id, number) ON DELETE CASCADE
);
CREATE TABLE raters (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'model'))
) WITHOUT ROWID;
CREATE TABLE battles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL,
    rater TEXT NOT NULL REFERENCES raters (name),
    number INTEGER NOT NULL,                    -- the rater's first is 1
    prompt INTEGER NOT NULL,
    left_contestant INTEGER NOT NULL,
    right_contestant INTEGER NOT NULL CHECK (right_contestant <> left_contestant),
    probability REAL NOT NULL CHECK (probability > 0 AND probability <= 1), -- with which this pair was drawn
    made_at TEXT NOT NULL,
    UNIQUE (session_id, rater, number),
    FOREIGN KEY (session_id, prompt) REFERENCES prompts (session_id, number) ON DELETE CASCADE,
    FOREIGN KEY (session_id, left_contestant) REFERENCES contestants (session_id, number) ON DELETE CASCADE,
    FOREIGN KEY (session_id, right_contestant) REFERENCES contestants (session_id, number) ON DELETE CASCADE
);
CREATE UNIQUE INDEX shown_once ON battles (
    session_id, rater, prompt, min(left_contestant, right_contestant), max(left_contestant, right_contestant)
);
CREATE TABLE votes (
    battle_id INTEGER PRIMARY KEY REFERENCES battles (id) ON DELETE CASCADE,
    winner TEXT NOT NULL CHECK (winner IN ('left', 'right', 'tie', 'bad', 'skip', 'unreadable')),
    seconds REAL,                               -- between the answers and the vote; NULL where nobody took the time
    voted_at TEXT NOT NULL
);
CREATE TABLE items (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,                    -- from 0
    name TEXT NOT NULL,                         -- texts of one name are of the same source, by different systems
    system TEXT NOT NULL,
    text TEXT NOT NULL,
    source TEXT NOT NULL,                       -- empty where there is none
    PRIMARY KEY (session_id, number),
    UNIQUE (session_id, name, system)
) WITHOUT ROWID;
CREATE TABLE scores (
    session_id INTEGER NOT NULL,
    item INTEGER NOT NULL,
    rater TEXT NOT NULL REFERENCES raters (name),
    aspect TEXT NOT NULL,
    score INTEGER NOT NULL CHECK (score BETWEEN -2 AND 2),
    seconds REAL,                               -- spent on the item, all aspects; NULL where nobody took the time
    scored_at TEXT NOT NULL,
    PRIMARY KEY (session_id, item, rater, aspect),
    FOREIGN KEY (session_id, item) REFERENCES items (session_id, number) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE judgements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    battle_id INTEGER REFERENCES battles (id) ON DELETE CASCADE,    -- of a battle, or else
    item INTEGER,                                                   -- of a text of a form
    judge TEXT NOT NULL REFERENCES raters (name),
    part TEXT NOT NULL,                         -- of a battle 'as shown' or 'swapped', of a form the aspect
    reply TEXT NOT NULL,                        -- what the model said
    verdict TEXT,                               -- as it was read; NULL where it could not be
    checkpoint TEXT NOT NULL,
    latency_ms REAL NOT NULL,
    made_at TEXT NOT NULL
);
CREATE UNIQUE INDEX judged_once ON judgements (session_id, judge, part, ifnull(battle_id, -1), ifnull(item, -1));
CREATE TABLE saved_prompts (
    name TEXT PRIMARY KEY,
    parts TEXT NOT NULL,                        -- JSON: an assistant.prompt_builder.PromptParts
    made_at TEXT NOT NULL
) WITHOUT ROWID;
"""

M002_RUNS = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('qa', 'report', 'label')),
    name TEXT NOT NULL,                         -- what a report is called; empty for the others
    seed INTEGER NOT NULL,
    settings TEXT NOT NULL,                     -- JSON: all else that its figures depend on, and how it was made
    made_at TEXT NOT NULL
);
CREATE TABLE run_items (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    part TEXT NOT NULL,                         -- text, instructions, questions, retrieval, texts, or 'session NAME'
    number INTEGER NOT NULL,                    -- from 0
    item TEXT NOT NULL,                         -- JSON: what was asked, or a row of a session that a report compares
    PRIMARY KEY (run_id, part, number)
);
CREATE TABLE run_outcomes (
    run_id INTEGER NOT NULL,
    part TEXT NOT NULL,
    number INTEGER NOT NULL,
    system TEXT NOT NULL,                       -- the model, or the way of searching
    way TEXT NOT NULL,                          -- of a question grounded or ungrounded: with documents, without
    checkpoint TEXT,                            -- SHA-256 of its files, or the address of a server; NULL for no model
    sampling TEXT,                              -- JSON, the seed included; NULL where nothing is said
    messages TEXT,                              -- JSON: what the model was sent
    reply TEXT,                                 -- what it wrote
    outcome TEXT NOT NULL,                      -- JSON: what was read of it or measured
    latency_ms REAL,                            -- NULL where it is not taken for each by itself
    PRIMARY KEY (run_id, part, system, way, number),
    FOREIGN KEY (run_id, part, number) REFERENCES run_items (run_id, part, number) ON DELETE CASCADE
);
CREATE INDEX outcomes_of_item ON run_outcomes (run_id, part, number);
"""

MIGRATIONS = (M001_EVALUATION, M002_RUNS)
