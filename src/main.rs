//! The binary: the line is understood, the command runs, its end becomes an exit code.

use std::path::PathBuf;

use deployer::commands::{complete, parse};
use deployer::model::ExitCode;
use deployer::ui::{Streams, Ui};

fn main() -> std::process::ExitCode {
    if complete() {
        return ExitCode::Done.into();
    }
    if let Some(code) = deployer::ssh::askpass() {
        return code.into();
    }
    let line = match parse(std::env::args_os()) {
        Ok(line) => line,
        Err(error) => {
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            // A reader that went away (`deployer --help | head`) is no failure.
            let _ = error.print();
            return code.into();
        }
    };
    let page = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from);
    let mut ui = Ui::new(line.ui_options(), Streams::standard()).with_page(page);
    let code = line.run(&mut ui).unwrap_or_else(|failure| {
        ui.failure(&failure);
        failure.exit as u8
    });
    ui.sum_up();
    code.into()
}
