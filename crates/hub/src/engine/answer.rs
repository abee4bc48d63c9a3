//! Answers of the Prometheus HTTP API, read series by series.
//!
//! A million values never exist as JSON values: each series is given to a function while the text is parsed.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Most labels of a series. One with more is left out.
const MAX_LABELS: usize = 128;
/// Most values of a series.
const MAX_POINTS: usize = 20_000;
/// Most warnings that are kept.
const MAX_WARNINGS: usize = 3;

/// A series: its labels, and its values with their Unix times in seconds.
#[derive(Debug, Default)]
pub(super) struct Series<'a> {
    labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Values from the oldest.
    pub(super) points: Vec<(f64, f64)>,
    has_too_many: bool,
}

/// Answer without its series.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// `success` or `error`.
    pub(super) status: String,
    /// Kind of the error.
    pub(super) error_type: Option<String>,
    /// The error.
    pub(super) error: Option<String>,
    /// Warnings, the first of them.
    pub(super) warnings: Vec<String>,
    /// True if parts of the engine did not answer.
    pub(super) is_partial: bool,
}

impl Series<'_> {
    /// Value of a label; none if it is absent or empty.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(label, _)| label == name);
        found.map(|(_, value)| &**value).filter(|value| !value.is_empty())
    }

    /// The newest value and its time.
    pub(super) fn last(&self) -> Option<(f64, f64)> {
        self.points.last().copied()
    }
}

/// Parses an answer, and gives each series to `take`. There are at most `max` series.
pub(super) fn parse(body: &[u8], max: usize, take: &mut dyn FnMut(&Series<'_>)) -> Result<Head, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let head = Top(Sink { max, taken: 0, take }).deserialize(&mut json)?;
    json.end()?;
    Ok(head)
}

struct Sink<'f> {
    max: usize,
    taken: usize,
    take: &'f mut dyn FnMut(&Series<'_>),
}

/// Text, without a copy where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Text<'de>;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Words)
    }
}

/// The whole answer.
struct Top<'f>(Sink<'f>);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = Head;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Head, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Head;
    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object with status and data")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Head, A::Error> {
        let mut head = Head::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "status" => head.status = map.next_value()?,
                "errorType" => head.error_type = map.next_value()?,
                "error" => head.error = map.next_value()?,
                "isPartial" => head.is_partial = map.next_value::<Option<bool>>()?.unwrap_or_default(),
                "warnings" => {
                    let all: Option<Vec<String>> = map.next_value()?;
                    head.warnings.extend(all.into_iter().flatten().take(MAX_WARNINGS));
                }
                "data" => map.next_value_seed(Data(&mut self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(head)
    }
}

/// The member `data`.
struct Data<'s, 'f>(&'s mut Sink<'f>);

impl<'de> DeserializeSeed<'de> for Data<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_, '_> {
    type Value = ();
    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("data with a vector or a matrix")
    }
    // Errors of some engines have `"data":null`.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "result" => map.next_value_seed(All(&mut *self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// All series.
struct All<'s, 'f>(&'s mut Sink<'f>);

impl<'de> DeserializeSeed<'de> for All<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for All<'_, '_> {
    type Value = ();
    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a list of series")
    }
    // VictoriaMetrics has null for no series in some answers.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(One(series)) = all.next_element::<One<'de>>()? {
            if self.0.taken == self.0.max {
                return Err(A::Error::custom(format!("more than {} series", self.0.max)));
            }
            self.0.taken += 1;
            if !series.has_too_many {
                (self.0.take)(&series);
            }
        }
        Ok(())
    }
}

/// A series.
struct One<'a>(Series<'a>);

impl<'de> Deserialize<'de> for One<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = One<'de>;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a series with metric and value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<One<'de>, A::Error> {
                let mut series = Series::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "metric" => {
                            let Labels(labels, has_too_many) = map.next_value()?;
                            (series.labels, series.has_too_many) = (labels, has_too_many);
                        }
                        "value" => series.points.push(map.next_value::<Point>()?.0),
                        "values" => series.points = map.next_value::<Points>()?.0,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(One(series))
            }
        }
        from.deserialize_map(Fields)
    }
}

/// Labels, and true if there were more.
struct Labels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>, bool);

impl<'de> Deserialize<'de> for Labels<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels<'de>;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels<'de>, A::Error> {
                let mut labels = Labels(Vec::with_capacity(12), false);
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    labels.1 |= labels.0.len() == MAX_LABELS;
                    if !labels.1 {
                        labels.0.push((name, value));
                    }
                }
                Ok(labels)
            }
        }
        from.deserialize_map(Pairs)
    }
}

