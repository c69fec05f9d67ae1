//! Lock files and archives: what is installed was proven.

mod lock;
mod releases;
