//! Secrets: each goes to the origin that the user paired with it, and nowhere else.

mod absence;
mod buckets;
mod git;
mod pairs;
mod redirects;
mod shown;
