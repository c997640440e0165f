/// How a wanted commit stands to one that a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Same,
    /// The wanted commit builds upon the held one, by so many commits.
    Ahead(usize),
    /// The held commit builds upon the wanted one: to deploy it goes back.
    Behind(usize),
    Diverged {
        ahead: usize,
        behind: usize,
    },
    /// The local repository does not have the held commit.
    HeldUnknown,
}
