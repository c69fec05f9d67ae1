//! Texts of registries, archives, locks and git: none of them steers a terminal.
