//! Cloned projects: nothing outside of the project and of our own home is read, written, linked or deleted.
