//! Working days, public holidays by territory, closures, revisions.
/// Where a service sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Territory {
    /// Métropole.
    #[default]
    Metropole,
}
