//! What a signed registry says: roots, owners, statements, the name map and their history.
