//! Costs: a remote party takes a bounded amount of bytes, memory, requests, files and seconds.
