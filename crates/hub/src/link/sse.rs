//! Incremental parser of Server-Sent Events with a limit on the size of an event.

/// Event with data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name; empty for the default, `message`.
    pub(super) name: String,
    /// Its lines of data, joined with line feeds.
    pub(super) data: Vec<u8>,
}

/// An event is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Longest name of an event that is kept. Ours are shorter, so a longer one is another's.
const MAX_NAME: usize = 32;

/// Parser between two pieces of a stream. It keeps nothing of an event that has ended.
#[derive(Debug)]
pub(super) struct Parser {
    max: usize,
    /// The incomplete last line.
    line: Vec<u8>,
    name: String,
    data: Vec<u8>,
    has_data: bool,
    /// A carriage return ended the last line, so a line feed that follows belongs to it.
    after_return: bool,
    is_first: bool,
}

impl Parser {
    /// Parser of events of at most `max` bytes.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            name: String::new(),
            data: Vec::new(),
            has_data: false,
            after_return: false,
            is_first: true,
        }
    }

    /// Name of the event that is being received, as far as it is known.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes bytes from the front of `piece` up to the end of an event; none if all are taken and no event has ended.
    pub(super) fn next(&mut self, piece: &mut &[u8]) -> Result<Option<Event>, TooLong> {
        if self.after_return
            && let [first, rest @ ..] = *piece
        {
            self.after_return = false;
            if *first == b'\n' {
                *piece = rest;
            }
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', piece) {
            let (line, rest) = piece.split_at(end);
            *piece = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            if let Some(event) = self.end_of_line(line)? {
                return Ok(Some(event));
            }
        }
        self.keep(piece)?;
        *piece = &[];
        Ok(None)
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + part.len() > self.max {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_of_line(&mut self, end: &[u8]) -> Result<Option<Event>, TooLong> {
        if self.line.is_empty() {
            return self.whole_line(end);
        }
        self.keep(end)?;
        let line = std::mem::take(&mut self.line);
        self.whole_line(&line)
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<Option<Event>, TooLong> {
        let line = if std::mem::take(&mut self.is_first) {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return Ok(std::mem::take(&mut self.has_data).then_some(Event { name, data }));
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.data.len() + value.len() + 1 > self.max {
                    return Err(TooLong);
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"event" => {
                let value = value.get(..MAX_NAME.min(value.len())).unwrap_or_default();
                self.name = String::from_utf8_lossy(value).into_owned();
            }
            // Comments, the id and the retry delay: the hub takes whole states, and has its own backoff.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(parser: &mut Parser, mut piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        while let Some(event) = parser.next(&mut piece)? {
            events.push(event);
        }
        assert!(piece.is_empty());
        Ok(events)
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    #[test]
    fn events_parsed_in_all_forms() {
        for (text, events) in [
            ("event: summary\ndata: {}\n\n", vec![event("summary", "{}")]),
            ("\u{feff}event:summary\r\ndata:{}\r\n\r\n", vec![event("summary", "{}")]),
            ("retry: 2000\nid: 1\nevent: a\rdata:  b\rdata:c\r\rdata\n\n", vec![event("a", " b\nc"), event("", "")]),
            (": alive\n\nevent: none\n\ndata: x\n\n", vec![event("", "x")]),
            ("event: a\nevent: b\ndata: 1\nunknown: 2\n\n", vec![event("b", "1")]),
            ("data: incomplete\n", vec![]),
            ("\n\n\r\n", vec![]),
        ] {
            assert_eq!(parsed(&mut Parser::new(64), text.as_bytes()), Ok(events), "{text:?}");
        }
    }

    #[test]
    fn event_beyond_limit_refused_and_name_known_before_its_end() {
        let mut parser = Parser::new(64);
        assert_eq!(parsed(&mut parser, b"event: snapshot\ndata: {\"sch"), Ok(vec![]));
        assert_eq!(parser.name(), "snapshot");
        assert_eq!(parsed(&mut parser, &[b'x'; 100]), Err(TooLong));
        let lines = "data: 1234567890\n".repeat(7);
        assert_eq!(parsed(&mut Parser::new(64), lines.as_bytes()), Err(TooLong));
        let whole = format!("data: {}\n\n", "x".repeat(100));
        assert_eq!(parsed(&mut Parser::new(64), whole.as_bytes()), Err(TooLong));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_parsed_as_the_whole(
            text in "((data|event|id)?:? ?[a-z]{0,3}(\r\n|\n|\r)){0,12}",
            cuts in proptest::collection::vec(0_usize..80, 0..8),
        ) {
            let whole = parsed(&mut Parser::new(64), text.as_bytes());
            let mut parser = Parser::new(64);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut events = Vec::new();
            for cut in cuts.windows(2) {
                events.extend(parsed(&mut parser, &text.as_bytes()[cut[0]..cut[1]]).unwrap());
            }
            prop_assert_eq!(whole, Ok(events));
        }

        #[test]
        fn memory_within_limit_for_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let mut parser = Parser::new(256);
            for piece in bytes.chunks(50) {
                let _ = parsed(&mut parser, piece).map_err(|TooLong| parser = Parser::new(256));
                prop_assert!(parser.line.len() + parser.data.len() + parser.name.len() <= 256 + MAX_NAME * 3);
            }
        }
    }
}
