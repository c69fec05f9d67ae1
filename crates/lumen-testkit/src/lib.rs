//! What tests of several crates share.
//!
//! | module | what |
//! |---|---|
//! | [`sandbox`] | a private home, registry and project for the `lumen` command |
//! | [`nginx`] | a real web server in front of a registry folder |
//! | [`web`], [`tls`] | nginx and Apache in front of a folder in all the ways hosts do it |
//! | [`conformance`] | what every storage must do |
//! | [`suite`] | the resolver cases of other package managers |

pub mod conformance;
pub mod nginx;
pub mod sandbox;
pub mod suite;
#[cfg(unix)]
pub mod tls;
#[cfg(unix)]
pub mod web;
