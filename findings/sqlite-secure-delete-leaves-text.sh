#!/usr/bin/env bash
# With PRAGMA secure_delete = ON, SQLite leaves copies of deleted text in the file; VACUUM removes them.
#
# Versions: apsw 3.50.4.0 (SQLite 3.50.4), Python 3.11. Debian's 3.40.1 does the same.
#
# By its documentation the pragma has SQLite write zeros over what is deleted. That holds for
# the place where a row is at the moment of its deletion. Before that, rows move from page to page whenever the tree is balanced, and the
# pages that they leave keep a copy of them in their unused part, which no later deletion overwrites. It happens in any table
# whose keys do not arrive in order, as with a text key or WITHOUT ROWID; a test that inserts in order, or a few rows, does not show it.
#
# Consequence: to remove a name from a file, delete the rows and run VACUUM (then, with WAL, a TRUNCATE checkpoint); the pragma
# is for what is deleted after that.
#
# Output seen:
#   rows that name alice after DELETE:                               0
#   copies of the name in the file after DELETE, keys in order:      0
#   copies of the name in the file after DELETE, any order:          some
#   copies of the name in the file after VACUUM:                     0
. "$(dirname "$0")/common"

python_packages apsw==3.50.4.0
cat >"$work/seen.py" <<'SCRIPT'
import apsw, pathlib, random, sys

def copies(path):
    return pathlib.Path(path).read_bytes().count(b"alice")

def seen(path, keys):
    file = apsw.Connection(path)
    # Executed to the end, because the pragma returns a row.
    file.execute("PRAGMA secure_delete = ON; CREATE TABLE job(id INTEGER PRIMARY KEY, user TEXT)").fetchall()
    choose = random.Random(1)
    with file:
        for key in keys:
            user = choose.choice(["alice", "bob"])
            file.execute("INSERT INTO job VALUES(?, ?)", (key, user + "." * choose.randrange(100)))
    file.execute("DELETE FROM job WHERE user GLOB 'alice*'")
    rows = file.execute("SELECT count(*) FROM job WHERE user GLOB 'alice*'").fetchone()[0]
    after_delete = copies(path)
    file.execute("VACUUM")
    return rows, after_delete, copies(path)

folder = sys.argv[1]
in_order = list(range(3000))
mixed = in_order[:]
random.Random(1).shuffle(mixed)
rows, ordered, _ = seen(f"{folder}/ordered.sqlite", in_order)
_, mixed, vacuumed = seen(f"{folder}/mixed.sqlite", mixed)
print(rows, ordered, "some" if mixed else 0, vacuumed, sep="\n")
SCRIPT
mapfile -t lines < <("$work/python/bin/python" "$work/seen.py" "$work")
expect 'rows that name alice after DELETE' "${lines[0]}" 0
expect 'copies of the name in the file after DELETE, keys in order' "${lines[1]}" 0
expect 'copies of the name in the file after DELETE, any order' "${lines[2]}" some
expect 'copies of the name in the file after VACUUM' "${lines[3]}" 0
finish
