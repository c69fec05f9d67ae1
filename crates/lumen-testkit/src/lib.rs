//! What tests of several crates share.
//!
//! | module | what |
//! |---|---|
//! | [`sandbox`] | a private home, registry and project for the `lumen` command |
//! | [`nginx`] | a real web server in front of a registry folder |
//! | [`server`] | a web server that misbehaves on command |
//! | [`web`], [`tls`] | nginx and Apache in front of a folder in all the ways hosts do it |
//! | [`site`] | nginx, Apache or Caddy with a configuration that is under test |
//! | [`skip`] | tests that cannot do their work here |
//! | [`tools`] | where programs are that tests start |
//! | [`terminal`] | a command in a terminal, with scripted answers |
//! | [`buckets`] | object stores, real and simulated |
//! | [`process`] | servers that die with the test |
//! | [`proxy`] | a proxy that loses requests and answers |
//! | [`git`] | repositories, and git's own server behind HTTP |
//! | [`conformance`] | what every storage must do |
//! | [`suite`] | the resolver cases of other package managers |
//! | [`world`] | signed registries made of the formats alone, honest or forged |
//! | [`verifier`] | the verifier of signed registries in Python |

#![allow(clippy::disallowed_methods, reason = "tests are steered by variables")]

pub mod buckets;
pub mod conformance;
pub mod git;
pub mod nginx;
pub mod process;
pub mod proxy;
pub mod sandbox;
pub mod server;
pub mod site;
pub mod skip;
pub mod suite;
#[cfg(unix)]
pub mod terminal;
#[cfg(unix)]
pub mod tls;
pub mod tools;
pub mod verifier;
#[cfg(unix)]
pub mod web;
pub mod world;
