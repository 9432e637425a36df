//! Figures and listings → what people open: aligned tables, CSV, ODS, PDF.
//!
//! *Owns* the forms of output. *May import* `domain`. *Start reading* at [`sheet`] and [`figures`]; [`table`] is for
//! terminals, [`views`] for programs.
//!
//! Deliberately absent: where the figures come from.

pub mod bilan;
pub mod columns;
pub mod csv;
pub mod figures;
pub mod ods;
pub mod page;
pub mod pdf;
pub mod sheet;
pub mod table;
pub mod views;
