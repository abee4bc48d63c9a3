import { describe, expect, it } from "vitest";
import { type Message, messageParser } from "../src/api/messages";

const parse = (text: string): Message[] => messageParser()(text);

/** The messages of a stream that arrives in these pieces, decoded as the page does. */
function parsePieces(pieces: readonly Uint8Array[]): Message[] {
  const decoder = new TextDecoder();
  const next = messageParser();
  return pieces.flatMap(piece => next(decoder.decode(piece, { stream: true })));
}

describe("an event stream", () => {
  it("yields events with their ids", () => {
    expect(parse('event: snapshot\nid: 7\ndata: {"a":1}\n\n')).toEqual([
      { event: "snapshot", data: '{"a":1}', id: "7" },
    ]);
  });

  it("yields the same however it is cut", () => {
    const bytes = new TextEncoder().encode(
      "\uFEFFid: 1\r\ndata: ä\r\ndata:b\r\n\r\n: beat\r\revent: x\rdata\r\rdata: c\nid\n\ndata: no end",
    );
    const whole = parsePieces([bytes]);
    expect(whole).toEqual([
      { event: "message", data: "ä\nb", id: "1" },
      { event: "x", data: "", id: "1" },
      { event: "message", data: "c", id: "" },
    ]);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(parsePieces([bytes.slice(0, cut), bytes.slice(cut)]), `cut at ${cut}`).toEqual(whole);
    }
    expect(parsePieces([...bytes].map(byte => Uint8Array.of(byte)))).toEqual(whole);
  });

  it("skips events without data, and resets the event name after each", () => {
    expect(parse("event: lonely\n\ndata: x\n\n")).toEqual([{ event: "message", data: "x", id: "" }]);
    expect(parse(": heartbeat\n\n: another\n\n")).toEqual([]);
  });

  it("strips one space after the colon, and ignores unknown fields", () => {
    expect(parse("data:  two\nretry: 5\nother: z\n\n")).toEqual([{ event: "message", data: " two", id: "" }]);
  });
});
