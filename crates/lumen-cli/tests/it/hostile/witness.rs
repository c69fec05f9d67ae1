//! Insiders with a log key and write access, against witnesses that validate.
