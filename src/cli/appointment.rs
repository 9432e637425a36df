//! `vigie appointment add|fix|correct|withdraw|import`: the register of appointments of élus.

use std::path::Path;
use std::process::ExitCode;

use chrono::NaiveDate;

use super::register::{self, ListFile, Withdrawn};
use super::typed::{self, Author};
use super::{Answer, open};
use crate::app::import;
use crate::app::register::{NewAppointment, Origin};
use crate::domain::policy::{Channel, Requester};
use crate::domain::register::Authority;
use crate::store::Details;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Register a demand for an appointment; print its reference
    Add {
        #[command(flatten)]
        appointment: AppointmentArguments,
        #[command(flatten)]
        author: Author,
    },
    /// Say when its date was fixed, and for which day; said again, it corrects
    Fix {
        /// Its reference, such as RDV-2026-000012
        #[arg(value_parser = typed::reference)]
        reference: String,
        /// The day on which the date was fixed
        #[arg(long, value_parser = typed::day)]
        fixed_on: NaiveDate,
        /// The day of the appointment
        #[arg(long, value_parser = typed::day)]
        held_on: NaiveDate,
        #[command(flatten)]
        author: Author,
    },
    /// Describe a demand anew; the earlier description stays in the ledger
    Correct {
        /// Its reference
        #[arg(value_parser = typed::reference)]
        reference: String,
        #[command(flatten)]
        appointment: AppointmentArguments,
        #[command(flatten)]
        author: Author,
    },
    /// Take a demand out of the figures: registered by error, or withdrawn by who asked
    Withdraw(Withdrawn),
    /// Register the demands of a CSV or ODS list, with the columns of the tracking sheet
    Import(ListFile),
}

/// What describes a demand.
#[derive(Debug, clap::Args)]
pub struct AppointmentArguments {
    /// The bureau that fixes it
    #[arg(long)]
    bureau: String,
    /// The day of the demand
    #[arg(long, value_parser = typed::day)]
    requested_on: NaiveDate,
    /// With whom
    #[arg(long, value_parser = ["prefect", "secretary_general", "sub_prefect", "director"])]
    authority: String,
    /// Who asks
    #[arg(long, default_value = "elected", value_parser = ["elected", "local_official", "local_authority"])]
    requester: String,
    /// Their name
    #[arg(long, default_value = "", value_parser = typed::text)]
    name: String,
    /// In what quality: maire, conseillère départementale…
    #[arg(long, default_value = "", value_parser = typed::text)]
    quality: String,
    /// Of which town
    #[arg(long, default_value = "", value_parser = typed::text)]
    town: String,
    /// Remarks
    #[arg(long, default_value = "", value_parser = typed::text)]
    note: String,
    /// Keep it out of the official figures
    #[arg(long)]
    outside_perimeter: bool,
}

impl AppointmentArguments {
    fn appointment(self) -> NewAppointment {
        let Self { name, quality, town, note, .. } = self;
        NewAppointment {
            bureau: self.bureau,
            requester: Requester::from_name(&self.requester).unwrap_or(Requester::Elected),
            authority: Authority::from_name(&self.authority).unwrap_or(Authority::Prefect),
            requested_on: self.requested_on,
            official: !self.outside_perimeter,
            details: Details { name, quality, town, note, subject: String::new() },
            origin: Origin::default(),
            fixed: None,
        }
    }
}

/// Carries the verb out.
pub async fn appointment(config: &Path, verb: Verb) -> Answer {
    let (settings, store) = open(config).await?;
    match verb {
        Verb::Add { appointment, author } => register::print_written(
            &register::hand(&store, &settings, &author).appointments(&[appointment.appointment()]).await?,
        ),
        Verb::Fix { reference, fixed_on, held_on, author } => {
            register::hand(&store, &settings, &author).fix_appointment(&reference, fixed_on, held_on).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Correct { reference, appointment, author } => {
            register::hand(&store, &settings, &author)
                .correct_appointment(&reference, &appointment.appointment())
                .await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Withdraw(Withdrawn { reference, author }) => {
            register::hand(&store, &settings, &author).withdraw(&reference, Channel::Appointment).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Import(list) => {
            let read = list.read(&settings.office)?;
            let appointments = import::appointments(&read, &list.bureau).map_err(crate::app::Error::from)?;
            register::print_written(&register::hand(&store, &settings, &list.author).appointments(&appointments).await?)
        }
    }
}
