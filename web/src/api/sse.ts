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
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id = "";
  private started = false;

  /** Takes in a piece of text; gives the events that it completes. */
  push(text: string): Message[] {
    let input = this.rest + text;
    if (!this.started && input.length > 0) {
      this.started = true;
      if (input.startsWith("\uFEFF")) input = input.slice(1);
    }
    const found: Message[] = [];
    let from = 0;
    for (;;) {
      const end = lineEnd(input, from);
      if (end === null) break;
      const message = this.line(input.slice(from, end.at));
      if (message) found.push(message);
      from = end.next;
    }
    this.rest = input.slice(from);
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

/** Where the line that begins there ends; null while that is not known. A `\r` at the end may be half of a `\r\n`. */
function lineEnd(input: string, from: number): { at: number; next: number } | null {
  for (let at = from; at < input.length; at += 1) {
    const character = input[at];
    if (character === "\n") return { at, next: at + 1 };
    if (character !== "\r") continue;
    if (at + 1 === input.length) return null;
    return { at, next: input[at + 1] === "\n" ? at + 2 : at + 1 };
  }
  return null;
}
