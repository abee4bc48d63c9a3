//! Price of a GPU-hour.

use std::str::FromStr;

use serde::Serialize;

/// Price of an hour of a GPU, which views multiply with GPU-hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Price {
    /// Amount, in units of the currency.
    amount: f64,
    /// Code of the currency, three letters (ISO 4217).
    currency: String,
}

/// A text that is not a price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an amount and a currency of three capitals, such as 1.20EUR, got {0:?}")]
pub struct PriceError(String);

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let parsed = || {
            let (amount, currency) = text.split_at_checked(text.len().checked_sub(3)?)?;
            let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
            let digits = |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            let fits = digits(whole) && digits(part) && currency.bytes().all(|byte| byte.is_ascii_uppercase());
            let amount = amount.parse().ok().filter(|_| fits)?;
            Some(Self { amount, currency: currency.into() })
        };
        parsed().ok_or_else(|| PriceError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_parsed_strictly() {
        for (text, amount, currency) in
            [("1.20EUR", 1.2, "EUR"), ("0USD", 0.0, "USD"), ("900JPY", 900.0, "JPY"), ("0.000001XBT", 1e-6, "XBT")]
        {
            assert_eq!(text.parse(), Ok(Price { amount, currency: currency.into() }), "{text}");
        }
        for text in [
            "",
            "EUR",
            "1.20",
            "1.20 EUR",
            "1,20EUR",
            "-1EUR",
            "+1EUR",
            "1.EUR",
            ".5EUR",
            "1e3EUR",
            "1.20eur",
            "1.20EURO",
            "NaNEUR",
            "infEUR",
            "1.2.3EUR",
            "1234567EUR",
            "1.20€",
            "1EU€",
            "EUR1.20",
            "１EUR",
            " 1EUR",
        ] {
            assert_eq!(text.parse::<Price>(), Err(PriceError(text.into())), "{text}");
        }
    }
}
