//! Hostile input, mounted through the program: each test is an attack that must fail.
//!
//! | module | the attacker controls |
//! |---|---|
//! | `project` | a cloned project: links and state in `.lumen`, folders above it, other users |
//! | `pack` | what lies in a package's folder, and names of packages |
//! | `secrets` | URLs and names of registries, redirects, what git shows and where it is led |
//! | `chain` | the root and ownership notes of a registry, with keys that count no more |
//! | `witness` | a log key and write access, against witnesses |
//! | `proof` | lock files and archives |
//! | `output` | texts that reach the terminal |
//! | `cost` | sizes, counts and speed |

mod age;
mod chain;
mod cost;
mod output;
mod pack;
mod project;
mod proof;
mod secrets;
mod witness;
