//! `commitments.toml` and `requesters.toml` → what is promised to whom, and who writes from where.

use std::path::Path;

use super::check::date;
use super::file::{CommitmentsFile, NatureFile, RequestersFile, Source};
use super::locate::Step::{Index, Key};
use super::{Error, read};
use crate::domain::nature::NatureRule;
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
        if !(1..=MAX_LIMIT).contains(&file.limit) {
            let what = format!("between 1 and {MAX_LIMIT} working days are expected");
            return Err(source.error(&steps("limit"), what));
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

/// Who writes from where, and what is asked by words.
pub(super) struct Rules {
    /// Who writes from where.
    pub requesters: Vec<RequesterRule>,
    /// What is asked, by words.
    pub natures: Vec<NatureRule>,
    /// The texts of the file and of all that it names.
    pub texts: String,
}

/// The rules of a file, those of the house after its own.
pub(super) fn requesters(path: &Path) -> Result<Rules, Error> {
    let source: Source<RequestersFile> = Source::parse(path, read(path)?)?;
    let mut rules = Rules { requesters: Vec::new(), natures: Vec::new(), texts: source.text.clone() };
    for (index, file) in source.file.rules.iter().enumerate() {
        let steps = |key| [Key("rules"), Index(index), Key(key)];
        let unknown = |key: &'static str, what: &str| source.error(&steps(key), format!("{what:?} is not known"));
        let requester = Requester::from_name(&file.requester).ok_or_else(|| unknown("requester", &file.requester))?;
        let nature = match &file.nature {
            None => None,
            Some(name) => Some(Nature::from_name(name).ok_or_else(|| unknown("nature", name))?),
        };
        if file.patterns.is_empty() && file.addresses.is_none() {
            return Err(source.error(&steps("id"), "neither patterns nor addresses: the rule would meet nobody"));
        }
        let mut patterns = file.patterns.clone();
        if let Some(addresses) = &file.addresses {
            let path = source.resolve(addresses);
            let text = read(&path)?;
            patterns.extend(super::addresses::patterns(&path, &text)?);
            rules.texts.push_str(&text);
        }
        let rule = |pattern| RequesterRule { id: file.id.clone(), pattern, requester, nature };
        rules.requesters.extend(patterns.into_iter().map(rule));
    }
    for (index, file) in source.file.natures.iter().enumerate() {
        rules.natures.push(nature_rule(&source, index, file)?);
    }
    rules.natures.extend(NatureRule::usual());
    Ok(rules)
}

fn nature_rule(source: &Source<RequestersFile>, index: usize, file: &NatureFile) -> Result<NatureRule, Error> {
    let steps = |key| [Key("natures"), Index(index), Key(key)];
    let unknown = |key: &'static str, what: &str| source.error(&steps(key), format!("{what:?} is not known"));
    let nature = Nature::from_name(&file.nature).ok_or_else(|| unknown("nature", &file.nature))?;
    if file.words.iter().all(|word| word.trim().is_empty()) {
        return Err(source.error(&steps("words"), "at least one word is expected"));
    }
    let requester = |text: &String| Requester::from_name(text).ok_or_else(|| unknown("requesters", text));
    let requesters = file.requesters.iter().map(requester).collect::<Result<_, _>>()?;
    let mut rule = NatureRule::new(&file.id, nature, &file.words, &file.except);
    rule.requesters = requesters;
    rule.mailboxes.clone_from(&file.mailboxes);
    rule.first_lines = file.first_lines;
    Ok(rule)
}
