#!/usr/bin/env bash
# EventSource of the npm package eventsource forgets an id that was sent without data; undici's EventSource keeps it.
#
# Versions: eventsource 4.0.0 (with eventsource-parser 3), undici 6.22.0, Node.js 20.
#
# A server may send `id: 7` and an empty line to mark a position without an event. By the HTML standard the last event id is
# then 7: the next event has it, and a client that reconnects sends it as Last-Event-ID. Both packages implement the
# standard's EventSource. eventsource-parser resets the id with every empty line, so a client built on it reconnects without
# Last-Event-ID.
#
# The parser also expects a byte order mark as three Latin-1 characters, and takes U+FEFF, which a decoder that keeps the mark
# produces, for a part of the first field's name.
#
# Consequence: send each id together with data, and decode with a decoder that strips the mark (TextDecoderStream does).
#
# Output seen:
#   undici, id of the next event:                                    7
#   undici, Last-Event-ID:                                           7
#   eventsource, id of the next event:                               (none)
#   eventsource, Last-Event-ID:                                      (none)
#   eventsource-parser, events after U+FEFF:                         0
. "$(dirname "$0")/common"

npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" eventsource@4.0.0 eventsource-parser@3.1.1 undici@6.22.0 ||
	missing 'eventsource and undici'
cat >"$work/seen.mjs" <<'SCRIPT'
import { createServer } from "node:http";
import { EventSource as Package } from "eventsource";
import { createParser } from "eventsource-parser";
import { EventSource as Undici } from "undici";

async function seen(EventSource) {
  const headers = [];
  let id;
  const server = createServer((request, response) => {
    headers.push(request.headers["last-event-id"]);
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end("retry: 20\n\nid: 7\n\ndata: x\n\n");
  });
  await new Promise(listening => server.listen(0, "127.0.0.1", listening));
  const source = new EventSource(`http://127.0.0.1:${server.address().port}/`);
  source.onmessage = event => {
    id ??= event.lastEventId;
  };
  while (headers.length < 2) await new Promise(later => setTimeout(later, 20));
  source.close();
  return [id, headers[1]].map(text => text || "(none)").join("\n");
}

console.log(await seen(Undici));
console.log(await seen(Package));
let events = 0;
createParser({ onEvent: () => { events += 1; } }).feed("\uFEFFdata: x\n\n");
console.log(events);
process.exit();
SCRIPT
mapfile -t lines < <(timeout 60 node --no-warnings "$work/seen.mjs")
expect 'undici, id of the next event' "${lines[0]}" 7
expect 'undici, Last-Event-ID' "${lines[1]}" 7
expect 'eventsource, id of the next event' "${lines[2]}" '(none)'
expect 'eventsource, Last-Event-ID' "${lines[3]}" '(none)'
expect 'eventsource-parser, events after U+FEFF' "${lines[4]}" 0
finish
