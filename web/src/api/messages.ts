import { createParser } from "eventsource-parser";

/** One Server-Sent Event. */
export interface Message {
  event: string;
  data: string;
  /** The newest `id` at that point; empty before the first. */
  id: string;
}

/**
 * Parser of an event stream: takes decoded text in pieces cut anywhere, returns the messages that each piece completes.
 * They come in batches, not one by one, since of several snapshots in one piece only the newest is parsed.
 * `EventSource` is no alternative: it cannot send an `Authorization` header.
 */
export function messageParser(): (piece: string) => Message[] {
  let batch: Message[] = [];
  let lastId = "";
  const parser = createParser({
    onEvent: ({ event = "message", data, id }) => {
      lastId = id ?? lastId;
      batch.push({ event, data, id: lastId });
    },
  });
  return piece => {
    batch = [];
    parser.feed(piece);
    return batch;
  };
}
