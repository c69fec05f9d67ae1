pub use lumen_testkit::server::{Answer, Asked, Server, answer, impatient, not_found, ok, patient};
