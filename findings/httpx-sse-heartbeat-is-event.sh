#!/usr/bin/env bash
# httpx-sse makes an empty event of a heartbeat comment, but only once an event had an id; sseclient-py makes none.
#
# Versions: httpx-sse 0.4.3 (with httpx 0.28.1), sseclient-py 1.9.0, Python 3.11.
#
# The HTML standard recommends a comment line every 15 seconds to keep a stream open, usually sent as `: alive` with an empty
# line. By the standard a block without data is no event, whatever the last event id is. httpx-sse keeps the last id for later
# events, as it must, and takes it for a field of the present block, so each heartbeat after the first id is an event
# `message` with empty data, and json.loads(event.data) fails. Tests on a stream without ids, or before the first event, do not
# show it. A block with `retry` alone, which servers send first, is such an event in any case.
#
# Consequence: leave out the empty line after a comment or `retry`; the lines are then part of the next event's block, and
# every client understands them.
#
# Output seen:
#   httpx-sse, heartbeat before an id:                               x
#   httpx-sse, heartbeat after an id:                                x () y
#   httpx-sse, heartbeat without empty line:                         x y
#   httpx-sse, retry alone:                                          () x
#   httpx-sse, retry without empty line:                             x
#   sseclient-py, heartbeat after an id:                             x y
#   sseclient-py, retry alone:                                       x
. "$(dirname "$0")/common"

python_packages httpx==0.28.1 httpx-sse==0.4.3 sseclient-py==1.9.0
cat >"$work/seen.py" <<'SCRIPT'
import httpx, sseclient
from httpx_sse import connect_sse

def by_httpx(text):
    headers = {"Content-Type": "text/event-stream"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=text.encode()))
    with httpx.Client(transport=transport) as client, connect_sse(client, "GET", "http://127.0.0.1/") as source:
        return " ".join(event.data or "()" for event in source.iter_sse())

def by_sseclient(text):
    return " ".join(event.data or "()" for event in sseclient.SSEClient([text.encode()]).events())

after = "id: 1\ndata: x\n\n: alive\n\ndata: y\n\n"
retry = "retry: 2000\n\ndata: x\n\n"
print(by_httpx(": alive\n\nid: 1\ndata: x\n\n"))
print(by_httpx(after))
print(by_httpx(after.replace("alive\n\n", "alive\n")))
print(by_httpx(retry))
print(by_httpx(retry.replace("2000\n\n", "2000\n")))
print(by_sseclient(after))
print(by_sseclient(retry))
SCRIPT
mapfile -t lines < <("$work/python/bin/python" "$work/seen.py")
expect 'httpx-sse, heartbeat before an id' "${lines[0]}" x
expect 'httpx-sse, heartbeat after an id' "${lines[1]}" 'x () y'
expect 'httpx-sse, heartbeat without empty line' "${lines[2]}" 'x y'
expect 'httpx-sse, retry alone' "${lines[3]}" '() x'
expect 'httpx-sse, retry without empty line' "${lines[4]}" x
expect 'sseclient-py, heartbeat after an id' "${lines[5]}" 'x y'
expect 'sseclient-py, retry alone' "${lines[6]}" x
finish
