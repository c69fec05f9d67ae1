//! Lock files and archives: what is installed was proven.

mod archives;
mod lock;
mod order;
mod places;
mod releases;
mod verify;
