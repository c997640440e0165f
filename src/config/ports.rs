//! `ports`: where each slot's server listens, on 127.0.0.1.

use super::problem::{Complaint, ensure};
use super::section::{Section, Tables};
use super::value;
use crate::model::Color;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ports {
    pub blue: u16,
    pub green: u16,
}

impl Ports {
    pub fn of(self, color: Color) -> u16 {
        match color {
            Color::Blue => self.blue,
            Color::Green => self.green,
        }
    }

    pub(super) fn both(self) -> [u16; 2] {
        [self.blue, self.green]
    }

    pub(super) fn read(itself: &Section, tables: &Tables) -> Option<Ports> {
        const EXAMPLE: &str = "ports = { blue = 8888, green = 8889 }";
        itself.required("ports", EXAMPLE, |value| {
            let complaint = Complaint::new("must be a table").help(format!("write {EXAMPLE}"));
            ensure(value.get_ref().is_table(), complaint)
        })?;
        let table = Section::new(
            "ports",
            tables.own.iter().filter_map(|own| own.table("ports", tables.problems)),
            tables.problems,
        );
        let blue = table.required("blue", "blue = 8888", value::port);
        let green = table.required("green", "green = 8889", value::port);
        let ports = Ports { blue: blue?, green: green? };
        if ports.blue == ports.green {
            let complaint = Complaint::new(format!("must differ: blue and green are both {}", ports.blue));
            itself.object("ports", complaint.help("both slots run at once, so give each a port of its own"));
            return None;
        }
        Some(ports)
    }
}
