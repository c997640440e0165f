use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use git2::Oid;

use super::pack::{self, PackRequest};
use super::{PackProgress, Packer, Repository, SourceError};

/// What a host lacks of a commit, in git's bundle format (version 2), for `git fetch <bundle> +<reference>:…`.
#[derive(Debug)]
pub struct Bundle {
    /// Nameless, so that nothing is left behind; stands at its first byte.
    pub file: File,
    pub bytes: u64,
    pub objects: u64,
    pub packer: Packer,
}

impl Repository {
    /// Bundles what `commit` needs beyond `haves`, the commits that the host holds (those unknown here are of no
    /// use and ignored), under the name `reference`. `None` if the host lacks nothing: it need only set a ref.
    ///
    /// `progress` is called at least every tenth of a second and stops the work by answering `false`.
    pub fn bundle(
        &self,
        commit: &str,
        reference: &str,
        haves: &[String],
        progress: &mut dyn FnMut(PackProgress) -> bool,
    ) -> Result<Option<Bundle>, SourceError> {
        self.bundle_with(commit, reference, haves, None, progress)
    }

    /// [`Repository::bundle`] with one packer and no falling back; for tests and measurements.
    pub fn bundle_with(
        &self,
        commit: &str,
        reference: &str,
        haves: &[String],
        packer: Option<Packer>,
        progress: &mut dyn FnMut(PackProgress) -> bool,
    ) -> Result<Option<Bundle>, SourceError> {
        let wanted = self.commit(commit)?.id();
        let mut known: Vec<Oid> = haves.iter().filter_map(|id| self.known(id)).collect();
        known.sort();
        known.dedup();
        for have in &known {
            let holds = *have == wanted
                || self.git.graph_descendant_of(*have, wanted).map_err(|e| self.unreadable(commit, e))?;
            if holds {
                return Ok(None);
            }
        }

        let mut file = tempfile::tempfile().map_err(SourceError::io("cannot make a temporary file"))?;
        let header = header(wanted, reference, &known);
        let writing = "cannot write the bundle to the temporary folder";
        file.write_all(&header).map_err(SourceError::io(writing))?;
        let request = PackRequest { repository: self, wanted, haves: &known, start: header.len() as u64 };
        let packer = pack::write(&request, packer, &mut file, progress)?;

        let bytes = file.metadata().map_err(SourceError::io(writing))?.len();
        let objects = count(&mut file, request.start).map_err(SourceError::io(writing))?;
        file.rewind().map_err(SourceError::io(writing))?;
        Ok(Some(Bundle { file, bytes, objects, packer }))
    }
}

fn header(wanted: Oid, reference: &str, haves: &[Oid]) -> Vec<u8> {
    let mut text = String::from("# v2 git bundle\n");
    for have in haves {
        text.push_str(&format!("-{have}\n"));
    }
    text.push_str(&format!("{wanted} {reference}\n\n"));
    text.into_bytes()
}

/// The number of objects that the pack itself declares, behind `PACK` and its version.
fn count(file: &mut File, start: u64) -> std::io::Result<u64> {
    let mut number = [0; 4];
    file.seek(SeekFrom::Start(start + 8))?;
    file.read_exact(&mut number)?;
    Ok(u64::from(u32::from_be_bytes(number)))
}
