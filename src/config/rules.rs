//! `commitments.toml` and `requesters.toml` → what is promised to whom, and who writes from where.

use std::path::Path;

use super::check::date;
use super::file::{CommitmentsFile, RequestersFile, Source};
use super::locate::Step::{Index, Key};
use super::{Error, read};
use crate::domain::policy::{Channel, Commitment, Nature, Requester, RequesterRule};

/// The longest limit, in working days: beyond any that the law or a charter knows, and within what a calendar holds.
const MAX_LIMIT: u16 = 1_000;

/// The commitments of a file, and its text.
pub(super) fn commitments(path: &Path) -> Result<(Vec<Commitment>, String), Error> {
    let source: Source<CommitmentsFile> = Source::parse(path, read(path)?)?;
    let mut commitments = Vec::new();
    for (index, file) in source.file.commitments.iter().enumerate() {
        let steps = |key| [Key("commitments"), Index(index), Key(key)];
        let name = |key: &'static str, what: &str| source.error(&steps(key), format!("{what:?} is not known"));
        let day = |key: &'static str, text: &Option<String>| {
            text.as_ref().map(|text| date(&source, &steps(key), text)).transpose()
        };
        if !(0.0..=100.0).contains(&file.target) {
            return Err(source.error(&steps("target"), "a percentage between 0 and 100 is expected"));
        }
        if file.limit > MAX_LIMIT {
            return Err(source.error(&steps("limit"), format!("at most {MAX_LIMIT} working days are expected")));
        }
        let requester = |text: &String| Requester::from_name(text).ok_or_else(|| name("requesters", text));
        let nature = |text: &String| Nature::from_name(text).ok_or_else(|| name("natures", text));
        commitments.push(Commitment {
            key: file.key.clone(),
            label: file.label.clone(),
            channel: Channel::from_name(&file.channel).ok_or_else(|| name("channel", &file.channel))?,
            requesters: file.requesters.iter().map(requester).collect::<Result<_, _>>()?,
            natures: file.natures.iter().map(nature).collect::<Result<_, _>>()?,
            mailboxes: file.mailboxes.clone(),
            limit: file.limit,
            target: hundredths(file.target),
            valid_from: day("valid_from", &file.valid_from)?,
            valid_until: day("valid_until", &file.valid_until)?,
            holding_reply_answers: file.holding_reply_answers,
            phone_answers: file.phone_answers,
            withdrawn: file.withdrawn,
        });
    }
    versions(&source, &commitments)?;
    Ok((commitments, source.text))
}

/// Versions of one commitment follow one another: on each day one at most is in force.
fn versions(source: &Source<CommitmentsFile>, commitments: &[Commitment]) -> Result<(), Error> {
    for (index, later) in commitments.iter().enumerate() {
        let steps = |key| [Key("commitments"), Index(index), Key(key)];
        if let (Some(from), Some(until)) = (later.valid_from, later.valid_until)
            && until < from
        {
            return Err(source.error(&steps("valid_until"), format!("{until} comes before {from}")));
        }
        let meets = |earlier: &&Commitment| {
            earlier.key == later.key
                && earlier.valid_from.zip(later.valid_until).is_none_or(|(from, until)| from <= until)
                && later.valid_from.zip(earlier.valid_until).is_none_or(|(from, until)| from <= until)
        };
        if commitments.iter().take(index).any(|earlier| meets(&earlier)) {
            let what = format!(
                "two versions of {:?} hold on the same day: give the older one valid_until, the newer one valid_from",
                later.key
            );
            return Err(source.error(&steps("key"), what));
        }
    }
    Ok(())
}

/// A percentage between 0 and 100, in hundredths of a percent.
pub(super) fn hundredths(percent: f64) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie between 0 and 100")]
    let hundredths = (percent * 100.0).round() as u16;
    hundredths
}

/// The rules of a file, and its text.
pub(super) fn requesters(path: &Path) -> Result<(Vec<RequesterRule>, String), Error> {
    let source: Source<RequestersFile> = Source::parse(path, read(path)?)?;
    let mut rules = Vec::new();
    for (index, file) in source.file.rules.iter().enumerate() {
        let unknown = |key: &'static str, what: &str| {
            source.error(&[Key("rules"), Index(index), Key(key)], format!("{what:?} is not known"))
        };
        let requester = Requester::from_name(&file.requester).ok_or_else(|| unknown("requester", &file.requester))?;
        let nature = match &file.nature {
            None => None,
            Some(name) => Some(Nature::from_name(name).ok_or_else(|| unknown("nature", name))?),
        };
        for pattern in &file.patterns {
            rules.push(RequesterRule { id: file.id.clone(), pattern: pattern.clone(), requester, nature });
        }
    }
    Ok((rules, source.text))
}
