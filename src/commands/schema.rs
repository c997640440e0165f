//! `schema`: what `deployer.toml` may hold, for editors.

use std::io::{self, Write};

use clap::Args;

use super::invocation::Invocation;
use super::names;
use super::verb::{AnyVerb, Environments, Verb, printed};
use crate::config::schema;
use crate::plan::Failure;
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<SchemaArgs>();

/// Print a JSON schema of deployer.toml, for editors
#[derive(Args, Debug)]
#[command(after_help = "\
An editor that knows TOML's #:schema, by taplo or tombi, takes it from the file's first line:
  deployer schema > deployer.schema.json
  #:schema ./deployer.schema.json")]
pub(super) struct SchemaArgs {}

impl Verb for SchemaArgs {
    const ENVIRONMENT: Environments = Environments::None;

    fn run(self, _: &Invocation, _: &mut Ui) -> Result<u8, Failure> {
        printed(writeln!(io::stdout(), "{:#}", schema(&names())))
    }
}
