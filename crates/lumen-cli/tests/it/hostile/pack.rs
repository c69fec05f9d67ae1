//! Packages: nothing from outside of the folder is packed, no secret by accident, no name that means something else.
