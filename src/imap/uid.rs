//! Sets of UIDs, as ranges and as the protocol writes them.

/// UIDs from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UidRange {
    /// The lowest UID.
    pub first: u32,
    /// The highest UID; [`u32::MAX`] stands for the end of the folder.
    pub last: u32,
}

impl UidRange {
    /// Every UID that a folder can hold.
    pub const ALL: Self = Self { first: 1, last: u32::MAX };

    /// The range between two UIDs, whichever is the lower.
    pub fn new(one: u32, other: u32) -> Self {
        Self { first: one.min(other), last: one.max(other) }
    }

    /// Whether `uid` is in the range.
    pub fn contains(&self, uid: u32) -> bool {
        (self.first..=self.last).contains(&uid)
    }

    /// As a sequence-set. The end of the folder is `*`, which names the last message even if it is below `first`:
    /// answers must be filtered with [`UidRange::contains`].
    pub(super) fn to_set(self) -> String {
        match self.last {
            last if last == self.first => last.to_string(),
            u32::MAX => format!("{}:*", self.first.max(1)),
            last => format!("{}:{last}", self.first.max(1)),
        }
    }
}

/// Ascending UIDs as a sequence-set (RFC 9051 §9), neighbours joined: `1:4,9`.
pub(super) fn sequence_set(uids: &[u32]) -> String {
    let mut set = String::new();
    let mut ranges: Vec<UidRange> = Vec::new();
    for &uid in uids {
        match ranges.last_mut() {
            Some(range) if range.last.checked_add(1) == Some(uid) => range.last = uid,
            _ => ranges.push(UidRange { first: uid, last: uid }),
        }
    }
    for range in ranges {
        let comma = if set.is_empty() { "" } else { "," };
        set.push_str(comma);
        set.push_str(&range.to_set());
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_neighbours() {
        assert_eq!(sequence_set(&[1, 2, 3, 4, 9, 11, 12]), "1:4,9,11:12");
        assert_eq!(sequence_set(&[u32::MAX]), "4294967295");
        assert_eq!(sequence_set(&[]), "");
    }

    #[test]
    fn writes_the_end_of_the_folder_as_a_star() {
        assert_eq!(UidRange::ALL.to_set(), "1:*");
        assert_eq!(UidRange::new(9, 7).to_set(), "7:9");
        assert_eq!(UidRange::new(7, 7).to_set(), "7");
    }
}
