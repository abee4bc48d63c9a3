//! Results of single calls, played back before any fact is used: captured from a driver, or written by hand for
//! functions that have no fact.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value as Toml;

use crate::function::Function;
use crate::value::Value;

/// Answers by call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Answers(BTreeMap<CallKey, Answer>);

impl Answers {
    /// Answer to a call: one for these selectors has priority over one for any.
    pub(crate) fn to(&self, function: Function, selectors: &[u64]) -> Option<&Answer> {
        let exact = self.0.get(&CallKey { function, selectors: selectors.to_vec() });
        exact.or_else(|| self.0.get(&CallKey { function, selectors: Vec::new() }))
    }
}

/// Function and selectors of a call: `nvmlDeviceGetClockInfo(1)`, or the name alone for any selectors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct CallKey {
    function: Function,
    selectors: Vec<u64>,
}

impl<'de> Deserialize<'de> for CallKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let (name, selectors) = match key.strip_suffix(')').and_then(|call| call.split_once('(')) {
            Some((name, selectors)) => (name, selectors.split(',').map(|number| number.trim().parse()).collect()),
            None => (key.as_str(), Ok(Vec::new())),
        };
        let selectors = selectors
            .map_err(|_| D::Error::custom(format!("expected a function with numbers in brackets, got `{key}`")))?;
        let function = Function::named(name);
        let function = function.ok_or_else(|| D::Error::custom(format!("`{name}` is not an exported function")))?;
        Ok(Self { function, selectors })
    }
}

/// Result of one call. `1980`, `"text"`, a number that changes ([`crate::value`]), or a list of these in the order in
/// which the call writes them; `{ code = 3 }`; a list of processes, `{ width = 24, entries = [[…], …] }`; or one of an
/// unknown layout, `{ count = 3, written = 80 }`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: u32,
    pub(crate) items: Vec<Item>,
    pub(crate) list: Option<List>,
}

/// One value that a call writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// Bits of a number, of which the call writes as many as its type has: -1 is all ones.
    Word(u64),
    /// Number that changes with time.
    Moving(Value),
    /// `"text"`, or `{ bytes = […] }` for invalid UTF-8.
    Text(Vec<u8>),
}

/// A list that a call writes into the caller's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List {
    /// Entries of a known layout. Process lists: PID, memory and, from 24 bytes on, GPU and compute instance. Process
    /// utilization: PID, age in µs, and the shares.
    Entries { width: usize, entries: Vec<Vec<u64>> },
    /// Number of entries, and of bytes that are written for all of them.
    Unknown { count: u32, written: usize },
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Toml::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Answer {
    /// Returns true if the arguments of the call play it; a list is played by its function.
    pub(crate) const fn is_plain(&self) -> bool {
        self.list.is_none()
    }

    fn read(toml: Toml) -> Result<Self, String> {
        match toml {
            Toml::Array(items) => {
                let items = items.into_iter().map(Item::read).collect::<Result<_, _>>()?;
                Ok(Self { items, ..Self::default() })
            }
            Toml::Table(mut table) if LIST_KEYS.iter().any(|key| table.contains_key(*key)) => {
                let mut take = |key: &str| table.remove(key);
                let answer = match (take("code"), take("width"), take("entries"), take("count"), take("written")) {
                    (Some(code), None, None, None, None) => Self { code: number(&code)?, ..Self::default() },
                    (None, Some(width), Some(entries), None, None) => {
                        Self::listing(List::Entries { width: number(&width)?, entries: rows(entries)? })
                    }
                    (None, None, None, Some(count), Some(written)) => {
                        Self::listing(List::Unknown { count: number(&count)?, written: number(&written)? })
                    }
                    _ => return Err(FORMS.into()),
                };
                if table.is_empty() { Ok(answer) } else { Err(FORMS.into()) }
            }
            one => Ok(Self { items: vec![Item::read(one)?], ..Self::default() }),
        }
    }

    fn listing(list: List) -> Self {
        Self { list: Some(list), ..Self::default() }
    }
}

/// Keys of the tables that are not a single value.
const LIST_KEYS: [&str; 5] = ["code", "width", "entries", "count", "written"];
const FORMS: &str = "expected a value, a list of values, { code }, { width, entries } or { count, written }";

impl Item {
    fn read(toml: Toml) -> Result<Self, String> {
        match toml {
            Toml::Integer(number) => Ok(Self::Word(number as u64)),
            Toml::Boolean(value) => Ok(Self::Word(value.into())),
            Toml::String(text) => Ok(Self::Text(text.into_bytes())),
            Toml::Table(mut table) => match table.remove("bytes") {
                Some(Toml::Array(bytes)) if table.is_empty() => {
                    Ok(Self::Text(bytes.iter().map(number).collect::<Result<_, _>>()?))
                }
                Some(_) => Err(FORMS.into()),
                None => Value::deserialize(Toml::Table(table)).map(Self::Moving).map_err(|error| one_line(&error)),
            },
            other => Err(format!("expected a number, a text or {{ bytes = […] }}, got a {}", other.type_str())),
        }
    }
}

fn rows(entries: Toml) -> Result<Vec<Vec<u64>>, String> {
    let row = |row: Vec<i64>| row.into_iter().map(|number| number as u64).collect();
    let rows: Vec<Vec<i64>> = entries.try_into().map_err(|error| one_line(&error))?;
    Ok(rows.into_iter().map(row).collect())
}

fn number<T: TryFrom<i64>>(toml: &Toml) -> Result<T, String> {
    let number = toml.as_integer().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("expected a smaller or a positive number, got {toml:?}"))
}

fn one_line(error: &impl Display) -> String {
    error.to_string().replace('\n', " ")
}
