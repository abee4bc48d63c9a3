/** One Server-Sent Event. */
export interface Message {
  event: string;
  data: string;
  /** The newest `id` at that point; empty before the first. */
  id: string;
}

/**
 * Reads the lines of an event stream as they come, in pieces cut anywhere. `EventSource` would do it, but cannot send a
 * token. The rules are those of the HTML standard, less `retry`, since we back off by ourselves.
 */
export class Lines {
  /** The pieces of the line that has no end yet. */
  private rest: string[] = [];
  private event = "";
  private data: string[] = [];
  private id = "";
  private started = false;
  /** The last line ended with a `\r` at the end of its piece, which may be half of a `\r\n`. */
  private half = false;

  /** Takes in a piece of text; gives the events that it completes. */
  push(piece: string): Message[] {
    if (piece === "") return [];
    const text = !this.started && piece.startsWith("\uFEFF") ? piece.slice(1) : piece;
    this.started = true;
    const found: Message[] = [];
    let from = this.half && text.startsWith("\n") ? 1 : 0;
    this.half = false;
    for (;;) {
      END.lastIndex = from;
      const end = END.exec(text);
      if (end === null) break;
      this.rest.push(text.slice(from, end.index));
      const message = this.line(this.rest.join(""));
      this.rest = [];
      if (message) found.push(message);
      from = END.lastIndex;
      this.half = end[0] === "\r" && from === text.length;
    }
    this.rest.push(text.slice(from));
    return found;
  }

  private line(line: string): Message | null {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private dispatch(): Message | null {
    const { event, data, id } = this;
    this.event = "";
    this.data = [];
    return data.length === 0 ? null : { event: event || "message", data: data.join("\n"), id };
  }
}

/** How a line ends. */
const END = /\r\n|\r|\n/g;
