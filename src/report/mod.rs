//! Figures and listings → what people open: aligned tables, CSV.
//!
//! *Owns* the forms of output. *May import* `domain`. *Start reading* at [`table`].
//!
//! Deliberately absent: where the figures come from.

pub mod csv;
pub mod table;
