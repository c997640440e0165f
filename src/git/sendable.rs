use std::collections::HashSet;

use git2::{ObjectType, Oid};

use super::printable::printable;
use super::{Repository, SourceError};

/// Files that are larger than this are no LFS pointers; git-lfs itself draws the line here.
const LARGEST_POINTER: usize = 1024;
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";

impl Repository {
    /// Names what would stop the commit from arriving whole: a shallow clone, objects that a partial clone left
    /// out, files kept in LFS. Cheap, so that it can be asked before anything is sent; objects that older
    /// commits lack are met (and named the same way) only by [`Repository::bundle`].
    pub fn check_sendable(&self, commit: &str) -> Result<(), SourceError> {
        self.check_shallow(commit)?;
        let mut survey = Survey {
            repository: self,
            commit,
            partial: self.is_partial(),
            odb: self.git.odb().map_err(SourceError::git("cannot open the object store"))?,
            pointers: Vec::new(),
        };
        let root = self.root(commit)?;
        survey.visit(&root, &mut Vec::new(), false)?;
        if survey.pointers.is_empty() { Ok(()) } else { Err(SourceError::Lfs { files: survey.pointers }) }
    }

    /// A shallow clone is harmless where the commit's history does not reach the place at which it is cut.
    fn check_shallow(&self, commit: &str) -> Result<(), SourceError> {
        let Ok(cut) = std::fs::read_to_string(self.git.commondir().join("shallow")) else {
            return Ok(()); // complete clones have no such file
        };
        let cut: HashSet<Oid> = cut.lines().filter_map(|line| Oid::from_str(line).ok()).collect();
        let mut walk = self.git.revwalk().map_err(|e| self.unreadable(commit, e))?;
        walk.push(self.commit(commit)?.id()).map_err(|e| self.unreadable(commit, e))?;
        for id in walk {
            if cut.contains(&id.map_err(|e| self.unreadable(commit, e))?) {
                return Err(SourceError::Shallow { commit: commit.to_owned() });
            }
        }
        Ok(())
    }
}

struct Survey<'a> {
    repository: &'a Repository,
    commit: &'a str,
    partial: bool,
    odb: git2::Odb<'a>,
    pointers: Vec<String>,
}

impl Survey<'_> {
    /// Walks a tree. `lfs`: a `.gitattributes` here or above speaks of LFS; only below one is any file read.
    fn visit(&mut self, tree: &git2::Tree<'_>, path: &mut Vec<u8>, lfs: bool) -> Result<(), SourceError> {
        let lfs = lfs || self.attributes_name_lfs(tree)?;
        for entry in tree {
            let length = path.len();
            path.extend_from_slice(entry.name_bytes());
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let tree = self.repository.git.find_tree(entry.id());
                    let tree = tree.map_err(|e| self.repository.unreadable(self.commit, e))?;
                    path.push(b'/');
                    self.visit(&tree, path, lfs)?;
                }
                Some(ObjectType::Blob) => {
                    if self.partial && !self.odb.exists(entry.id()) {
                        return Err(SourceError::MissingObjects {
                            commit: self.commit.to_owned(),
                            partial: true,
                            detail: printable(path),
                        });
                    }
                    if lfs && self.is_pointer(entry.id())? {
                        self.pointers.push(printable(path));
                    }
                }
                _ => {}
            }
            path.truncate(length);
        }
        Ok(())
    }

    fn attributes_name_lfs(&self, tree: &git2::Tree<'_>) -> Result<bool, SourceError> {
        let Some(entry) = tree.get_name_bytes(b".gitattributes") else {
            return Ok(false);
        };
        if entry.kind() != Some(ObjectType::Blob) {
            return Ok(false);
        }
        let attributes = self.odb.read(entry.id());
        let attributes = attributes.map_err(|e| self.repository.unreadable(self.commit, e))?;
        Ok(attributes
            .data()
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii_start().starts_with(b"#"))
            .any(|line| line.windows(10).any(|word| word == b"filter=lfs")))
    }

    fn is_pointer(&self, id: Oid) -> Result<bool, SourceError> {
        let unreadable = |e| self.repository.unreadable(self.commit, e);
        let (size, _) = self.odb.read_header(id).map_err(unreadable)?;
        if size >= LARGEST_POINTER {
            return Ok(false);
        }
        Ok(self.odb.read(id).map_err(unreadable)?.data().starts_with(POINTER))
    }
}
