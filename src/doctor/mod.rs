//! Floor 3: what stands in a host's way, and what mends it: *reading → checks*, pure.

mod check;
mod checks;
mod comeback;
mod machine;
mod reading;
mod site;
#[cfg(test)]
mod tests;

pub use check::{By, Check, Diagnosis, Level, Mend};
pub use checks::{DoctorInput, diagnose};
pub use reading::{Folder, Listening, Reading};
pub use site::{configuration, site_elsewhere};
