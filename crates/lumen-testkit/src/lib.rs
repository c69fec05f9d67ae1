//! What tests of several crates share.
//!
//! | module | what |
//! |---|---|
//! | [`sandbox`] | a private home, registry and project for the `lumen` command |
//! | [`nginx`] | a real web server in front of a registry folder |
//! | [`conformance`] | what every storage must do |
//! | [`suite`] | the resolver cases of other package managers |

pub mod conformance;
pub mod nginx;
pub mod sandbox;
pub mod suite;
