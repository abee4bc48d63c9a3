//! What a driver answered to single calls, as it was captured: played back as it was, before any fact is asked.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value as Toml;

use crate::abi::Function;

/// Answers by the call that they were given to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Answers(BTreeMap<Asked, Answer>);

impl Answers {
    /// The answer to a call: that to these very arguments before that to any.
    pub(crate) fn to(&self, function: Function, with: &[u64]) -> Option<&Answer> {
        let exact = self.0.get(&Asked { function, with: with.to_vec() });
        exact.or_else(|| self.0.get(&Asked { function, with: Vec::new() }))
    }
}

/// A function and what it was asked with: `nvmlDeviceGetClockInfo(1)`, or its name alone for any arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    function: Function,
    with: Vec<u64>,
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let (name, with) = match key.strip_suffix(')').and_then(|call| call.split_once('(')) {
            Some((name, with)) => (name, with.split(',').map(|number| number.trim().parse()).collect()),
            None => (key.as_str(), Ok(Vec::new())),
        };
        let with = with.map_err(|_| D::Error::custom(format!("`{key}` is no function with numbers in brackets")))?;
        let function = Function::named(name);
        let function = function.ok_or_else(|| D::Error::custom(format!("there is no exported function `{name}`")))?;
        Ok(Self { function, with })
    }
}

/// One call's outcome. `1980`, `"text"`, or a list of both, in the order of what the call writes; `{ code = 3 }`; or a
/// list of processes, `{ width = 24, entries = [[…], …] }`, or one of no known layout, `{ count = 3, written = 80 }`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: u32,
    pub(crate) told: Vec<Item>,
    pub(crate) list: Option<List>,
}

/// One value that a call writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// The bits of a number, as many of which count as the call writes: -1 is all ones.
    Word(u64),
    /// `"text"`, or `{ bytes = […] }` for what is no UTF-8.
    Text(Vec<u8>),
}

/// A list that a call writes into the caller's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List {
    /// Entries of a known layout: for process lists PID, memory and, from 24 bytes on, GPU and compute instance; for
    /// process utilization PID, age in µs, and the shares.
    Entries { width: usize, entries: Vec<Vec<u64>> },
    /// So many entries, which are together so many bytes of nothing in particular.
    Unknown { count: u32, written: usize },
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Toml::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Answer {
    fn read(told: Toml) -> Result<Self, String> {
        match told {
            Toml::Array(items) => {
                let told = items.into_iter().map(Item::read).collect::<Result<_, _>>()?;
                Ok(Self { told, ..Self::default() })
            }
            Toml::Table(mut table) if !table.contains_key("bytes") => {
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
            one => Ok(Self { told: vec![Item::read(one)?], ..Self::default() }),
        }
    }

    fn listing(list: List) -> Self {
        Self { list: Some(list), ..Self::default() }
    }
}

const FORMS: &str = "an answer is a value, a list of values, { code }, { width, entries } or { count, written }";

impl Item {
    fn read(told: Toml) -> Result<Self, String> {
        match told {
            Toml::Integer(number) => Ok(Self::Word(number as u64)),
            Toml::String(text) => Ok(Self::Text(text.into_bytes())),
            Toml::Table(mut table) if table.len() == 1 => match table.remove("bytes") {
                Some(Toml::Array(bytes)) => Ok(Self::Text(bytes.iter().map(number).collect::<Result<_, _>>()?)),
                _ => Err(FORMS.into()),
            },
            other => Err(format!("{} is no number, text or {{ bytes = […] }}", other.type_str())),
        }
    }
}

fn rows(entries: Toml) -> Result<Vec<Vec<u64>>, String> {
    let row = |row: Vec<i64>| row.into_iter().map(|number| number as u64).collect();
    let rows: Vec<Vec<i64>> = entries.try_into().map_err(|error| one_line(&error))?;
    Ok(rows.into_iter().map(row).collect())
}

fn number<T: TryFrom<i64>>(told: &Toml) -> Result<T, String> {
    let number = told.as_integer().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("{told:?} is no number of that size"))
}

fn one_line(error: &impl Display) -> String {
    error.to_string().replace('\n', " ")
}