/// Time and value.
struct Point((f64, f64));

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (time, Text(value)): (f64, Text<'_>) = Deserialize::deserialize(from)?;
        Ok(Self((time, value.parse().map_err(|_| D::Error::custom("a value that is no number"))?)))
    }
}

/// Values of a series.
struct Points(Vec<(f64, f64)>);

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Points;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list of values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Points, A::Error> {
                let mut points = Vec::new();
                while let Some(Point(point)) = list.next_element()? {
                    if points.len() == MAX_POINTS {
                        return Err(A::Error::custom(format!("more than {MAX_POINTS} values of a series")));
                    }
                    points.push(point);
                }
                Ok(Points(points))
            }
        }
        from.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str, max: usize) -> Result<(Head, Vec<String>), String> {
        let mut found = Vec::new();
        let head = parse(body.as_bytes(), max, &mut |series| {
            found.push(format!(
                "{} {} {:?}",
                series.label("instance").unwrap_or("-"),
                series.points.len(),
                series.last()
            ));
        });
        Ok((head.map_err(|error| error.to_string())?, found))
    }

    #[test]
    fn vector_and_matrix_read() {
        let body = r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","instance":"a\"b","x":""},"value":[1700000000.123,"1"]},
            {"metric":{"instance":"c"},"values":[[1,"NaN"],[2,"+Inf"],[3,"1e3"]]},
            {"metric":{},"value":[1700000000,"-0.5"],"histogram":null}]},"warnings":["w1","w2"],"infos":["i"],"stats":{"a":[1]}}"#;
        let (head, found) = read(body, 3).unwrap();
        assert!(head.is_partial && head.warnings == ["w1", "w2"] && head.status == "success");
        assert_eq!(
            found,
            ["a\"b 1 Some((1700000000.123, 1.0))", "c 3 Some((3.0, 1000.0))", "- 1 Some((1700000000.0, -0.5))"]
        );
        assert!(read(body, 2).unwrap_err().contains("more than 2 series"));
    }

    #[test]
    fn data_before_status_read() {
        let body = r#"{"data":{"result":[{"value":[1,"2"],"metric":{"instance":"a"}}],"resultType":"vector"},"status":"success"}"#;
        assert_eq!(read(body, 9).unwrap().1, ["a 1 Some((1.0, 2.0))"]);
    }

    #[test]
    fn error_and_nothing_read() {
        let (head, _) =
            read(r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error","data":null}"#, 9).unwrap();
        assert_eq!((head.status.as_str(), head.error_type.as_deref()), ("error", Some("bad_data")));
        for body in [
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":null}}"#,
        ] {
            assert!(read(body, 9).unwrap().1.is_empty());
        }
    }

    #[test]
    fn other_texts_are_errors() {
        for body in [
            "",
            "<html>",
            "[]",
            "1",
            r#"{"status":"success"} x"#,
            r#"{"status":5}"#,
            r#"{"status":"success","data":{"result":[1700000000,"2"]}}"#,
            r#"{"status":"success","data":{"result":[{"metric":{"a":1}}]}}"#,
            r#"{"status":"success","data":{"result":[{"value":[1,"x"]}]}}"#,
            r#"{"status":"success","data":{"result":[{"value":[1,2]}]}}"#,
            r#"{"status":"success","data":{"result":[{"metric":{"#,
        ] {
            assert!(read(body, 9).is_err(), "{body}");
        }
        let deep = format!("{}{}", r#"{"x":"#, "[".repeat(100_000));
        assert!(read(&deep, 9).is_err());
    }

    #[test]
    fn series_with_too_many_labels_left_out() {
        let labels: Vec<String> = (0..=MAX_LABELS).map(|number| format!(r#""l{number}":"x""#)).collect();
        let body = format!(
            r#"{{"status":"success","data":{{"result":[{{"metric":{{{}}},"value":[1,"1"]}},{{"metric":{{"instance":"b"}},"value":[1,"1"]}}]}}}}"#,
            labels.join(",")
        );
        assert_eq!(read(&body, 9).unwrap().1, ["b 1 Some((1.0, 1.0))"]);
    }

    proptest! {
        #[test]
        fn any_text_parsed_without_panic(body in r#"([{}\[\]",:]|status|success|data|result|metric|values?|[0-9]|.){0,60}"#) {
            let _ = read(&body, 9);
        }
    }
}
