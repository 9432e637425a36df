//! How likely an open request is to miss its limit, from what became of the bureau's own requests.
//!
//! The model is the empirical one: of the requests that were still open on the morning of their k-th working day, which
//! share left that state within the day (a discrete hazard, the increments of Kaplan and Meier's estimator). A request
//! misses its limit when it survives every day that it has left. *Start reading* at [`Forecast::learn`].
//!
//! Deliberately absent: who answers, and what is asked. A forecast ranks requests, never agents.

use std::fmt::Write as _;

/// The fewest requests that left the open state before anything is forecast: below, it would be guessing.
pub const MIN_SETTLED: u32 = 100;
/// How many working days of receipts are learnt from.
pub const WINDOW: u16 = 120;
/// The ages, in working days, that are told apart; older requests are as the oldest.
const AGES: usize = 61;
/// How many imagined requests of the average kind temper each age: with few real ones, an age is as the average.
const PRIOR: f64 = 4.0;

/// Of ten working days, those in which a bureau gave no more answers than its pace.
const ORDINARY_DAYS_OF_TEN: usize = 9;

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Working days from its receipt to its settlement, or to now while it is open.
    pub age: u16,
    /// Whether it was settled: answered, closed or transferred.
    pub settled: bool,
}

/// What a bureau's past says of its future.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// By age: the chance of an open request to be settled within the day.
    hazards: Vec<f64>,
    /// How many settled requests that rests on.
    settled: u32,
    /// How many answers the bureau gives on a good day.
    pace: f64,
}

impl Forecast {
    /// Learns from the requests received within [`WINDOW`]; `None` where fewer than [`MIN_SETTLED`] were settled.
    #[must_use]
    pub fn learn(cases: impl IntoIterator<Item = Case>) -> Option<Self> {
        let (mut gone, mut last_seen) = (vec![0_u32; AGES], vec![0_u32; AGES]);
        for case in cases {
            let age = usize::from(case.age).min(AGES - 1);
            let of_age = if case.settled { gone.get_mut(age) } else { last_seen.get_mut(age) };
            if let Some(count) = of_age {
                *count += 1;
            }
        }
        let settled: u32 = gone.iter().sum();
        if settled < MIN_SETTLED {
            return None;
        }
        // Who is open at an age has lived it whole only once it is over: the open count until the age before theirs.
        let mut at_risk = Vec::with_capacity(AGES);
        let mut still: u32 = 0;
        for (gone, seen) in gone.iter().zip(&last_seen).rev() {
            still += gone;
            at_risk.push(still);
            still += seen;
        }
        at_risk.reverse();
        let exposure: u32 = at_risk.iter().sum();
        let mean = f64::from(settled) / f64::from(exposure.max(1));
        let hazard = |(gone, at_risk): (&u32, &u32)| (f64::from(*gone) + PRIOR * mean) / (f64::from(*at_risk) + PRIOR);
        let hazards = gone.iter().zip(&at_risk).map(hazard).collect();
        Some(Self { hazards, settled, pace: f64::INFINITY })
    }

    /// The same for a bureau that gave so many answers on each of its past working days: after a rush, requests wait
    /// because there are too many of them, whatever their age.
    #[must_use]
    pub fn paced(self, mut answers: Vec<u32>) -> Self {
        answers.sort_unstable();
        let good_day = answers.get(answers.len() * ORDINARY_DAYS_OF_TEN / 10).copied();
        Self { pace: good_day.map_or(f64::INFINITY, |answers| f64::from(answers.max(1))), ..self }
    }

    /// Which share of the answers that their ages promise the open requests can get, today and on the working days that
    /// follow: all of them, until they are more than the bureau's pace. `ages` are of all open requests, the late ones
    /// among them; `share` as for [`Self::miss`].
    #[must_use]
    pub fn strain(&self, ages: &[u16], share: f64) -> Vec<f64> {
        let mut open: Vec<(usize, f64)> = ages.iter().map(|age| (usize::from(*age), 1.0)).collect();
        let mut strain = Vec::with_capacity(AGES);
        for day in 0..AGES {
            let hours = if day == 0 { share.clamp(0.0, 1.0) } else { 1.0 };
            let promised: f64 = open.iter().map(|(age, open)| open * self.hazard(age + day)).sum();
            let given = if promised > self.pace { self.pace / promised } else { 1.0 };
            for (age, open) in &mut open {
                *open *= (1.0 - given * self.hazard(*age + day)).powf(hours);
            }
            strain.push(given);
        }
        strain
    }

    fn hazard(&self, age: usize) -> f64 {
        self.hazards.get(age.min(AGES - 1)).copied().unwrap_or_default()
    }

