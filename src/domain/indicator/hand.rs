//! The values that people enter: the last word for each indicator and period, and sums over the parts of a period.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::value::{Share, Value};
use crate::domain::period::Period;
use crate::domain::register::{HandValue, Reading};

/// A value, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub source: String,
    /// Who entered it.
    pub by: String,
    /// When it was entered.
    pub at: DateTime<Utc>,
    /// The entry of the ledger; the last of several where parts were summed up.
    pub seq: i64,
}

/// All values entered, the last word for each indicator and period.
#[derive(Debug, Clone, Default)]
pub struct Hands(BTreeMap<(String, Period), Entered>);

impl Reading {
    /// The value that it gives.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Integer(count) => Value::Count(*count),
            Self::Mean(hundredths) => Value::Mean(*hundredths),
            Self::Ratio { numerator, denominator } => Value::Share(Share {
                numerator: u64::try_from(*numerator).unwrap_or_default(),
                denominator: u64::try_from(*denominator).unwrap_or_default(),
            }),
            Self::Percent(hundredths) => Value::Percent(*hundredths),
            Self::Duration(minutes) => Value::Minutes(*minutes),
            Self::Text(text) => Value::Text(text.clone()),
            Self::NotApplicable => Value::NotApplicable,
        }
    }
}

impl Hands {
    /// Takes a value in; a later one for the same indicator and period replaces an earlier one.
    pub fn take(&mut self, hand: HandValue, by: String, at: DateTime<Utc>, seq: i64) {
        let entered = Entered { value: hand.reading.value(), source: hand.source, by, at, seq };
        self.0.insert((hand.key, hand.period), entered);
    }

    /// Whether a value was entered for exactly this period.
    #[must_use]
    pub fn exact(&self, key: &str, period: Period) -> Option<&Entered> {
        self.0.get(&(key.to_owned(), period))
    }

    /// The value of a period: its own, or, where `adds_up`, the sum over all its quarters or months.
    #[must_use]
    pub fn value(&self, key: &str, period: Period, adds_up: bool) -> Option<Entered> {
        if let Some(entered) = self.exact(key, period) {
            return Some(entered.clone());
        }
        if !adds_up {
            return None;
        }
        let parts = period.parts();
        let entered: Option<Vec<Entered>> = parts.iter().map(|part| self.value(key, *part, adds_up)).collect();
        sum(entered.filter(|entered| !entered.is_empty())?)
    }
}

/// The sum of counts, or of the two numbers of shares; `None` where the parts cannot be added.
fn sum(parts: Vec<Entered>) -> Option<Entered> {
    let mut parts = parts.into_iter();
    let mut total = parts.next()?;
    for part in parts {
        total.value = total.value.plus(&part.value)?;
        if part.source != total.source {
            total.source = format!("{} ; {}", total.source, part.source);
        }
        if part.seq > total.seq {
            (total.by, total.at, total.seq) = (part.by, part.at, part.seq);
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hands(values: &[(&str, &str, Reading)]) -> Hands {
        let mut hands = Hands::default();
        for (seq, (key, period, reading)) in (1_i64..).zip(values) {
            let period = period.parse().expect("a period");
            let value = HandValue { key: (*key).into(), period, reading: reading.clone(), source: "standard".into() };
            hands.take(value, "qualite".into(), DateTime::UNIX_EPOCH, seq);
        }
        hands
    }

    #[test]
    fn a_year_is_the_sum_of_its_quarters_once_all_are_known() {
        let ratio = |numerator| Reading::Ratio { numerator, denominator: 100 };
        let quarters = ["2026-T1", "2026-T2", "2026-T3", "2026-T4"];
        let mut values: Vec<_> = quarters.iter().map(|quarter| ("phone.answered", *quarter, ratio(80))).collect();
        assert_eq!(
            hands(&values).value("phone.answered", Period::Year(2026), true).map(|entered| entered.value),
            Some(Value::Share(Share { numerator: 320, denominator: 400 }))
        );
        assert_eq!(hands(&values).value("phone.answered", Period::Year(2026), false), None);
        values.pop();
        assert_eq!(hands(&values).value("phone.answered", Period::Year(2026), true), None);
    }

    #[test]
    fn the_last_word_holds() {
        let hands =
            hands(&[("phone.received", "2026", Reading::Integer(1)), ("phone.received", "2026", Reading::Integer(2))]);
        assert_eq!(
            hands.value("phone.received", Period::Year(2026), true).map(|e| (e.value, e.seq)),
            Some((Value::Count(2), 2))
        );
    }

    #[test]
    fn words_are_not_added() {
        let text = || Reading::Text("moins d’une heure".into());
        let quarters = ["2026-T1", "2026-T2", "2026-T3", "2026-T4"];
        let values: Vec<_> = quarters.iter().map(|quarter| ("crisis.notice_delay", *quarter, text())).collect();
        assert_eq!(hands(&values).value("crisis.notice_delay", Period::Year(2026), true), None);
    }
}
