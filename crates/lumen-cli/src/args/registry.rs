//! `lumen registry …`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Registry {
    /// Make a new, empty registry.
    Init {
        /// Folder or URL.
        location: String,
        /// Name of the registry; default: the folder's name.
        #[arg(long)]
        name: Option<String>,
    },
}