    /// How many settled requests it rests on.
    #[must_use]
    pub fn settled(&self) -> u32 {
        self.settled
    }

    /// The chance, from 0 to 1, that a request of an age is still open when its last day ends.
    ///
    /// `left` is the number of working days after today until its last day; negative once that is past. `share` is the
    /// share of today's working hours that is still to come, from 0 to 1. `strain` is that of [`Self::strain`]; empty where
    /// there are no more requests than the bureau can answer.
    #[must_use]
    pub fn miss(&self, age: u16, left: i64, share: f64, strain: &[f64]) -> f64 {
        let Ok(left) = usize::try_from(left) else { return 1.0 };
        let age = usize::from(age);
        let stays = |day: usize| 1.0 - strain.get(day).copied().unwrap_or(1.0) * self.hazard(age + day);
        let today = stays(0).powf(share.clamp(0.0, 1.0));
        // Beyond the ages that are told apart the chance is nil for all purposes.
        (1..=left.min(AGES)).fold(today, |open, day| open * stays(day))
    }
}

/// An open request, as the forecast sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposed {
    /// Its reference.
    pub reference: String,
    /// Working days after today until its last day; negative once that is past.
    pub left: i64,
    /// The chance that it misses its limit.
    pub risk: f64,
}

/// How a bureau stands this morning.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// How many settled requests the forecast rests on.
    pub settled: u32,
    /// How many open requests can still be answered in time.
    pub in_time: usize,
    /// How many of them are to be expected to miss it.
    pub expected: f64,
    /// The most exposed of them.
    pub worst: Option<(String, f64)>,
    /// How many answers today keep every limit within reach.
    pub needed: usize,
}

/// Sums up the open requests of a bureau.
#[must_use]
pub fn outlook(forecast: &Forecast, open: &[Exposed]) -> Outlook {
    let in_time: Vec<&Exposed> = open.iter().filter(|request| request.left >= 0).collect();
    let worst = in_time.iter().max_by(|a, b| a.risk.total_cmp(&b.risk).then_with(|| b.reference.cmp(&a.reference)));
    Outlook {
        settled: forecast.settled(),
        in_time: in_time.len(),
        expected: in_time.iter().map(|request| request.risk).sum(),
        worst: worst.map(|request| (request.reference.clone(), request.risk)),
        needed: needed_today(open),
    }
}

/// The smallest even pace, in answers a day, that keeps every limit from today on: no day's requests, and those before
/// them, may be more than the answers given until then. What is late already can be kept in time no more.
#[must_use]
pub fn needed_today(open: &[Exposed]) -> usize {
    let mut left: Vec<usize> = open.iter().filter_map(|request| usize::try_from(request.left).ok()).collect();
    left.sort_unstable();
    left.iter().enumerate().map(|(before, left)| (before + 1).div_ceil(left + 1)).max().unwrap_or_default()
}

impl Outlook {
    /// The outlook in one sentence.
    #[must_use]
    pub fn french(&self) -> String {
        let nbsp = '\u{a0}';
        let plural = |n: usize| if n < 2 { "" } else { "s" };
        let mut text = format!("D’après {}{nbsp}demandes réglées de ce bureau, ", grouped(self.settled));
        let (open, needed) = (self.in_time, self.needed);
        let Some((reference, risk)) = &self.worst else {
            text.push_str("rien n’est à prévoir\u{a0}: aucune demande n’attend dans le délai.");
            return text;
        };
        // Writing into a String cannot fail.
        let _ = match self.expected {
            few if few < 0.5 => write!(text, "aucun dépassement n’est à attendre parmi"),
            some => write!(text, "on peut s’attendre à {}{nbsp}dépassement{} parmi", some.round(), plural_of(some)),
        };
        let _ = write!(
            text,
            " {} encore dans le délai (la plus exposée{nbsp}: {reference}, {}){nbsp}; il faut {needed}{nbsp}réponse{} \
             aujourd’hui, et autant chaque jour ouvré qui suit, pour tenir toutes les échéances.",
            if open < 2 { format!("la{nbsp}demande") } else { format!("les {open}{nbsp}demandes") },
            percent(*risk),
            plural(needed),
        );
        text
    }
}

fn plural_of(count: f64) -> &'static str {
    if count.round() < 2.0 { "" } else { "s" }
}

/// A share in French, never the certainty that a forecast does not have: `moins de 1 %`, `62 %`, `plus de 99 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        low if low < 1.0 => "moins de 1\u{a0}%".to_owned(),
        high if high > 99.0 => "plus de 99\u{a0}%".to_owned(),
        percent => format!("{percent:.0}\u{a0}%"),
    }
}

