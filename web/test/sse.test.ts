import { describe, expect, it } from "vitest";
import { Lines, type Message } from "../src/api/sse";

const all = (text: string): Message[] => new Lines().push(text);

describe("an event stream", () => {
  it("tells events with their ids", () => {
    expect(all('event: snapshot\nid: 7\ndata: {"a":1}\n\n')).toEqual([
      { event: "snapshot", data: '{"a":1}', id: "7" },
    ]);
  });

  it("is read whole however it is cut", () => {
    const text =
      "\uFEFFid: 1\r\ndata: a\r\ndata:b\r\n\r\n: beat\r\revent: x\rdata\r\rdata: c\nid\n\ndata: no end";
    const whole = all(text);
    expect(whole).toEqual([
      { event: "message", data: "a\nb", id: "1" },
      { event: "x", data: "", id: "1" },
      { event: "message", data: "c", id: "" },
    ]);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const lines = new Lines();
      expect([...lines.push(text.slice(0, cut)), ...lines.push(text.slice(cut))], `cut at ${cut}`).toEqual(
        whole,
      );
    }
    const lines = new Lines();
    expect([...text].flatMap(character => lines.push(character))).toEqual(whole);
  });

  it("does not tell what has no data, and keeps no name for the next", () => {
    expect(all("event: lonely\n\ndata: x\n\n")).toEqual([{ event: "message", data: "x", id: "" }]);
    expect(all(": heartbeat\n\n: another\n\n")).toEqual([]);
  });

  it("takes away one space after the colon, and ignores what it does not know", () => {
    expect(all("data:  two\nretry: 5\nother: z\n\n")).toEqual([{ event: "message", data: " two", id: "" }]);
  });
});
