//! A file on its way to the host.

use std::fs::File;
use std::io::Read;

use super::error::ShellError;
use crate::model::size;

/// How much is sent at once.
pub(super) const PIECE: usize = 256 * 1024;

/// A file on its way to the host, for the action of the same index.
pub struct Upload {
    pub file: File,
    pub bytes: u64,
    pub objects: u64,
}

impl Upload {
    /// For a person: `5 objects, 1.1 kB`.
    pub(super) fn describe(&self) -> String {
        format!("{} objects, {}", self.objects, size(self.bytes))
    }

    /// Hands the file over piece by piece, until `send` wants no more.
    pub(super) fn pieces(
        mut self,
        send: &mut dyn FnMut(&[u8]) -> Result<bool, ShellError>,
    ) -> Result<(), ShellError> {
        let (mut piece, mut left) = (vec![0; PIECE], self.bytes);
        while left > 0 {
            let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.file.read_exact(&mut piece[..count])?;
            if !send(&piece[..count])? {
                break;
            }
            left -= count as u64;
        }
        Ok(())
    }
}