/// A count with its thousands apart.
fn grouped(count: u32) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(age: u16, count: usize) -> impl Iterator<Item = Case> {
        std::iter::repeat_n(Case { age, settled: true }, count)
    }

    fn exposed(lefts: &[i64]) -> Vec<Exposed> {
        lefts.iter().map(|left| Exposed { reference: format!("PAN-{left}"), left: *left, risk: 0.1 }).collect()
    }

    #[test]
    fn says_nothing_where_the_past_is_short() {
        assert_eq!(Forecast::learn(settled(1, 99)), None);
        assert!(Forecast::learn(settled(1, 100)).is_some());
    }

    #[test]
    fn the_chance_of_a_miss_is_the_share_that_outlived_the_limit() {
        // 1000 requests: half answered on the first day, 450 on the third, 50 only on the tenth.
        let past: Vec<Case> = settled(1, 500).chain(settled(3, 450)).chain(settled(10, 50)).collect();
        let forecast = Forecast::learn(past).expect("long enough");
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.02, "{found} {expected}");
        near(forecast.miss(0, 5, 1.0, &[]), 0.05);
        near(forecast.miss(2, 3, 1.0, &[]), 0.10);
        assert!(forecast.miss(4, 1, 1.0, &[]) > 0.9);
        near(forecast.miss(1, 4, 0.0, &[]), 0.10);
        near(forecast.miss(5, -1, 1.0, &[]), 1.0);
    }

    #[test]
    fn what_is_open_still_counts_until_the_day_before() {
        // 300 of 400 were answered on day 2, and 100 are open at day 5: of those that day 2 saw open, a quarter stayed.
        let open = std::iter::repeat_n(Case { age: 5, settled: false }, 100);
        let forecast = Forecast::learn(settled(2, 300).chain(open)).expect("long enough");
        let risk = forecast.miss(2, 0, 1.0, &[]);
        assert!((risk - 0.25).abs() < 0.02, "{risk}");
    }

    #[test]
    fn the_risk_grows_as_the_day_passes_and_the_limit_nears() {
        let past: Vec<Case> = (0..10).flat_map(|age| settled(age, 100)).collect();
        let forecast = Forecast::learn(past).expect("long enough");
        assert!(forecast.miss(3, 2, 0.2, &[]) > forecast.miss(3, 2, 0.9, &[]));
        assert!(forecast.miss(4, 1, 1.0, &[]) > forecast.miss(2, 3, 1.0, &[]));
    }

    #[test]
    fn a_rush_that_is_more_than_the_pace_waits_whatever_its_age() {
        let forecast = Forecast::learn(settled(0, 500).chain(settled(1, 500))).expect("long enough");
        let forecast = forecast.paced([5, 6, 7, 8, 9, 10, 10, 10, 10, 10].to_vec());
        let calm = forecast.strain(&[0; 15], 1.0);
        assert!((forecast.miss(0, 1, 1.0, &calm) - forecast.miss(0, 1, 1.0, &[])).abs() < 0.01, "{calm:?}");
        // A hundred where ten are answered a day: on two days one of five, about, gets an answer.
        let rush = forecast.strain(&[0; 100], 1.0);
        let risk = forecast.miss(0, 1, 1.0, &rush);
        assert!((risk - 0.8).abs() < 0.02, "{risk}");
    }

    #[test]
    fn the_pace_needed_today_is_set_by_the_tightest_day() {
        assert_eq!(needed_today(&[]), 0);
        assert_eq!(needed_today(&exposed(&[-3, -1])), 0);
        assert_eq!(needed_today(&exposed(&[0, 0, 0])), 3);
        assert_eq!(needed_today(&exposed(&[4; 5])), 1);
        assert_eq!(needed_today(&exposed(&[0, 1, 1, 1, 1, 1])), 3);
        assert_eq!(needed_today(&exposed(&[4; 11])), 3);
    }

    #[test]
    fn is_said_in_one_sentence() {
        let forecast = Forecast::learn(settled(1, 1_234)).expect("long enough");
        let mut open = exposed(&[0, 1, 2]);
        open[1].risk = 0.62;
        let text = outlook(&forecast, &open).french();
        assert_eq!(
            text.replace(['\u{a0}', '\u{202f}'], " "),
            "D’après 1 234 demandes réglées de ce bureau, on peut s’attendre à 1 dépassement parmi les 3 demandes \
             encore dans le délai (la plus exposée : PAN-1, 62 %) ; il faut 1 réponse aujourd’hui, et autant chaque jour ouvré \
             qui suit, pour tenir toutes les échéances."
        );
        let text = outlook(&forecast, &[]).french();
        assert!(text.ends_with("aucune demande n’attend dans le délai."), "{text}");
    }
}
