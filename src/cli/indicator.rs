//! `vigie indicator set|list|import`: the values of indicators that people enter.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::{self, Format};
use super::typed::{self, Author};
use super::{Answer, Failure, names, offline, open, register};
use crate::app::import::{self, words};
use crate::domain::french::{counted, quoted};
use crate::domain::indicator::annex::{Form, LineRule, is_reckoned};
use crate::domain::period::Period;
use crate::domain::register::{HandValue, Reading};
use crate::report::table::Table;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Enter the value of an indicator for a period; entered again, it corrects
    Set {
        /// The indicator's key (`vigie indicator list`)
        key: String,
        /// The period: 2026, 2026-T3, 2026-11
        #[arg(long)]
        period: Period,
        #[command(flatten)]
        value: ValueArguments,
        /// Where the value comes from
        #[arg(long, value_parser = typed::words)]
        source: String,
        #[command(flatten)]
        author: Author,
    },
    /// List the indicators, and who reckons each
    List {
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Take the values of a past period from a CSV or ODS table: name or key, then value
    Import {
        /// The table
        file: PathBuf,
        /// The period
        #[arg(long)]
        period: Period,
        /// Where the values come from; the file's name by default
        #[arg(long, value_parser = typed::words)]
        source: Option<String>,
        #[command(flatten)]
        author: Author,
    },
}

/// A value, in one of its forms.
#[derive(Debug, clap::Args)]
#[group(required = true)]
pub struct ValueArguments {
    /// A count; for a mean, with decimals: 12,5
    #[arg(long, group = "form", value_parser = number)]
    value: Option<Reading>,
    /// How many of the denominator
    #[arg(long, requires = "denominator", group = "form")]
    numerator: Option<i64>,
    /// Of how many
    #[arg(long, requires = "numerator")]
    denominator: Option<i64>,
    /// A share of which only the result is known: 96,00
    #[arg(long, group = "form", value_parser = percent)]
    percent: Option<i64>,
    /// A duration: 45 min, 1 h 30
    #[arg(long, group = "form", value_parser = minutes)]
    duration: Option<i64>,
    /// Words
    #[arg(long, group = "form", value_parser = typed::words)]
    text: Option<String>,
    /// Sans objet
    #[arg(long, group = "form")]
    not_applicable: bool,
}

fn number(text: &str) -> Result<Reading, String> {
    words::number(text).ok_or_else(|| "a number such as 24758 or 12,5 is expected".to_owned())
}

fn percent(text: &str) -> Result<i64, String> {
    words::percent(text).ok_or_else(|| "a percentage such as 96,00 is expected".to_owned())
}

fn minutes(text: &str) -> Result<i64, String> {
    words::minutes(text).ok_or_else(|| "a duration such as 45 min or 1 h 30 is expected".to_owned())
}

impl ValueArguments {
    fn reading(self) -> Option<Reading> {
        let ratio = self.numerator.zip(self.denominator);
        let ratio = ratio.map(|(numerator, denominator)| Reading::Ratio { numerator, denominator });
        ratio
            .or(self.value)
            .or(self.percent.map(Reading::Percent))
            .or(self.duration.map(Reading::Duration))
            .or(self.text.map(Reading::Text))
            .or(self.not_applicable.then_some(Reading::NotApplicable))
    }
}

/// Carries the verb out.
pub async fn indicator(config: &Path, verb: Verb) -> Answer {
    match verb {
        Verb::Set { key, period, value, source, author } => {
            let nothing = || Failure::Usage(anyhow::anyhow!("a value is missing"));
            let reading = value.reading().ok_or_else(nothing)?;
            let (settings, store) = open(config).await?;
            names::indicator(&settings.office, &key)?;
            let value = HandValue { key, period, reading, source };
            register::hand(&store, &settings, &author).indicators(&[value]).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::List { format } => list(&offline(config)?.office.indicators, format),
        Verb::Import { file, period, source, author } => {
            let (settings, store) = open(config).await?;
            let name = || file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let source = source.unwrap_or_else(name);
            let rules = &settings.office.indicators;
            let read = import::indicators(&register::read(&file)?, rules, period, &source);
            let (values, unknown) = read.map_err(crate::app::Error::from)?;
            let changed = register::hand(&store, &settings, &author).indicators(&values).await?;
            let read = counted(values.len(), "valeur lue", "valeurs lues");
            output::print(&format!(
                "{read}, dont {}\n",
                counted(changed, "nouvelle ou changée", "nouvelles ou changées")
            ))?;
            for name in &unknown {
                output::say(&format!(
                    "aucun indicateur ne s’appelle {}\u{a0}: la ligne est laissée de côté\n",
                    quoted(name)
                ));
            }
            Ok(ExitCode::from(u8::from(values.is_empty())))
        }
    }
}

/// An indicator, as `--format json` prints it.
#[derive(Debug, serde::Serialize)]
struct RuleView<'a> {
    key: &'a str,
    label: &'a str,
    form: &'static str,
    target_percent: serde_json::Value,
    reckoned: bool,
}

fn list(rules: &[LineRule], format: Format) -> Answer {
    let views: Vec<RuleView<'_>> = rules
        .iter()
        .map(|rule| RuleView {
            key: &rule.key,
            label: &rule.label,
            form: rule.form.name(),
            target_percent: crate::report::views::number(rule.target.map(i64::from)),
            reckoned: is_reckoned(&rule.key),
        })
        .collect();
    output::listing(format, &views, || {
        let mut table = Table::new(&["N°", "Clé", "Forme", "Calcul", "Indicateur"]);
        for (number, rule) in (1..).zip(rules) {
            let form = match rule.form {
                Form::Count => "nombre",
                Form::Mean => "moyenne",
                Form::Share => "taux",
                Form::Duration => "durée",
                Form::Text => "texte",
            };
            let reckoned = if is_reckoned(&rule.key) { "vigie" } else { "saisie" };
            table.push(
                [&number.to_string(), &rule.key, form, reckoned, &rule.label]
                    .map(|text: &str| text.to_owned())
                    .to_vec(),
            );
        }
        table
    })?;
    Ok(ExitCode::SUCCESS)
}
