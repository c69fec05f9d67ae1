//! The same for mirrors.

use lumen_core::failure::Kind;

use super::Hint;
use crate::mirror::MirrorError;

impl MirrorError {
    /// Who can do something about it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::Partly(faults) | Self::Lost(faults) => {
                match faults.damaged.is_empty() && faults.false_lists.is_empty() {
                    true => Kind::Host,
                    false => Kind::Untrusted,
                }
            }
            Self::Diverged { .. }
            | Self::Foreign { .. }
            | Self::Changed { .. }
            | Self::Forged { .. } => Kind::Untrusted,
            Self::Other { .. }
            | Self::Narrower { .. }
            | Self::Unlistable { .. }
            | Self::Gap { .. }
            | Self::Older { .. }
            | Self::Incomplete { .. }
            | Self::NoLog
            | Self::TooLarge { .. } => Kind::User,
        }
    }

    /// What may help.
    pub fn hint(&self) -> Option<Hint<'_>> {
        Some(match self {
            Self::Read(error) => return error.hint(),
            Self::Log(error) => return error.hint(),
            Self::Diverged { .. } => Hint::MirrorDiverged,
            Self::Other { .. } => Hint::OtherMirror,
            Self::Foreign { .. } => Hint::MirrorForeign,
            Self::Changed { .. } => Hint::MirrorChanged,
            Self::Forged { .. } => Hint::Forged,
            Self::Narrower { .. } => Hint::Narrower,
            Self::Gap { ours, .. } => Hint::Gap { ours: *ours },
            Self::Older { .. } => Hint::Older,
            Self::Partly(faults) | Self::Lost(faults) if !faults.false_lists.is_empty() => {
                Hint::FalseLists
            }
            Self::Lost(_) => Hint::LostForGood,
            Self::Partly(_) => Hint::MirrorLacks,
            Self::Incomplete { .. } => Hint::IncompleteBundle,
            Self::NoLog => Hint::NoLog,
            Self::Unlistable { .. } => Hint::Unlistable,
            Self::TooLarge { .. } => return None,
        })
    }
}
